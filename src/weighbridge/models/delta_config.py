"""Configurations of families that mix gated delta nets with gated attention."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, LINEAR, PatternConfig, Size, every
from weighbridge.models.partial_rotary_config import PartialRotaryConfig, Share
from weighbridge.nn import GatedDeltaNet, Module
from weighbridge.nn.problems import Problem, must_divide


@dataclass(frozen=True, kw_only=True)
class DeltaConfig(PatternConfig, PartialRotaryConfig):
    """A decoder of gated delta nets, with gated attention in every so manyth layer.

    Attributes:
        full_attention_interval: every so many layers one attends, where ``layer_types`` does not say.
        linear_conv_kernel_dim: positions that the delta nets' short convolutions see.
        linear_key_head_dim: elements of a query or key head of a delta net.
        linear_value_head_dim: elements of a value head of a delta net.
        linear_num_key_heads: heads of a delta net's queries and keys.
        linear_num_value_heads: heads of its values.
        positions_each: every sequence has positions of its own.
        joins_projections: a delta net projects queries, keys, values and the gate at once.
    """

    layer_choices: ClassVar[tuple[str, ...]] = (FULL, LINEAR)
    joins_projections: ClassVar[bool] = True
    positions_each: ClassVar[bool] = False

    attention_bias: bool = False
    partial_rotary_factor: Share = 0.25
    full_attention_interval: Size = 4
    linear_conv_kernel_dim: Size = 4
    linear_key_head_dim: Size = 128
    linear_value_head_dim: Size = 128
    linear_num_key_heads: Size = 16
    linear_num_value_heads: Size = 32

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from must_divide(self, "linear_num_value_heads", "linear_num_key_heads")

    def own_pattern(self) -> list[str]:
        return every(self.num_hidden_layers, self.full_attention_interval, FULL, LINEAR)

    def mixer(self, layer_type: str) -> Module:
        """Gated delta net or gated attention."""
        if layer_type == LINEAR:
            return GatedDeltaNet(
                self.hidden_size,
                self.linear_num_key_heads,
                self.linear_num_value_heads,
                self.linear_key_head_dim,
                self.linear_value_head_dim,
                self.linear_conv_kernel_dim,
                joined=self.joins_projections,
            )
        bias, norm = self.attention_bias, "OffsetRMSNorm"
        attention = self.attention(
            bias, bias, qk_norm=True, output_gate=True, norm=norm, positions_each=self.positions_each
        )
        return self.partly_turned(attention)
