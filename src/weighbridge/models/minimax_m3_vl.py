"""MiniMax-M3: a sparse language model beside a CLIP-like tower that sees several frames at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.arithmetic import Count, exact_div
from weighbridge.models import minimax_m3_vl_text, multimodal
from weighbridge.models.config import Layers, Size
from weighbridge.nn import CausalLM, LayerNorm, Repeat
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.nn.vision_layers import PatchEmbedding, TowerOfParts, vision_layer
from weighbridge.nn.vision_parts import Projector


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """Defaults as ``transformers`` has them.

    Attributes:
        hidden_size: width of the tower.
        intermediate_size: width inside the feed-forward networks.
        num_hidden_layers: layers.
        num_attention_heads: heads.
        num_channels: values per pixel.
        patch_size: pixels of a patch's side.
        temporal_patch_size: frames that a patch goes through.
        spatial_merge_size: patches of the side of a square that becomes one token.
    """

    title: ClassVar[str] = "vision"
    aliases: ClassVar[dict[str, str]] = {}

    hidden_size: Size = 1280
    intermediate_size: Size = 5120
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 16
    num_channels: Size = 3
    patch_size: Size = 14
    temporal_patch_size: Size = 2
    spatial_merge_size: Size = 2

    def problems(self) -> Iterator[Problem]:
        """What does not fit together."""
        yield from must_divide(self, "hidden_size", "num_attention_heads")

    def tower(self, inside: Count, out: Count) -> TowerOfParts:
        """The tower, which projects patches to a width, and squares of them to it again."""
        hidden, heads = self.hidden_size, self.num_attention_heads
        layer = vision_layer(hidden, heads, exact_div(hidden, heads), self.intermediate_size, bias=True)
        merged = out * self.spatial_merge_size * self.spatial_merge_size
        return TowerOfParts(
            {
                "patches": PatchEmbedding(hidden, self.patch_size, self.num_channels, self.temporal_patch_size),
                "norm": LayerNorm(hidden),
                "layers": Repeat(layer, self.num_hidden_layers),
                "projector": Projector(hidden, inside, out),
                "merger": Projector(merged, inside, out),
            }
        )


@dataclass(frozen=True, kw_only=True)
class Config(multimodal.Config):
    """Sections as ``transformers`` has them; either ``tie_word_embeddings`` ties.

    Attributes:
        projector_hidden_size: width inside the projectors.
    """

    family: ClassVar[str] = "MiniMax-M3"

    text_config: minimax_m3_vl_text.Config
    vision_config: VisionConfig | None = None
    tie_word_embeddings: bool = False
    projector_hidden_size: Size = 6144


def build(config: Config) -> CausalLM:
    """The language model, and its tower."""
    text, vision = config.text_config, config.vision_config or VisionConfig()
    tied = config.tie_word_embeddings or text.tie_word_embeddings
    tower = vision.tower(config.projector_hidden_size, text.hidden_size)
    return multimodal.with_tower(minimax_m3_vl_text.build(replace(text, tie_word_embeddings=tied)), tower)
