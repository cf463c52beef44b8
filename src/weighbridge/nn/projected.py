"""Token tables narrower than the residual stream, and the projections that lead into it and out of it."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.embedding import Embedding, TokenAndPosition
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.tape import Axis, Tensor
from weighbridge.tree import Kind


class ProjectedEmbedding(TokenAndPosition):
    """Token embeddings, projected to the width of the stream, plus learned positions (OPT).

    Attributes:
        reserved: rows of the position table that stand for no position (OPT's first two).
        token_size: elements per row of the token table; the hidden size, without a projection, if ``None``.
    """

    source: ClassVar[str] = "transformers, models/opt/modeling_opt.py"

    reserved: Count = 0
    token_size: Count | None = None

    def build(self) -> None:
        width = self.hidden_size if self.token_size is None else self.token_size
        self.token = Embedding(self.vocab_size, width)
        if self.token_size is not None:
            self.in_proj = Linear(Axis("token", width), Axis("hidden", self.hidden_size))
        self.position = Embedding(self.max_positions + self.reserved, self.hidden_size, "position")

    def forward(self, tokens: Tensor) -> Tensor:
        positions = tokens.tape.tensor("positions", *tokens.axes, dtype=tokens.dtype)  # numbered by an attention mask
        embedded = self.token(tokens)
        if self.token_size is not None:
            embedded = self.in_proj(embedded)
        return ops.add(embedded, self.position(positions))


class ProjectedNorm(Module):
    """The last normalisation, if there is one, and the projection back to the width of the token table.

    Attributes:
        hidden_size: width of the residual stream.
        norm: what normalises the last hidden state; ``None`` for nothing.
        token_size: elements per row of the token table; ``None`` for no projection.
    """

    kind = Kind.HEAD
    source: ClassVar[str] = "transformers, models/opt/modeling_opt.py"

    hidden_size: Count
    norm: Module | None
    token_size: Count | None = None

    def build(self) -> None:
        if self.norm is not None:
            self.register("norm", self.norm)
        if self.token_size is not None:
            self.out_proj = Linear(Axis("hidden", self.hidden_size), Axis("token", self.token_size))

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.norm is None else self.norm(x)
        return x if self.token_size is None else self.out_proj(x)
