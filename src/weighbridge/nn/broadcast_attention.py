"""Grouped-query attention whose keys and values are copied for every query head before anything else."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.nn.attention import GroupedQueryAttention
from weighbridge.tape import Axis, Tensor


class BroadcastAttention(GroupedQueryAttention):
    """Falcon 40B's attention as ``transformers`` runs it: what positions turn and the cache holds is a copy of keys and
    values for every query head, although heads of a group share them.
    """

    source: ClassVar[str] = "transformers, models/falcon/modeling_falcon.py, FalconAttention._split_heads"

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        q, k, v, gate = super().projected(x)
        return q, self.copied(k, self.head_dim), self.copied(v, self.value_dim), gate

    def copied(self, x: Tensor, width: int) -> Tensor:
        """A copy for every query head."""
        made = x.tape.tensor(f"copied {x.name}", *x.axes[:-1], Axis("heads", self.num_heads, width))
        x.tape.record("repeat", (x,), (made,))
        return made
