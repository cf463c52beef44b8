"""What vision (and audio) towers are put together from: patches, encoder layers, and named parts of a tower."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn.attention import GroupedQueryAttention
from weighbridge.nn.decoder import DecoderLayer
from weighbridge.nn.linear import Linear
from weighbridge.nn.mlp import MLP, GatedMLP
from weighbridge.nn.module import Module
from weighbridge.nn.norm import NORMS
from weighbridge.nn.vision import Tower
from weighbridge.tape import Axis


class PatchEmbedding(Module):
    """A projection of patches of pixels, which a convolution with its stride as its kernel is too (Dosovitskiy et al.
    2021, eq. 1).

    Attributes:
        hidden_size: width of the tower.
        patch_size: pixels of a patch's side.
        channels: values per pixel.
        frames: images in a row that a patch goes through.
        bias: the projection adds a bias.
    """

    note: ClassVar[str] = "patches of pixels become hidden states"
    source: ClassVar[str] = "Dosovitskiy et al. 2021, eq. 1"

    hidden_size: Count
    patch_size: Count
    channels: Count = 3
    frames: Count = 1
    bias: bool = False

    def build(self) -> None:
        pixels = self.channels * self.frames * self.patch_size * self.patch_size
        self.proj = Linear(Axis("pixels", pixels), Axis("hidden", self.hidden_size), self.bias)


def vision_layer(
    hidden_size: Count,
    num_heads: Count,
    head_dim: Count,
    intermediate_size: Count,
    *,
    kv_heads: Count | None = None,
    bias: bool = False,
    attention_bias: bool | None = None,
    gated: bool = False,
    fused: bool = False,
    qk_norm: bool = False,
    norm: str = "LayerNorm",
    sandwich: bool = False,
    activation: str = "gelu",
) -> DecoderLayer:
    """A layer of an encoder (Dosovitskiy et al. 2021, eq. 2 and 3). Its weights are those of a decoder layer.

    Args:
        hidden_size: width of the tower.
        num_heads: query heads.
        head_dim: elements per head.
        intermediate_size: width inside the feed-forward network.
        kv_heads: key and value heads; as many as query heads if ``None``.
        bias: projections add a bias.
        attention_bias: those of attention do; as ``bias`` says if ``None``.
        gated: the feed-forward network has a gate.
        fused: queries, keys and values are one projection.
        qk_norm: queries and keys are normalised, by RMSNorm.
        norm: a name of :data:`weighbridge.nn.norm.NORMS`.
        sandwich: the result of each branch is normalised too.
        activation: of the feed-forward network.
    """
    own = bias if attention_bias is None else attention_bias
    keys = num_heads if kv_heads is None else kv_heads
    attention = GroupedQueryAttention(hidden_size, num_heads, keys, head_dim, own, own, qk_norm, fused=fused)
    mlp = (GatedMLP if gated else MLP)(hidden_size, intermediate_size, bias, activation)
    return DecoderLayer(hidden_size, attention, mlp, NORMS[norm], sandwich)


def projection(width: Count, out: Count, bias: bool = False) -> Linear:
    """A projection from one width to another."""
    return Linear(Axis("hidden", width), Axis("hidden", out), bias)


class TowerOfParts(Tower):
    """A tower that is written as its parts, in the order in which images go through them.

    Attributes:
        parts: what it is made of: patches, positions, layers, projector.
    """

    note: ClassVar[str] = "images (or sound) become hidden states; a text token meets none of it"

    parts: Mapping[str, Module]

    def build(self) -> None:
        for name, part in self.parts.items():
            self.register(name, part)
