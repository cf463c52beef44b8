"""Qwen3-VL: Qwen3's language model beside a tower whose inner layers reach it too (deepstack)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models import qwen3_vl_text
from weighbridge.models.multimodal import with_tower
from weighbridge.models.qwen_vision_config import DeepstackConfig, SeeingConfig
from weighbridge.nn import CausalLM


@dataclass(frozen=True, kw_only=True)
class Config(SeeingConfig):
    """Sections as ``transformers`` has them."""

    family: ClassVar[str] = "Qwen3-VL"

    text_config: qwen3_vl_text.Config
    vision_config: DeepstackConfig | None = None


def build(config: Config) -> CausalLM:
    """The language model, and its tower."""
    return with_tower(qwen3_vl_text.build(config.text), config.tower(DeepstackConfig()))
