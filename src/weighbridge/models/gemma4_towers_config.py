"""Gemma 4's towers: one for images, a transformer as its language model's; one for sound, a conformer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import MaxLen, MinLen

from weighbridge.arithmetic import Count, floor_div
from weighbridge.models.config import Layers, Size
from weighbridge.nn import Embedding, Module, Repeat, Tower
from weighbridge.nn.conformer import ConformerLayer
from weighbridge.nn.norm import LayerNormWithoutBias
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.nn.vision_layers import PatchEmbedding, TowerOfParts, projection, vision_layer
from weighbridge.tape import Axis, Weight
from weighbridge.traced import same_kind

Channels = Annotated[list[Size], MinLen(2), MaxLen(2)]
"""Channels of the two convolutions that shorten sound."""

KERNEL = 9
"""Values that one filter of those convolutions sees of a channel: 3 x 3."""


class Standardised(Module):
    """A shift and a factor of every element, known and not learned.

    Attributes:
        hidden_size: width of the tower.
    """

    hidden_size: Count

    def build(self) -> None:
        self.shift, self.factor = (Weight((Axis("hidden", self.hidden_size),), buffer=True) for _ in range(2))


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """Defaults as ``transformers`` has them. Bounds by which projections are clipped are left out.

    Attributes:
        position_embedding_size: learned positions along each side.
        standardize: what pooling makes is shifted and scaled.
    """

    aliases: ClassVar[dict[str, str]] = {}

    hidden_size: Size = 768
    intermediate_size: Size = 3072
    num_hidden_layers: Layers = 16
    num_attention_heads: Size = 12
    num_key_value_heads: Size = 12
    head_dim: Size = 64
    patch_size: Size = 16
    position_embedding_size: Size = 10240
    standardize: bool = False

    def problems(self) -> Iterator[Problem]:
        """What does not fit together."""
        yield from must_divide(self, "num_attention_heads", "num_key_value_heads")

    def tower(self, text_size: Count) -> Tower:
        """The tower, and what brings its result to the language model's width."""
        hidden, heads, kv_heads = self.hidden_size, self.num_attention_heads, self.num_key_value_heads
        layer = vision_layer(
            hidden,
            heads,
            self.head_dim,
            self.intermediate_size,
            kv_heads=kv_heads,
            gated=True,
            qk_norm=True,
            norm="RMSNorm",
            sandwich=True,
        )
        parts: dict[str, Module] = {
            "patches": PatchEmbedding(hidden, self.patch_size),
            "positions": Embedding(2 * self.position_embedding_size, hidden, "position"),
            "layers": Repeat(layer, self.num_hidden_layers),
        }
        if self.standardize:
            parts["standardised"] = Standardised(hidden)
        return TowerOfParts({**parts, "projector": projection(hidden, text_size)})


@dataclass(frozen=True, kw_only=True)
class AudioConfig:
    """Defaults as ``transformers`` has them. Bounds by which projections are clipped are left out.

    Attributes:
        subsampling_conv_channels: channels of the two convolutions that shorten sound.
        conv_kernel_size: positions that a channel of a layer's convolution sees.
        output_proj_dims: width of the result.
    """

    aliases: ClassVar[dict[str, str]] = {}

    hidden_size: Size = 1024
    num_hidden_layers: Layers = 12
    num_attention_heads: Size = 8
    subsampling_conv_channels: Channels | None = None
    conv_kernel_size: Size = 5
    output_proj_dims: Size = 1536

    def problems(self) -> Iterator[Problem]:
        """What does not fit together."""
        yield from must_divide(self, "hidden_size", "num_attention_heads")

    def tower(self, text_size: Count) -> Tower:
        """The tower, and what brings its result to the language model's width."""
        hidden, heads = self.hidden_size, self.num_attention_heads
        channels, names = self.subsampling_conv_channels or (128, 32), ("first_channels", "second_channels")
        first, second = (same_kind(size, name, hidden) for size, name in zip(channels, names, strict=True))
        layer = ConformerLayer(hidden, heads, floor_div(hidden, heads), self.conv_kernel_size)
        parts: dict[str, Module] = {
            "first_convolution": projection(KERNEL, first),
            "first_norm": LayerNormWithoutBias(first),
            "second_convolution": projection(KERNEL * first, second),
            "second_norm": LayerNormWithoutBias(second),
            "input": projection(floor_div(first, 4) * second, hidden),
            "layers": Repeat(layer, self.num_hidden_layers),
            "output": projection(hidden, self.output_proj_dims, bias=True),
            "projector": projection(self.output_proj_dims, text_size),
        }
        return TowerOfParts(parts)
