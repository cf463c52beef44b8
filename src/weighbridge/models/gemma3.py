"""Gemma 3 that sees: Gemma 3's language model beside SigLIP's tower; a norm and one projection join them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models import gemma3_text, multimodal
from weighbridge.models.siglip_config import SiglipConfig
from weighbridge.nn import CausalLM, RMSNorm
from weighbridge.nn.module import Module
from weighbridge.nn.vision_layers import TowerOfParts, projection


@dataclass(frozen=True, kw_only=True)
class Config(multimodal.Config):
    """Sections as ``transformers`` has them; the outer ``tie_word_embeddings`` is the one that ties."""

    family: ClassVar[str] = "Gemma 3"

    text_config: gemma3_text.Config
    vision_config: SiglipConfig | None = None
    tie_word_embeddings: bool = True


def build(config: Config) -> CausalLM:
    """The language model, and its tower."""
    text, vision = config.text_config, config.vision_config or SiglipConfig()
    projector: dict[str, Module] = {
        "norm": RMSNorm(vision.hidden_size),
        "proj": projection(vision.hidden_size, text.hidden_size),
    }
    language_model = gemma3_text.build(replace(text, tie_word_embeddings=config.tie_word_embeddings))
    return multimodal.with_tower(language_model, vision.tower(TowerOfParts(projector)))
