"""GPT-BigCode (SantaCoder, StarCoder 1): GPT-2 with one key/value head that all query heads share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.models.gpt2 import Config as Gpt2Config
from weighbridge.models.gpt2 import build as build


@dataclass(frozen=True, kw_only=True)
class Config(Gpt2Config):
    """Defaults as ``transformers`` has them.

    Attributes:
        multi_query: query heads share one key/value head.
    """

    family: ClassVar[str] = "GPT-BigCode"

    activation: ClassVar[str] = "gelu"
    narrow_softmax: ClassVar[bool] = False

    multi_query: bool = True

    @property
    def kv_heads(self) -> Count:
        return 1 if self.multi_query else self.num_attention_heads
