"""Attention under a window whose cache is not cut to it."""

from __future__ import annotations

from weighbridge.nn.attention import GroupedQueryAttention
from weighbridge.nn.core_attention import core_attention, store
from weighbridge.tape import Tensor


class WholeCacheAttention(GroupedQueryAttention):
    """Grouped-query attention that stores all positions and masks those that its window hides (transformers,
    MiniMaxCache, which knows no windows).
    """

    title = "attention"
    caches: bool = False  # it stores by itself

    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        store(k, v)
        return core_attention(q, k, v, self.num_heads, self.head_dim, self.value_dim, selected=self.window)
