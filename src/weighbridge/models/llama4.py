"""Llama 4 that sees: its language model beside a tower whose adapter folds neighbouring patches (pixel shuffle)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import floor_div
from weighbridge.models import llama4_text, multimodal
from weighbridge.models.config import Layers, Size
from weighbridge.nn import CausalLM, Embedding, LayerNorm, Module, Repeat
from weighbridge.nn.problems import Problem
from weighbridge.nn.vision_layers import PatchEmbedding, TowerOfParts, projection, vision_layer


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """Defaults as ``transformers`` has them.

    Attributes:
        projector_input_dim: width to which the adapter brings folded patches.
        projector_output_dim: width of its second projection.
        vision_output_dim: width that the language model's projector takes.
    """

    aliases: ClassVar[dict[str, str]] = {}

    hidden_size: Size = 768
    intermediate_size: Size = 5632
    num_hidden_layers: Layers = 34
    num_attention_heads: Size = 16
    num_channels: Size = 3
    image_size: Size = 448
    patch_size: Size = 14
    projector_input_dim: Size = 4096
    projector_output_dim: Size = 4096
    vision_output_dim: Size = 7680

    def problems(self) -> Iterator[Problem]:
        """What does not fit together."""
        yield from ()

    def tower(self, text_size: Size) -> TowerOfParts:
        """The tower, and what brings its result to the language model's width."""
        hidden, heads, side = self.hidden_size, self.num_attention_heads, floor_div(self.image_size, self.patch_size)
        layer = vision_layer(hidden, heads, floor_div(hidden, heads), self.intermediate_size, bias=True)
        parts: dict[str, Module] = {
            "patches": PatchEmbedding(hidden, self.patch_size, self.num_channels),
            "class": Embedding(1, hidden, "class"),
            "positions": Embedding(side * side + 1, hidden, "position"),
            "first_norm": LayerNorm(hidden),
            "layers": Repeat(layer, self.num_hidden_layers),
            "last_norm": LayerNorm(hidden),
            "adapter": projection(self.intermediate_size, self.projector_input_dim),
            "adapter_out": projection(self.projector_output_dim, self.projector_output_dim),
            "projector": projection(self.vision_output_dim, text_size),
        }
        return TowerOfParts(parts)


@dataclass(frozen=True, kw_only=True)
class Config(multimodal.Config):
    """Sections as ``transformers`` has them; the language model's own ``tie_word_embeddings`` is the one that ties."""

    family: ClassVar[str] = "Llama 4"

    text_config: llama4_text.Config
    vision_config: VisionConfig | None = None


def build(config: Config) -> CausalLM:
    """The language model, and its tower."""
    tower = (config.vision_config or VisionConfig()).tower(config.text_config.hidden_size)
    return multimodal.with_tower(llama4_text.build(config.text_config), tower)
