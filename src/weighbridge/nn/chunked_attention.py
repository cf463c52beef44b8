"""Llama 4's attention: over everything, or over a token's own chunk of positions."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.kernels import Rope
from weighbridge.nn import ops
from weighbridge.nn.attention import GroupedQueryAttention
from weighbridge.nn.core_attention import Written, core_attention
from weighbridge.tape import SEQUENCE, Axis, Tensor
from weighbridge.units import FP32


class ChunkedAttention(GroupedQueryAttention):
    """Grouped-query attention of which a layer sees its own chunk of ``window`` positions. Queries and keys are
    normalised after they are turned; where there are no rotary positions, queries may be scaled by where they stand
    (Nakanishi 2025, eq. 5).

    Attributes:
        chunked: the window is a chunk.
        scaled: queries are scaled by their positions.
    """

    title = "attention"
    source: ClassVar[str] = "transformers, models/llama4/modeling_llama4.py, Llama4TextAttention"

    chunked: bool = False
    scaled: bool = False

    def placed(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        if self.rotary:
            q, k = turned(q), turned(k)
        if self.qk_norm:
            q, k = self.normed(q, self.q_norm), self.normed(k, self.k_norm)
        return by_position(q) if self.scaled else q, k

    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        sizes, window = (self.num_heads, self.head_dim, self.value_dim), self.window
        visible = q.tape.run.pairs_in_chunks(window) if self.chunked and window is not None else None
        return core_attention(q, k, v, *sizes, window, visible=visible, written=Written(narrow=True))


def turned(x: Tensor) -> Tensor:
    """Rotary positions as ``transformers`` computes them here: a product of complex numbers in fp32, of which it keeps
    the turns alone.
    """
    if x.tape.run.kernels.rope is not Rope.EAGER or x.tape.run.kernels.sequence_first:
        return ops.rotary(x)
    tape, heads = x.tape, x.axes[-1]
    assert isinstance(heads, Axis)
    turns = tape.table("turns", x.axes[1], Axis("head_dim", heads.width), dtype=FP32)
    made, wide = tape.tensor("rotary", *x.axes), tape.tensor("turned in fp32", *x.axes, dtype=FP32)
    tape.record("rotary", (x,), (wide,), (turns,))
    tape.record("cast", (wide,), (made,))
    return made


def by_position(q: Tensor) -> Tensor:
    """Queries times a factor of each position, in fp32, of which the factors are kept."""
    factors = q.tape.tensor("factors of positions", Axis(SEQUENCE, q.axes[1].size), dtype=FP32)
    wide, made = q.tape.tensor("scaled in fp32", *q.axes, dtype=FP32), q.tape.tensor("scaled", *q.axes)
    q.tape.record("scale", (q,), (wide, factors), (factors,))
    q.tape.record("cast", (wide,), (made,))
    return made
