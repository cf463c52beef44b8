"""Embeddings that are normalised before the first layer."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.nn.embedding import Embedding
from weighbridge.nn.module import Module
from weighbridge.tape import Tensor


class NormedEmbedding(Module):
    """Token embeddings with a normalisation of their own (BLOOM).

    Attributes:
        token: the table of tokens.
        norm: what normalises its rows.
    """

    note: ClassVar[str] = "tokens, normalised"
    source: ClassVar[str] = "BigScience Workshop 2022 (BLOOM), section 3.2.2"

    token: Embedding
    norm: Module

    def forward(self, tokens: Tensor) -> Tensor:
        return self.norm(self.token(tokens))
