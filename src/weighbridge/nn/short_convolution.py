"""Gated short convolution: the mixer of LFM2."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.convolution import CausalConvolution
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.tape import Axis, Joined, Tensor
from weighbridge.tree import Kind


class ShortConvolution(Module):
    """One gate before a short convolution and one after it, all made of the input: ``C * conv(B * x)``.

    Attributes:
        hidden_size: width of the residual stream, and channels.
        conv_kernel: positions that the convolution sees.
        bias: projections and convolution add a bias.
    """

    kind = Kind.STATE_SPACE
    branch = "mixer"
    title = "short_convolution"
    note: ClassVar[str] = "gates around a short convolution; its state is the last positions"
    source: ClassVar[str] = "Liquid AI 2025 (LFM2); transformers, Lfm2ShortConv"

    hidden_size: Count
    conv_kernel: Count
    bias: bool = False

    def build(self) -> None:
        hidden, channels = Axis("hidden", self.hidden_size), self.channels
        self.in_proj = Linear(hidden, Joined((channels, channels, channels)), self.bias)
        self.conv = CausalConvolution(channels, self.conv_kernel, self.bias, activated=False)
        self.out_proj = Linear(channels, hidden, self.bias)

    @property
    def channels(self) -> Axis:
        """The axis of channels, each of which is convolved by itself."""
        return Axis("heads", self.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        made = self.in_proj(ops.gathered(x))
        before, after, value = (ops.part(made, name, self.channels) for name in ("B", "C", "x"))
        return self.out_proj(ops.multiply(after, self.conv(ops.multiply(before, value))))
