"""Grouped-query attention whose keys and values are copied for every query head before anything else."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.nn import ops
from weighbridge.nn.attention import GroupedQueryAttention
from weighbridge.nn.core_attention import Written
from weighbridge.tape import Axis, Tensor
from weighbridge.traced import plain
from weighbridge.units import INT64


class BroadcastAttention(GroupedQueryAttention):
    """Falcon's attention as ``transformers`` runs it. In that of 40B what positions turn and the cache holds is a copy
    of keys and values for every query head, although heads of a group share them.

    Attributes:
        broadcast: keys and values are copied for every query head.
        picked: they are picked by a list of places, which copies them out of the projection (Falcon 7B and 40B).
        biased: a bias per head and key stands for positions (ALiBi).
    """

    source: ClassVar[str] = "transformers, models/falcon/modeling_falcon.py, FalconAttention._split_heads"

    broadcast: bool = True
    picked: bool = True
    biased: bool = False

    @property
    def written(self) -> Written:
        return Written(narrow=True, masked="bias" if self.biased else "flags", ungrouped=True)

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        q, k, v, gate = super().projected(x)
        if self.picked and x.tape.run.kernels.written_out:
            k, v = pick(k), pick(v)
        if self.broadcast:
            k, v = self.copied(k, self.head_dim), self.copied(v, self.value_dim)
        return q, k, v, gate

    def copied(self, x: Tensor, width: int) -> Tensor:
        """A copy for every query head; one head is only seen as many."""
        axes = (*x.axes[:-1], Axis("heads", self.num_heads, width))
        if x.tape.run.kernels.written_out and plain(self.num_kv_heads) == 1:
            return ops.view(x, f"{x.name} of all heads", *axes)
        made = x.tape.tensor(f"copied {x.name}", *axes)
        x.tape.record("repeat", (x,), (made,))
        return made


def pick(x: Tensor) -> Tensor:
    """A copy of a part, by a list of one place, which is kept."""
    place = x.tape.tensor("place", Axis("one", 1), dtype=INT64)
    return ops.elementwise(x.name, x, keeps=(place,), makes=(place,))
