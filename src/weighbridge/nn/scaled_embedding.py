"""Embeddings that a constant factor multiplies."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.nn import ops
from weighbridge.nn.embedding import Embedding
from weighbridge.tape import Tensor


class ScaledEmbedding(Embedding):
    """Token embeddings times the root of the hidden size, a buffer of one element (Gemma)."""

    source: ClassVar[str] = "Vaswani et al. 2017, section 3.4"

    def forward(self, tokens: Tensor) -> Tensor:
        return ops.elementwise("scale", super().forward(tokens))
