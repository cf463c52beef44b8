"""Gemma 3, text only: Gemma 2 with a norm on queries and keys, and five sliding layers to one full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models import gemma2
from weighbridge.models.config import FULL, SLIDING, Size, every

build = gemma2.build


@dataclass(frozen=True, kw_only=True)
class Config(gemma2.Config):
    """Defaults of the text part of Gemma 3 as ``transformers`` has them."""

    family: ClassVar[str] = "Gemma 3"
    qk_norm: ClassVar[bool] = True
    angles_by_layer: ClassVar[bool] = True

    vocab_size: Size = 262208
    sliding_window_pattern: Size = 6
    attn_logit_softcapping: float | None = None
    final_logit_softcapping: float | None = None

    def own_pattern(self) -> list[str]:
        return every(self.num_hidden_layers, self.sliding_window_pattern, FULL, SLIDING)
