"""The conformer: attention and a short convolution between two half feed-forward networks, as audio towers have it."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import RMSNorm
from weighbridge.tape import Axis, Weight

SOURCE = "Gulati et al. 2020, section 2; transformers, models/gemma4/modeling_gemma4.py, Gemma4AudioLayer"


class HalfFeedForward(Module):
    """A feed-forward network of which half is added to the stream, normalised before and after.

    Attributes:
        hidden_size: width of the tower.
        intermediate_size: width inside.
    """

    source: ClassVar[str] = SOURCE

    hidden_size: Count
    intermediate_size: Count

    def build(self) -> None:
        hidden, ffn = Axis("hidden", self.hidden_size), Axis("ffn", self.intermediate_size)
        self.norm = RMSNorm(self.hidden_size)
        self.up_proj, self.down_proj = Linear(hidden, ffn), Linear(ffn, hidden)
        self.post_norm = RMSNorm(self.hidden_size)


class RelativeAttention(Module):
    """Attention with a projection of relative positions (Dai et al. 2019, Transformer-XL) and a scale per element of a
    head.

    Attributes:
        hidden_size: width of the tower.
        num_heads: heads.
        head_dim: elements per head.
    """

    source: ClassVar[str] = SOURCE

    hidden_size: Count
    num_heads: Count
    head_dim: Count

    def build(self) -> None:
        hidden, heads = Axis("hidden", self.hidden_size), Axis("heads", self.num_heads, self.head_dim)
        self.q_proj, self.k_proj, self.v_proj, self.relative_proj = (Linear(hidden, heads) for _ in range(4))
        self.scale = Weight((Axis("head_dim", self.head_dim),))
        self.o_proj = Linear(hidden, hidden)


class LightConvolution(Module):
    """A gated projection, a depthwise convolution and a projection back.

    Attributes:
        hidden_size: width of the tower.
        kernel: positions that a channel sees.
    """

    source: ClassVar[str] = SOURCE

    hidden_size: Count
    kernel: Count

    def build(self) -> None:
        hidden = Axis("hidden", self.hidden_size)
        self.norm = RMSNorm(self.hidden_size)
        self.in_proj = Linear(hidden, Axis("hidden", 2, self.hidden_size))
        self.filters = Weight((hidden, Axis("one", 1), Axis("kernel", self.kernel)))
        self.conv_norm = RMSNorm(self.hidden_size)
        self.out_proj = Linear(hidden, hidden)


class ConformerLayer(Module):
    """Half a feed-forward network, attention, a convolution, the other half, and a norm.

    Attributes:
        hidden_size: width of the tower.
        num_heads: heads.
        head_dim: elements per head.
        kernel: positions that a channel of the convolution sees.
    """

    source: ClassVar[str] = SOURCE

    hidden_size: Count
    num_heads: Count
    head_dim: Count
    kernel: Count

    def build(self) -> None:
        hidden, inner = self.hidden_size, 4 * self.hidden_size
        self.first = HalfFeedForward(hidden, inner)
        self.attention_norm = RMSNorm(hidden)
        self.attention = RelativeAttention(hidden, self.num_heads, self.head_dim)
        self.post_attention_norm = RMSNorm(hidden)
        self.convolution = LightConvolution(hidden, self.kernel)
        self.second = HalfFeedForward(hidden, inner)
        self.norm = RMSNorm(hidden)
