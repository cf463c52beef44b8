"""Step-3.7: Step-3.5's language model beside a tower whose layers are scaled, with two convolutions after them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from annotated_types import Interval

from weighbridge.arithmetic import Count, exact_div, floor_div, scale
from weighbridge.models import multimodal, step3p5
from weighbridge.models.config import Layers, Size
from weighbridge.nn import CausalLM, Embedding, LayerNorm, Linear, Repeat
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.nn.vision_layers import PatchEmbedding, TowerOfParts, vision_layer
from weighbridge.nn.vision_parts import Convolution, ScaledLayer
from weighbridge.tape import Axis

WINDOW = 3
"""Patches along a side of what the convolutions see; each halves the grid and doubles the channels."""


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """Defaults as ``transformers`` has them.

    Attributes:
        hidden_size: width of the tower.
        mlp_ratio: width inside the feed-forward networks over that.
        num_hidden_layers: layers.
        num_attention_heads: heads.
        num_channels: values per pixel.
        image_size: pixels of an image's side.
        patch_size: pixels of a patch's side.
    """

    title: ClassVar[str] = "vision"
    aliases: ClassVar[dict[str, str]] = {
        "width": "hidden_size",
        "layers": "num_hidden_layers",
        "heads": "num_attention_heads",
    }

    hidden_size: Size = 1536
    mlp_ratio: Annotated[float, Interval(gt=0, le=1000)] = 8960 / 1536
    num_hidden_layers: Layers = 47
    num_attention_heads: Size = 16
    num_channels: Size = 3
    image_size: Size = 728
    patch_size: Size = 14

    def problems(self) -> Iterator[Problem]:
        """What does not fit together."""
        yield from must_divide(self, "hidden_size", "num_attention_heads")

    def tower(self, out: Count, bias: bool) -> TowerOfParts:
        """The tower, and its projection to a width."""
        hidden, heads = self.hidden_size, self.num_attention_heads
        side, inner = floor_div(self.image_size, self.patch_size), scale(hidden, self.mlp_ratio)
        layer = vision_layer(hidden, heads, exact_div(hidden, heads), inner, bias=True)
        return TowerOfParts(
            {
                "patches": PatchEmbedding(hidden, self.patch_size, self.num_channels),
                "positions": Embedding(side * side, hidden, "position"),
                "norm": LayerNorm(hidden),
                "layers": Repeat(ScaledLayer(hidden, layer), self.num_hidden_layers),
                "first_convolution": Convolution(hidden, 2 * hidden, WINDOW),
                "second_convolution": Convolution(2 * hidden, 4 * hidden, WINDOW),
                "projector": Linear(Axis("hidden", 4 * hidden), Axis("hidden", out), bias),
            }
        )


@dataclass(frozen=True, kw_only=True)
class Config(multimodal.Config):
    """Sections as ``transformers`` has them; a file without any is that of the language model alone.

    Attributes:
        projector_bias: the projection to the language model's width adds a bias.
    """

    family: ClassVar[str] = "Step-3.7"
    text_alone: ClassVar[str] = "step3p5"

    text_config: step3p5.Config
    vision_config: VisionConfig | None = None
    tie_word_embeddings: bool = False
    projector_bias: bool = False


def build(config: Config) -> CausalLM:
    """The language model, and its tower."""
    text = replace(config.text_config, tie_word_embeddings=config.tie_word_embeddings)
    tower = (config.vision_config or VisionConfig()).tower(text.hidden_size, config.projector_bias)
    return multimodal.with_tower(step3p5.build(text), tower)
