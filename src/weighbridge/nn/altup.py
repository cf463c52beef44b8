"""Alternating updates: a wide residual stream of several, of which each layer works on one (Gemma 3n)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.decoder import normed
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module, Repeat
from weighbridge.nn.power_norm import PowerRMSNorm
from weighbridge.tape import Axis, Tensor, Weight
from weighbridge.traced import plain
from weighbridge.tree import Kind
from weighbridge.units import FP32

SOURCE = "Baykal et al. 2023 (AltUp), algorithm 1; transformers, models/gemma3n/modeling_gemma3n.py"


def one_of(streams: Tensor) -> Tensor:
    """The stream that layers work on."""
    return ops.view(streams, "active stream", *streams.axes[1:])


def as_long(others: Sequence[Tensor], first: Tensor) -> list[Tensor]:
    """Streams made as long as the first: times its root mean square, divided by their own. Keeps both factors of each,
    and of every row the mean squares and their roots.
    """
    tape, rows = first.tape, first.axes[:-1]
    wanted = [tape.tensor(name, *rows) for name in ("mean square", "root mean square")]
    tape.record("length", (first,), tuple(wanted), (first, *wanted))
    made = []
    for other in others:
        own = [tape.tensor(name, *rows) for name in ("mean square", "root mean square")]
        tape.record("length", (other,), tuple(own), (other, *own))
        product = tape.tensor("times the first's length", *other.axes)
        made.append(tape.tensor("as long", *other.axes))
        tape.record("multiply", (other, wanted[1]), (product,), (other, wanted[1]))
        tape.record("divide", (product, own[1]), (made[-1],), (product, own[1]))
    return made


def one_each(hidden_size: Count, streams: Count) -> Repeat:
    """A projection for each stream but the first, which is called once for each."""
    hidden = Axis("hidden", hidden_size)
    return Repeat(Linear(hidden, hidden), streams - 1, together=True, name="projections")


class AltUp(Module):
    """Predicts every stream from all of them, and corrects the predictions by what a layer made of one.

    Attributes:
        hidden_size: width of one stream.
        streams: how many there are.
    """

    kind = Kind.OTHER
    title = "altup"
    source: ClassVar[str] = SOURCE

    hidden_size: Count
    streams: Count

    def build(self) -> None:
        hidden, streams = Axis("hidden", self.hidden_size), Axis("streams", self.streams)
        self.scale = Weight((hidden,))
        self.router_norm = PowerRMSNorm(self.hidden_size)
        self.router = Linear(hidden, streams)
        self.prediction = Linear(streams, Axis("streams", self.streams, self.streams))
        self.correction = Linear(streams, streams)

    def forward(self, streams: Tensor, made: Tensor | None = None) -> Tensor:
        """Predictions of all streams; or, of predictions and what the layer made, the streams that come next."""
        if made is not None:
            return self.corrected(streams, made)
        coefficients = self.prediction(self.modalities(one_of(streams)))
        work = ops.twice(2 * streams.count * self.streams)
        mixed = streams.tape.tensor("mixed", *streams.axes)
        streams.tape.record("mix", (streams, coefficients), (mixed,), (streams, coefficients), work)
        return ops.add(mixed, streams)

    def modalities(self, x: Tensor) -> Tensor:
        """One number per stream, from -1 to 1."""
        routed = self.router(ops.elementwise("scale", self.router_norm(x)))
        wide = x.tape.tensor("tanh in fp32", *routed.axes, dtype=FP32)
        x.tape.record("tanh", (routed,), (wide,), (wide,))
        made = x.tape.tensor("tanh", *routed.axes)
        x.tape.record("cast", (wide,), (made,))
        return made

    def corrected(self, predictions: Tensor, made: Tensor) -> Tensor:
        """Predictions, each plus its share of how far the active one was off."""
        coefficients = self.correction(self.modalities(made))
        innovation = made.tape.tensor("innovation", *predictions.axes)
        clamped = made.tape.tensor("clamped weight", *self.correction.weight.axes)
        made.tape.record("subtract", (made, predictions), (innovation, clamped), (clamped,))
        return ops.add(ops.multiply(innovation, coefficients), predictions)


class Laurel(Module):
    """Learned augmented residual layer: a low-rank residual branch beside attention (Menghani et al. 2024, eq. 5).

    Attributes:
        hidden_size: width of the stream.
        rank: width inside.
    """

    kind = Kind.OTHER
    title = "laurel"
    source: ClassVar[str] = "Menghani et al. 2024 (LAuReL), section 2; transformers, models/gemma3n/modeling_gemma3n.py"

    hidden_size: Count
    rank: Count

    def build(self) -> None:
        hidden, rank = Axis("hidden", self.hidden_size), Axis("rank", self.rank)
        self.left = Linear(hidden, rank)
        self.right = Linear(rank, hidden)
        self.norm = PowerRMSNorm(self.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return ops.add(x, self.norm(self.right(self.left(x))))


class AltUpLayer(Module):
    """A layer that works on one of several streams: attention beside a low-rank residual branch, a feed-forward
    network, and the layer's own input, which goes to the other streams.

    Attributes:
        hidden_size: width of one stream.
        streams: how many there are.
        rank: width of the low-rank branch.
        mixer: attention.
        feed_forward: the feed-forward network.
        per_layer_input: makes the layer's own input.
        scales: what the layer's own input is made from is scaled, element by element.
    """

    note: ClassVar[str] = "works on one of several streams"
    source: ClassVar[str] = SOURCE

    hidden_size: Count
    streams: Count
    rank: Count
    mixer: Module
    feed_forward: Module
    per_layer_input: Module
    scales: bool = True

    def build(self) -> None:
        self.altup = AltUp(self.hidden_size, self.streams)
        self.attention_norm = PowerRMSNorm(self.hidden_size)
        self.laurel = Laurel(self.hidden_size, self.rank)
        self.register("attention", self.mixer)
        self.post_attention_norm = PowerRMSNorm(self.hidden_size)
        self.mlp_norm = PowerRMSNorm(self.hidden_size)
        self.register("mlp", self.feed_forward)
        self.post_mlp_norm = PowerRMSNorm(self.hidden_size)

    def forward(self, streams: Tensor) -> Tensor:
        predictions = self.altup(streams)
        x = one_of(predictions)
        y = normed(x, self.attention_norm, self.mixer)
        low = self.laurel(y)
        x = ops.elementwise("scale", ops.add(ops.add(x, self.post_attention_norm(self.mixer(y))), low))
        y = self.feed_forward(normed(x, self.mlp_norm, self.feed_forward))
        x = ops.add(x, self.post_mlp_norm(y))
        streams = self.altup(predictions, x)
        first = ops.elementwise("copy", one_of(streams))
        if self.scales:
            first = ops.elementwise("scale", first, keeps=(first,), weights=(self.altup.scale,))
        return ops.add(streams, self.per_layer_input(first))


class Streams(Module):
    """Several streams of one embedding: itself, and projections of it as long as itself.

    Attributes:
        token: makes the first stream of tokens.
        hidden_size: width of one stream.
        streams: how many there are.
    """

    kind = Kind.OTHER
    note: ClassVar[str] = "tokens in several streams"
    source: ClassVar[str] = SOURCE

    token: Module
    hidden_size: Count
    streams: Count

    def build(self) -> None:
        self.register("token", self.token)
        self.projections = one_each(self.hidden_size, self.streams)

    def forward(self, tokens: Tensor) -> Tensor:
        first = self.token(tokens)
        alike = as_long([self.projections(first) for _ in range(1, plain(self.streams))], first)
        made = first.tape.tensor("streams", Axis("streams", self.streams), *first.axes)
        first.tape.record("stack", (first, *alike), (made,))
        return made


class MergedStreams(Module):
    """The mean of the streams, each but the first projected, normalised.

    Attributes:
        hidden_size: width of one stream.
        streams: how many there are.
    """

    kind = Kind.OTHER
    note: ClassVar[str] = "several streams become one"
    source: ClassVar[str] = SOURCE

    hidden_size: Count
    streams: Count

    def build(self) -> None:
        self.projections = one_each(self.hidden_size, self.streams)
        self.norm = PowerRMSNorm(self.hidden_size)

    def forward(self, streams: Tensor) -> Tensor:
        tape, first = streams.tape, one_of(streams)
        others = (ops.view(streams, "other stream", *streams.axes[1:]) for _ in range(1, plain(self.streams)))
        alike = as_long([self.projections(other) for other in others], first)
        made = tape.tensor("mean of streams", *first.axes)
        tape.record("mean", (first, *alike), (made,))
        return self.norm(made)
