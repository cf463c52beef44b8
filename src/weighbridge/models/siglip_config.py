"""SigLIP's vision tower: a plain encoder with learned positions (Zhai et al. 2023)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import exact_div, floor_div
from weighbridge.models.config import Layers, Size
from weighbridge.nn import MLP, Embedding, GroupedQueryAttention, LayerNorm, Module, Repeat
from weighbridge.nn.problems import Problem, must_divide, one_of
from weighbridge.nn.vision_layers import PatchEmbedding, TowerOfParts, vision_layer


@dataclass(frozen=True, kw_only=True)
class SiglipConfig:
    """Defaults as ``transformers`` has them.

    Attributes:
        model_type: the only tower that is covered here.
        hidden_size: width of the tower.
        intermediate_size: width inside the feed-forward networks.
        num_hidden_layers: layers.
        num_attention_heads: heads.
        num_channels: values per pixel.
        image_size: pixels of an image's side.
        patch_size: pixels of a patch's side.
        vision_use_head: attention of one learned query pools the image, though nothing reads what it makes.
    """

    aliases: ClassVar[dict[str, str]] = {}

    model_type: str = "siglip_vision_model"
    hidden_size: Size = 768
    intermediate_size: Size = 3072
    num_hidden_layers: Layers = 12
    num_attention_heads: Size = 12
    num_channels: Size = 3
    image_size: Size = 224
    patch_size: Size = 16
    vision_use_head: bool = True

    def problems(self) -> Iterator[Problem]:
        """What does not fit together."""
        yield from one_of(self, "model_type", ("siglip_vision_model",))
        yield from must_divide(self, "hidden_size", "num_attention_heads")

    def tower(self, projector: Module) -> TowerOfParts:
        """The tower, with what brings its result to the language model's width."""
        hidden, heads, inner = self.hidden_size, self.num_attention_heads, self.intermediate_size
        width, side = exact_div(hidden, heads), floor_div(self.image_size, self.patch_size)
        layer = vision_layer(hidden, heads, width, inner, bias=True)
        pooling: dict[str, Module] = {}
        if self.vision_use_head:
            pooling = {
                "probe": Embedding(1, hidden, "probe"),
                "pooling": GroupedQueryAttention(hidden, heads, heads, width, True, True),
                "pooling_norm": LayerNorm(hidden),
                "pooling_mlp": MLP(hidden, inner, True),
            }
        parts = {
            "patches": PatchEmbedding(hidden, self.patch_size, self.num_channels, bias=True),
            "positions": Embedding(side * side, hidden, "position"),
            "layers": Repeat(layer, self.num_hidden_layers),
            "norm": LayerNorm(hidden),
        }
        return TowerOfParts({**parts, **pooling, "projector": projector})
