"""Granite 3: Llama's block with constant factors on embeddings, residuals, scores and logits, which weigh nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.llama import Config as LlamaConfig
from weighbridge.models.llama import build as build


@dataclass(frozen=True, kw_only=True)
class Config(LlamaConfig):
    """Defaults as ``transformers`` has them: those of Llama 2 7B."""

    family: ClassVar[str] = "Granite"
