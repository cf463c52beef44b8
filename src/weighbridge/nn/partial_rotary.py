"""Attention in which positions turn some elements of each head only."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn.attention import GroupedQueryAttention


class PartialRotaryAttention(GroupedQueryAttention):
    """Grouped-query attention whose positions turn the first elements of each head only (GPT-J, GPT-NeoX, Phi).

    ``transformers`` joins them with the others head by head, not position by position, and a fused kernel lays its
    result out as its queries are: it is copied before the projection, which keeps the copy. Of one head both layouts
    are the same.

    Attributes:
        rotary_dim: elements of each head that are turned.
    """

    source: ClassVar[str] = "Wang and Komatsuzaki 2021 (GPT-J); Black et al. 2022 (GPT-NeoX), section 2.2.1"

    rotary_dim: Count = 0
    partial_rotary: bool = True
