"""Attention of which every head's result is scaled by a gate of its own."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.nn.attention import GroupedQueryAttention
from weighbridge.nn.linear import Linear
from weighbridge.tape import Axis, Tensor


class HeadGatedAttention(GroupedQueryAttention):
    """A projection makes one number per query head, whose sigmoid multiplies what the head attended to (Qiu et al.
    2025, Gated Attention for Large Language Models, section 2.2, head-wise).
    """

    title = "attention"
    note: ClassVar[str] = "q, k, v and output projections; a gate per head"
    source: ClassVar[str] = "Qiu et al. 2025 (gated attention), section 2.2"

    def build(self) -> None:
        super().build()
        self.g_proj = Linear(Axis("hidden", self.hidden_size), Axis("heads", self.num_heads))

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Queries, keys, values and the gates."""
        q, k, v, _ = super().projected(x)
        return q, k, v, self.g_proj(x)
