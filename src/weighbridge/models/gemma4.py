"""Gemma 4 that sees and hears: its language model beside a tower for images and one for sound, each if there is one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models import gemma4_text, multimodal
from weighbridge.models.gemma4_towers_config import AudioConfig, VisionConfig
from weighbridge.nn import CausalLM
from weighbridge.nn.vision_layers import TowerOfParts


@dataclass(frozen=True, kw_only=True)
class Config(multimodal.Config):
    """Sections as ``transformers`` has them; the outer ``tie_word_embeddings`` is the one that ties."""

    family: ClassVar[str] = "Gemma 4"

    text_config: gemma4_text.Config
    vision_config: VisionConfig | None = None
    audio_config: AudioConfig | None = None
    tie_word_embeddings: bool = True


def build(config: Config) -> CausalLM:
    """The language model, and its towers."""
    text = replace(config.text_config, tie_word_embeddings=config.tie_word_embeddings)
    sections = {"vision": config.vision_config, "audio": config.audio_config}
    towers = {name: section.tower(text.hidden_size) for name, section in sections.items() if section is not None}
    language_model = gemma4_text.build(text)
    return multimodal.with_tower(language_model, TowerOfParts(towers)) if towers else language_model
