"""Attention whose queries, keys and values are clipped."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.nn import ops
from weighbridge.nn.attention import GroupedQueryAttention
from weighbridge.nn.module import Module
from weighbridge.tape import Tensor


class ClippedAttention(GroupedQueryAttention):
    """Grouped-query attention that clips queries, keys and values to a range, normalised before if at all (MPT, OLMo,
    DBRX). What was clipped is kept as it was before.
    """

    source: ClassVar[str] = "Groeneveld et al. 2024 (OLMo), section 2.1"

    def joint(self, qkv: Tensor) -> Tensor:
        return qkv if self.qk_norm else clip(qkv)

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        q, k, v, gate = super().projected(x)
        if self.fused and not self.qk_norm:
            return q, k, v, gate
        if not self.qk_norm:
            q, k = clip(q), clip(k)
        return q, k, clip(v), gate

    def normed(self, x: Tensor, norm: Module) -> Tensor:
        return clip(super().normed(x, norm))


def clip(x: Tensor) -> Tensor:
    """Values no further from zero than a bound. Keeps its input."""
    return ops.activation("clip", x)
