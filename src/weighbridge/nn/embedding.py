"""Token and position embeddings."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.module import Module
from weighbridge.tape import Axis, Tensor, Weight
from weighbridge.tree import Kind


class Embedding(Module):
    """A table of one row per token, or per learned position.

    Attributes:
        rows: vocabulary size, or number of positions.
        hidden_size: elements per row.
        axis: the name of the row axis: "vocab" or "position".
    """

    kind = Kind.EMBEDDING

    rows: Count
    hidden_size: Count
    axis: str = "vocab"

    def symbol_of(self, field: str) -> str:
        return f"{self.axis}_size" if field == "rows" else field

    def build(self) -> None:
        self.weight = Weight((Axis(self.axis, self.rows), Axis("hidden", self.hidden_size)))

    def forward(self, tokens: Tensor) -> Tensor:
        return ops.lookup(tokens, self.weight, Axis("hidden", self.hidden_size))


class TokenAndPosition(Module):
    """Token embeddings plus learned absolute positions, as in GPT-2 (Radford et al. 2019).

    Attributes:
        vocab_size: rows of the token table.
        max_positions: rows of the position table.
        hidden_size: elements per row.
    """

    kind = Kind.EMBEDDING
    note: ClassVar[str] = "tokens and learned positions"
    source: ClassVar[str] = "Radford et al. 2019"

    vocab_size: Count
    max_positions: Count
    hidden_size: Count

    def build(self) -> None:
        self.token = Embedding(self.vocab_size, self.hidden_size)
        self.position = Embedding(self.max_positions, self.hidden_size, "position")

    def forward(self, tokens: Tensor) -> Tensor:
        # Megatron-Core's data loader numbers every sequence by itself; transformers numbers all of them once
        numbered = tokens.axes if tokens.tape.run.kernels.sequence_first else tokens.axes[1:]
        positions = tokens.tape.tensor("positions", *numbered, dtype=tokens.dtype)
        embedded = self.token(tokens)
        return ops.add(embedded, self.position(positions))
