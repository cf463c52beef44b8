"""Hyper-connections: several residual streams side by side, mixed anew before and after every branch."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.decoder import Norm, normed
from weighbridge.nn.module import Module
from weighbridge.nn.norm import RMSNorm
from weighbridge.tape import Axis, Tensor, Weight
from weighbridge.tree import Kind
from weighbridge.units import FP32


class HyperConnection(Module):
    """Makes a branch's input of the streams, and new streams of its result, by weights that the streams themselves say:
    one per stream before, one per stream after, and a doubly stochastic matrix between old and new streams.

    Attributes:
        hidden_size: width of one stream.
        streams: how many there are.
        collapses: it only makes one stream of all, at the end of the model.
    """

    kind = Kind.OTHER
    note: ClassVar[str] = "weights of the residual streams"
    source: ClassVar[str] = "Xie et al. 2026 (mHC), eq. 5-8; DeepSeek-V4 (2026), section 2.2"

    hidden_size: Count
    streams: Count
    collapses: bool = False

    @property
    def weights_per_token(self) -> Count:
        """Mixing weights that each token has."""
        return self.streams if self.collapses else (2 + self.streams) * self.streams

    def build(self) -> None:
        mixes = Axis("mixes", self.weights_per_token)
        self.weight = Weight((mixes, Axis("streams", self.streams, self.hidden_size)))
        self.offset = Weight((mixes,))
        self.scale = Weight((Axis("scales", 1 if self.collapses else 3),))

    def forward(self, x: Tensor) -> Tensor:
        """One stream of all; the weights of the others stay on the tape."""
        return self.collapsed(x, self.mixes(x))

    def mixes(self, x: Tensor) -> Tensor:
        """The mixing weights of every token, in fp32."""
        made = x.tape.tensor("mixing weights", *x.axes[:-1], Axis("mixes", self.weights_per_token), dtype=FP32)
        wide = x.tape.tensor("normalised streams in fp32", *x.axes, dtype=FP32)
        x.tape.record("to fp32", (x,), (wide,))
        work = ops.twice(2 * x.rows * self.streams * self.hidden_size * self.weights_per_token)
        x.tape.record("mix", (wide, *self.weights.values()), (made,), (wide,), work)
        return made

    def collapsed(self, x: Tensor, mixes: Tensor) -> Tensor:
        """The weighted sum of the streams."""
        made = x.tape.tensor("collapsed", *x.axes[:-1], Axis("hidden", self.hidden_size))
        x.tape.record("collapse", (x, mixes), (made,), (x, mixes))
        return made

    def expanded(self, x: Tensor, result: Tensor, mixes: Tensor) -> Tensor:
        """New streams: the old ones through the matrix, and the branch's result by its weights."""
        made = x.tape.tensor("streams", *x.axes)
        work = ops.twice(2 * x.rows * self.streams * self.streams * self.hidden_size)
        x.tape.record("expand", (x, result, mixes), (made,), (x, result, mixes), work)
        return made


class HyperLayer(Module):
    """A decoder layer over several residual streams.

    Attributes:
        hidden_size: width of one stream.
        mixer: what mixes positions.
        feed_forward: what works on each position.
        streams: residual streams.
        norm: what normalises the input of each branch.
    """

    note: ClassVar[str] = "branches between hyper-connections"

    hidden_size: Count
    mixer: Module
    feed_forward: Module
    streams: Count
    norm: Norm = RMSNorm

    def build(self) -> None:
        self.steps = []
        for branch in (self.mixer, self.feed_forward):
            connection, before = HyperConnection(self.hidden_size, self.streams), self.norm(self.hidden_size)
            self.register(f"{branch.title}_connection", connection)
            self.register(f"{branch.title}_norm", before)
            self.register(branch.title, branch)
            self.steps.append((connection, before, branch))

    def forward(self, x: Tensor) -> Tensor:
        for connection, before, branch in self.steps:
            with x.tape.inside(connection):
                mixes = connection.mixes(x)
                y = connection.collapsed(x, mixes)
            y = normed(y, before, branch)
            with x.tape.segment(branch.title):
                y = branch(y)
            with x.tape.inside(connection):
                x = connection.expanded(x, y, mixes)
        return x


class StreamEmbedding(Module):
    """Tokens become hidden states, which all streams start with.

    Attributes:
        token: the table of tokens.
        streams: residual streams.
    """

    token: Module
    streams: Count

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.token(tokens)
        last = x.axes[-1]
        made = x.tape.tensor("streams", *x.axes[:-1], Axis("streams", self.streams, last.size))
        x.tape.record("repeat", (x,), (made,))
        return made


class StreamNorm(Module):
    """The final normalisation, of the streams' weighted sum.

    Attributes:
        hidden_size: width of one stream.
        streams: residual streams.
    """

    hidden_size: Count
    streams: Count

    def build(self) -> None:
        self.connection = HyperConnection(self.hidden_size, self.streams, collapses=True)
        self.norm = RMSNorm(self.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.connection(x))
