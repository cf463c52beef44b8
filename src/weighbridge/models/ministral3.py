"""Ministral 3: Mistral's block, with a sliding window only where one is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models import mistral
from weighbridge.models.config import Layers, Size, Size0

build = mistral.build


@dataclass(frozen=True, kw_only=True)
class Config(mistral.Config):
    """Defaults as ``transformers`` has them."""

    family: ClassVar[str] = "Ministral 3"
    scaled_queries: ClassVar[bool] = True

    vocab_size: Size = 131072
    num_hidden_layers: Layers = 34
    head_dim: Size | None = 128
    sliding_window: Size0 | None = None
