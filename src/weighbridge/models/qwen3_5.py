"""Qwen3.5: a hybrid language model beside Qwen3-VL's tower, without deepstack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models import qwen3_5_text
from weighbridge.models.multimodal import with_tower
from weighbridge.models.qwen_vision_config import SeeingConfig, VisionConfig
from weighbridge.nn import CausalLM


@dataclass(frozen=True, kw_only=True)
class Config(SeeingConfig):
    """Sections as ``transformers`` has them."""

    family: ClassVar[str] = "Qwen3.5"

    text_config: qwen3_5_text.Config


def build(config: Config) -> CausalLM:
    """The language model, and its tower."""
    return with_tower(qwen3_5_text.build(config.text), config.tower(VisionConfig()))
