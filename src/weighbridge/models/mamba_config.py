"""Configurations of decoders that mix Mamba layers with attention: sizes of their state-space layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from weighbridge.arithmetic import Count, ceil_div, exact_div
from weighbridge.models.config import AttentionConfig, Size
from weighbridge.nn import Mamba2
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.traced import Label, named

Auto = Literal["auto"]
"""What files write where a size is worked out from others."""


def step_rank(rank: Count | str, hidden_size: Count) -> Count:
    """The width of the bottleneck of Mamba 1's step size: a sixteenth of the hidden size where it is not given."""
    return named(ceil_div(hidden_size, 16), Label("dt_rank")) if isinstance(rank, str) else rank


@dataclass(frozen=True, kw_only=True)
class Mamba2Config(AttentionConfig):
    """A decoder with Mamba 2, as IBM's and TII's families name its sizes.

    Attributes:
        mamba_n_heads: heads.
        mamba_d_head: channels per head; what the inner size leaves for each if "auto".
        mamba_n_groups: groups that share B and C.
        mamba_d_state: state elements per channel.
        mamba_d_conv: positions that the short convolution sees.
        mamba_expand: inner size over hidden size.
        mamba_chunk_size: positions that the parallel form works on at once.
        mamba_conv_bias: the convolution adds a bias.
        mamba_proj_bias: the in and out projections add a bias.
    """

    mamba_n_heads: Size = 128
    mamba_d_head: Size | Auto = "auto"
    mamba_n_groups: Size = 1
    mamba_d_state: Size = 256
    mamba_d_conv: Size = 4
    mamba_expand: Size = 2
    mamba_chunk_size: Size = 256
    mamba_conv_bias: bool = True
    mamba_proj_bias: bool = False

    @property
    def inner_size(self) -> Count:
        """Channels of all heads."""
        return self.mamba_expand * self.hidden_size

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from must_divide(self, "mamba_n_heads", "mamba_n_groups")
        inner, heads = self.inner_size, self.mamba_n_heads
        head = inner // heads if isinstance(self.mamba_d_head, str) else self.mamba_d_head
        if heads * head != inner:
            yield "mamba_n_heads", f"{heads:,} heads of {head:,} channels do not make an inner size of {inner:,}"

    def mamba(self, out_bias: bool | None = None, normed: bool = True, multipliers: bool = False) -> Mamba2:
        """This configuration's Mamba 2."""
        head = self.mamba_d_head
        return Mamba2(
            self.hidden_size,
            self.mamba_n_heads,
            exact_div(self.inner_size, self.mamba_n_heads) if isinstance(head, str) else head,
            self.mamba_d_state,
            self.mamba_n_groups,
            self.mamba_d_conv,
            self.mamba_proj_bias,
            self.mamba_conv_bias,
            self.mamba_chunk_size,
            out_bias,
            normed,
            multipliers,
        )
