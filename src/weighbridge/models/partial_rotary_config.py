"""Configurations in which positions turn a share of each head's elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

from weighbridge.arithmetic import ceil_div, scale
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
        written = None if self.rope_parameters is None else self.rope_parameters.partial_rotary_factor
        factor = self.partial_rotary_factor if written is None else written
        pairs = ceil_div(scale(attention.head_dim, factor), 2)  # what is left of an odd number turns with the last pair
        turned = named(2 * pairs, Label("rotary_dim"))
        return of_kind(PartialRotaryAttention, attention, rotary_dim=turned, partial_rotary=True)
