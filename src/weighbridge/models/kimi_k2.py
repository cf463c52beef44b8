"""Kimi K2: DeepSeek-V3 with more and sparser experts, half the heads and no prediction layers. Its code came with its
weights (modeling_deepseek.py, DeepSeek-V3's own), not with ``transformers``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models import deepseek_v3
from weighbridge.models.config import Size, Size0

build = deepseek_v3.build


@dataclass(frozen=True, kw_only=True)
class Config(deepseek_v3.Config):
    """Defaults of Kimi K2."""

    family: ClassVar[str] = "Kimi K2"

    vocab_size: Size = 163840
    num_attention_heads: Size = 64
    first_k_dense_replace: Size0 = 1
    n_routed_experts: Size = 384
    num_nextn_predict_layers: Size0 | None = 0
