"""Configurations in which positions turn a share of each head's elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

from weighbridge.arithmetic import Count, ceil_div, scale
from weighbridge.models.config import Config
from weighbridge.models.section_config import Section
from weighbridge.nn import GroupedQueryAttention, PartialRotaryAttention
from weighbridge.nn.attention import of_kind
from weighbridge.traced import Label, named

Share = Annotated[float, Interval(gt=0, le=1)]
"""A share of something, more than none."""


@dataclass(frozen=True, kw_only=True)
class RopeSection(Section):
    """What ``rope_parameters`` holds.

    Attributes:
        partial_rotary_factor: the share of each head's elements that positions turn.
    """

    partial_rotary_factor: Share | None = None


@dataclass(frozen=True, kw_only=True)
class PartialRotaryConfig(Config):
    """A decoder with partial rotary positions.

    Attributes:
        partial_rotary_factor: the share of each head's elements that positions turn.
        rope_parameters: where new files write that share, which goes before.
    """

    partial_rotary_factor: Share
    rope_parameters: RopeSection | None = None

    def partly_turned(self, attention: GroupedQueryAttention) -> PartialRotaryAttention:
        """Attention in which positions turn that share."""
        turned = self.turned(attention.head_dim)
        return of_kind(PartialRotaryAttention, attention, rotary_dim=turned, partial_rotary=True)

    def turned(self, head_dim: Count) -> Count:
        """Elements of a head that positions turn."""
        written = None if self.rope_parameters is None else self.rope_parameters.partial_rotary_factor
        return share_of(head_dim, self.partial_rotary_factor if written is None else written)


def share_of(head_dim: Count, factor: float) -> Count:
    """A share of a head's elements that positions turn: what is left of an odd number turns with the last pair."""
    return named(2 * ceil_div(scale(head_dim, factor), 2), Label("rotary_dim"))
