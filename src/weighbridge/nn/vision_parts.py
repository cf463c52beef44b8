"""Further parts of towers: convolutions, scaled layers, and what turns patches into tokens of the language model."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import LayerNorm
from weighbridge.tape import Axis, Weight


class Convolution(Module):
    """A convolution over a square window of patches, stored as PyTorch's ``nn.Conv2d``: weight (out, in, rows,
    columns), bias (out).

    Attributes:
        channels: channels that come in.
        out_channels: channels that it makes.
        kernel: patches along a side of the window.
        bias: a bias per channel that it makes.
    """

    channels: Count
    out_channels: Count
    kernel: Count
    bias: bool = True

    def build(self) -> None:
        out, side = Axis("hidden", self.out_channels), Axis("kernel", self.kernel)
        self.weight = Weight((out, Axis("channels", self.channels), side, side))
        if self.bias:
            self.offset = Weight((out,))


class ScaledLayer(Module):
    """A layer of which a learned factor per channel multiplies the result of each branch (Touvron et al. 2021, eq. 2).

    Attributes:
        hidden_size: width of the tower.
        layer: the layer.
    """

    note: ClassVar[str] = "a factor per channel and branch"
    source: ClassVar[str] = "Touvron et al. 2021, eq. 2 (LayerScale)"

    hidden_size: Count
    layer: Module

    def build(self) -> None:
        hidden = Axis("hidden", self.hidden_size)
        self.attention_scale, self.mlp_scale = Weight((hidden,)), Weight((hidden,))


class Projector(Module):
    """Two projections with an activation between them, from one width to another; both add a bias.

    Attributes:
        in_size: width that comes in.
        intermediate_size: width inside.
        out_size: width that it makes.
    """

    in_size: Count
    intermediate_size: Count
    out_size: Count

    def build(self) -> None:
        inside = Axis("ffn", self.intermediate_size)
        self.up_proj = Linear(Axis("hidden", self.in_size), inside, True)
        self.down_proj = Linear(inside, Axis("hidden", self.out_size), True)


class PatchMerger(Module):
    """Neighbouring patches, laid end to end, become one token (Wang et al. 2024, Qwen2-VL, section 2.1).

    Attributes:
        hidden_size: width of the tower.
        patches: how many become one token.
        out_size: width of the token.
        norm_joined: patches are normalised when they are joined; else each by itself, before.
    """

    note: ClassVar[str] = "neighbouring patches become one token"
    source: ClassVar[str] = "Wang et al. 2024 (Qwen2-VL), section 2.1"

    hidden_size: Count
    patches: Count
    out_size: Count
    norm_joined: bool = False

    def build(self) -> None:
        joined = self.hidden_size * self.patches
        self.norm = LayerNorm(joined if self.norm_joined else self.hidden_size)
        self.projector = Projector(joined, joined, self.out_size)
