"""Per-layer inputs: a small vector of each token for every layer, beside the stream (Gemma 3n)."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.embedding import Embedding
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.power_norm import PowerRMSNorm
from weighbridge.tape import SEQUENCE, Axis, Tape, Tensor
from weighbridge.tree import Kind


def layer_inputs(tape: Tape, layers: Count, size: Count) -> Tensor:
    """The vectors of all layers, made before the first."""
    run = tape.run
    places = (Axis("batch", run.batch), Axis(SEQUENCE, run.skipped + run.sequence))
    return tape.table("inputs of layers", *places, Axis("layers", layers), Axis("layer_input", size))


class ScaledEmbedding(Embedding):
    """A table whose rows are multiplied by the square root of their width (Gemma)."""

    def forward(self, tokens: Tensor) -> Tensor:
        return ops.elementwise("scale", super().forward(tokens))


class PerLayerEmbedding(Module):
    """Two tables of tokens: that of the stream, and one with a vector for every layer, to which a projection of the
    stream is added.

    Attributes:
        vocab_size: rows of the stream's table.
        hidden_size: width of the stream.
        layers: decoder layers.
        rows: rows of the other table.
        size: elements of one layer's vector.
        replaces: tokens that the other table has no row for read its first, so that it is given copies (Gemma 3n).
    """

    kind = Kind.EMBEDDING
    note: ClassVar[str] = "tokens, and a vector of each for every layer"
    source: ClassVar[str] = (
        "transformers, models/gemma3n/modeling_gemma3n.py, Gemma3nTextModel.project_per_layer_inputs"
    )

    vocab_size: Count
    hidden_size: Count
    layers: Count
    rows: Count
    size: Count
    replaces: bool = False

    def build(self) -> None:
        self.token = ScaledEmbedding(self.vocab_size, self.hidden_size)
        self.per_layer = ScaledEmbedding(self.rows, self.layers * self.size)
        self.projection = Linear(Axis("hidden", self.hidden_size), Axis("layers", self.layers, self.size))
        self.norm = PowerRMSNorm(self.size, "layer_input")

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.token(tokens)
        table = self.per_layer(ops.elementwise("replace", tokens) if self.replaces else tokens)
        projected = self.projection(x)
        made = layer_inputs(tokens.tape, self.layers, self.size)
        normed = self.norm(ops.view(projected, projected.name, *projected.axes[:-1], *made.axes[-2:]))
        tokens.tape.record("add", (normed, table), (made,))
        return x


class PerLayerInput(Module):
    """A gate that the stream makes, times the layer's vector of the token, projected back and normalised.

    Attributes:
        hidden_size: width of the stream.
        layers: decoder layers.
        size: elements of one layer's vector.
        activation: the gate's.
    """

    kind = Kind.OTHER
    title = "per_layer_input"
    note: ClassVar[str] = "gate and projection of a layer's own input"
    source: ClassVar[str] = "transformers, models/gemma3n/modeling_gemma3n.py, Gemma3nTextDecoderLayer"

    hidden_size: Count
    layers: Count
    size: Count
    activation: str = "gelu"

    def build(self) -> None:
        hidden, inner = Axis("hidden", self.hidden_size), Axis("layer_input", self.size)
        self.gate = Linear(hidden, inner)
        self.proj = Linear(inner, hidden)
        self.norm = PowerRMSNorm(self.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        gate = ops.activation(self.activation, self.gate(x))
        own = ops.view(layer_inputs(x.tape, self.layers, self.size), "input of the layer", *gate.axes)
        return self.norm(self.proj(ops.multiply(gate, own)))
