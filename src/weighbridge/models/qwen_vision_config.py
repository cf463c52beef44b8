"""The vision tower of Qwen3-VL and Qwen3.5: patches of several frames, learned positions, mergers into tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from annotated_types import MaxLen

from weighbridge.arithmetic import exact_div
from weighbridge.models import multimodal
from weighbridge.models.config import MOST_LAYERS, Layers, Size
from weighbridge.nn import Embedding, Module, Repeat
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.nn.vision_layers import PatchEmbedding, TowerOfParts, vision_layer
from weighbridge.nn.vision_parts import PatchMerger
from weighbridge.traced import same_kind


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """Qwen3.5's, with the defaults that ``transformers`` has.

    Attributes:
        depth: layers.
        hidden_size: width of the tower.
        intermediate_size: width inside the feed-forward networks.
        num_heads: heads.
        in_channels: values per pixel.
        patch_size: pixels of a patch's side.
        spatial_merge_size: patches of the side of a square that becomes one token.
        temporal_patch_size: frames that a patch goes through.
        out_hidden_size: width of the tokens, which is the language model's.
        num_position_embeddings: learned positions.
    """

    title: ClassVar[str] = "vision"
    aliases: ClassVar[dict[str, str]] = {"num_attention_heads": "num_heads", "num_hidden_layers": "depth"}

    depth: Layers = 27
    hidden_size: Size = 1152
    intermediate_size: Size = 4304
    num_heads: Size = 16
    in_channels: Size = 3
    patch_size: Size = 16
    spatial_merge_size: Size = 2
    temporal_patch_size: Size = 2
    out_hidden_size: Size = 3584
    num_position_embeddings: Size = 2304

    def problems(self) -> Iterator[Problem]:
        """What does not fit together."""
        yield from must_divide(self, "hidden_size", "num_heads")

    def merger(self, norm_joined: bool = False) -> PatchMerger:
        """What makes tokens of the patches of a square."""
        patches = self.spatial_merge_size * self.spatial_merge_size
        return PatchMerger(self.hidden_size, patches, self.out_hidden_size, norm_joined)

    def parts(self) -> dict[str, Module]:
        """What the tower is made of, in order."""
        hidden, heads = self.hidden_size, self.num_heads
        layer = vision_layer(hidden, heads, exact_div(hidden, heads), self.intermediate_size, bias=True, fused=True)
        return {
            "patches": PatchEmbedding(hidden, self.patch_size, self.in_channels, self.temporal_patch_size, bias=True),
            "positions": Embedding(self.num_position_embeddings, hidden, "position"),
            "layers": Repeat(layer, self.depth),
            "merger": self.merger(),
        }


@dataclass(frozen=True, kw_only=True)
class DeepstackConfig(VisionConfig):
    """Qwen3-VL's: results of some layers within the tower go to the first layers of the language model too.

    Attributes:
        deepstack_visual_indexes: those layers.
    """

    deepstack_visual_indexes: Annotated[tuple[int, ...], MaxLen(MOST_LAYERS)] = (8, 16, 24)

    def parts(self) -> dict[str, Module]:
        deep = len(self.deepstack_visual_indexes)
        if not deep:
            return super().parts()
        count = same_kind(deep, "num_deepstack_mergers", self.hidden_size)
        return {**super().parts(), "deepstack_mergers": Repeat(self.merger(norm_joined=True), count)}


@dataclass(frozen=True, kw_only=True)
class SeeingConfig(multimodal.Config):
    """A language model of Qwen's with such a tower; the outer ``tie_word_embeddings`` is the one that ties."""

    text_config: Any
    vision_config: VisionConfig | None = None
    tie_word_embeddings: bool = False

    @property
    def text(self) -> Any:
        """The language model's configuration, tied as the whole is."""
        return replace(self.text_config, tie_word_embeddings=self.tie_word_embeddings)

    def tower(self, silent: VisionConfig) -> TowerOfParts:
        """The tower; ``silent`` says of what size where the configuration does not."""
        return TowerOfParts((self.vision_config or silent).parts())
