"""Hyper-connections: several residual streams side by side, mixed anew before and after every branch."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.decoder import Norm, normed
from weighbridge.nn.module import Module
from weighbridge.nn.norm import RMSNorm, by_factors
from weighbridge.tape import Axis, Tensor, Weight
from weighbridge.traced import plain
from weighbridge.tree import Kind
from weighbridge.units import FP32


class Mixes(NamedTuple):
    """The mixing weights of every token: of streams before a branch, of its result after it, and between streams."""

    before: Tensor
    after: Tensor
    between: Tensor


class HyperConnection(Module):
    """Makes a branch's input of the streams, and new streams of its result, by weights that the streams themselves say:
    one per stream before, one per stream after, and a doubly stochastic matrix between old and new streams.

    Attributes:
        hidden_size: width of one stream.
        streams: how many there are.
        collapses: it only makes one stream of all, at the end of the model.
        rounds: how often rows and columns of the matrix are divided by their sums.
    """

    kind = Kind.OTHER
    note: ClassVar[str] = "weights of the residual streams"
    source: ClassVar[str] = "Xie et al. 2026 (mHC), eq. 5-8; DeepSeek-V4 (2026), section 2.2"

    hidden_size: Count
    streams: Count
    collapses: bool = False
    rounds: Count = 20

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
        return self.collapsed(x, self.mixes(x).before)

    def mixes(self, x: Tensor) -> Mixes:
        """The mixing weights of every token, in fp32."""
        if x.tape.run.kernels.written_out:
            return self.written(x)
        made = self.mixed(x if x.dtype is FP32 else ops.cast(x, "normalised streams in fp32", FP32))
        return Mixes(made, made, made)

    def mixed(self, wide: Tensor, *copies: Tensor) -> Tensor:
        """The product of streams and weights, of which there may be copies."""
        tape = wide.tape
        made = tape.tensor("mixing weights", *wide.axes[:-1], Axis("mixes", self.weights_per_token), dtype=FP32)
        work = ops.twice(2 * wide.rows * self.streams * self.hidden_size * self.weights_per_token)
        tape.record("mix", (wide, *self.weights.values()), (made, *copies), (wide, *copies), work)
        return made

    def written(self, x: Tensor) -> Mixes:
        """The same step by step (transformers, models/deepseek_v4/modeling_deepseek_v4.py, DeepseekV4HyperConnection,
        DeepseekV4HyperHead).
        """
        tape, narrow, rows = x.tape, x.dtype is not FP32, x.axes[:-1]
        wide = ops.cast(x, "streams in fp32", FP32) if narrow else x
        copied = (self.weight, *([self.scale] if self.collapses else []))
        copies = (tape.tensor("weight in fp32", *w.axes, dtype=FP32) for w in copied) if narrow else ()
        mixes = self.mixed(by_factors(wide), *copies)

        def gate(name: str, axis: Axis, function: str = "sigmoid") -> Tensor:
            """Some of the weights, scaled, through a function that keeps its result."""
            made = tape.tensor(name, *rows, axis, dtype=FP32)
            tape.record(function, (mixes,), (made,), (mixes, made))
            return made

        one, square = Axis("streams", self.streams), Axis("streams", self.streams, self.streams)
        before = ops.elementwise("add", gate("weights before", one))
        if self.collapses:
            return Mixes(before, before, before)
        after, between = gate("weights after", one), gate("weights between", square, "softmax")
        between = balanced(ops.elementwise("add", between), one, plain(self.rounds))
        if narrow:
            after, between = (ops.cast(w, f"{w.name}, narrow", x.dtype) for w in (after, between))
        return Mixes(before, after, between)

    def collapsed(self, x: Tensor, before: Tensor) -> Tensor:
        """The weighted sum of the streams."""
        made = x.tape.tensor("collapsed", *x.axes[:-1], Axis("hidden", self.hidden_size))
        x.tape.record("collapse", (x, before), (made,), (x, before))
        return made

    def expanded(self, x: Tensor, result: Tensor, mixes: Mixes) -> Tensor:
        """New streams: the old ones through the matrix, and the branch's result by its weights."""
        made, weights = x.tape.tensor("streams", *x.axes), (mixes.after, mixes.between)
        work = ops.twice(2 * x.rows * self.streams * self.streams * self.hidden_size)
        x.tape.record("expand", (x, result, *weights), (made,), (x, result, *weights), work)
        return made


def balanced(matrix: Tensor, one: Axis, rounds: int) -> Tensor:
    """A matrix of every token divided by the sums of its columns and of its rows, by turns, columns first and last
    (Sinkhorn and Knopp 1967). Every division keeps what it divides and the sums.
    """
    for _ in range(2 * rounds - 1):
        sums = matrix.tape.tensor("sums", *matrix.axes[:-1], one, dtype=FP32)
        matrix.tape.record("sum", (matrix,), (sums,))
        matrix = ops.elementwise("divide", matrix, sums, keeps=(matrix, sums))
    return matrix


class HyperLayer(Module):
    """A decoder layer over several residual streams.

    Attributes:
        hidden_size: width of one stream.
        mixer: what mixes positions.
        feed_forward: what works on each position.
        streams: residual streams.
        norm: what normalises the input of each branch.
        rounds: how often rows and columns of the connections' matrices are divided by their sums.
    """

    note: ClassVar[str] = "branches between hyper-connections"

    hidden_size: Count
    mixer: Module
    feed_forward: Module
    streams: Count
    norm: Norm = RMSNorm
    rounds: Count = 20

    def build(self) -> None:
        self.steps = []
        for branch in (self.mixer, self.feed_forward):
            connection = HyperConnection(self.hidden_size, self.streams, rounds=self.rounds)
            before = self.norm(self.hidden_size)
            self.register(f"{branch.title}_connection", connection)
            self.register(f"{branch.title}_norm", before)
            self.register(branch.title, branch)
            self.steps.append((connection, before, branch))

    def forward(self, x: Tensor) -> Tensor:
        for connection, before, branch in self.steps:
            with x.tape.inside(connection):
                mixes = connection.mixes(x)
                y = connection.collapsed(x, mixes.before)
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
        final: what normalises.
    """

    hidden_size: Count
    streams: Count
    final: Norm = RMSNorm

    def build(self) -> None:
        self.connection = HyperConnection(self.hidden_size, self.streams, collapses=True)
        self.norm = self.final(self.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.connection(x))
