"""Attention over the blocks of keys that a small indexer chooses for every query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from weighbridge.arithmetic import Count, exact_div, floor_div, minimum
from weighbridge.nn import ops
from weighbridge.nn.attention import GroupedQueryAttention
from weighbridge.nn.core_attention import Written, core_attention
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import RMSNorm
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.passes import Pass, Phase
from weighbridge.tape import Axis, Tensor, Work
from weighbridge.tree import Kind
from weighbridge.units import INT64


class BlockIndexer(Module):
    """Scores of a few query heads with one key head choose blocks of keys; the best score of a block is the block's.
    No gradient comes back through a choice (transformers, models/minimax_m3_vl/modeling_minimax_m3_vl.py,
    MiniMaxM3VLIndexer).

    Attributes:
        hidden_size: width of the residual stream.
        num_heads: its query heads, each of which chooses for an equal share of attention's.
        head_dim: elements of its heads.
        blocks: how many blocks are chosen.
    """

    kind = Kind.ATTENTION
    title = "indexer"
    note: ClassVar[str] = "chooses the blocks of keys that a query sees"

    hidden_size: Count
    num_heads: Count
    head_dim: Count
    blocks: Count

    def build(self) -> None:
        hidden = Axis("hidden", self.hidden_size)
        self.q_proj = Linear(hidden, Axis("index_heads", self.num_heads, self.head_dim))
        self.k_proj = Linear(hidden, Axis("index_key", self.head_dim))
        self.q_norm = RMSNorm(self.head_dim, "index_head")
        self.k_norm = RMSNorm(self.head_dim, "index_head")

    def forward(self, x: Tensor) -> Tensor:
        run, tape = x.tape.run, x.tape
        heads, width = Axis("index_heads", self.num_heads), Axis("index_head", self.head_dim)
        with tape.frozen():
            q, k = self.q_proj(x), self.k_proj(x)
            q = self.q_norm(ops.view(q, "index queries", *q.axes[:-1], heads, width))
            k = self.k_norm(ops.view(k, "index keys", *k.axes[:-1], width))
            tape.store(tape.tensor("cached index keys", k.axes[0], Axis("keys", run.positions), width))
            chosen = tape.tensor("chosen blocks", *q.axes[:-1], Axis("blocks", self.blocks), dtype=INT64)
            per_pair = 2 * run.batch * self.num_heads * self.head_dim
            counted = {"torch": Work(per_pair * run.dense_pairs()), "megatron": Work()}
            tape.record("index", (q, k), (chosen,), (), Work(per_pair * run.pairs()), counted)
        return chosen


class BlockSparseAttention(GroupedQueryAttention):
    """Grouped-query attention of every query over its own block of keys and the best of the blocks before it, which an
    indexer chooses (MiniMax-M3). PyTorch's own kernels multiply all pairs and mask those that were not chosen.

    Attributes:
        index_heads: heads of the indexer.
        index_head_dim: elements of its heads.
        block: keys of a block.
        blocks: blocks that a query sees at most, its own included.
    """

    title = "attention"
    note: ClassVar[str] = "q, k, v and output projections; an indexer chooses blocks of keys"

    index_heads: Count = 4
    index_head_dim: Count = 128
    block: Count = 128
    blocks: Count = 16

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from must_divide(self, "num_heads", "index_heads")

    def build(self) -> None:
        super().build()
        self.indexer = BlockIndexer(self.hidden_size, self.index_heads, self.index_head_dim, self.blocks)

    def forward(self, x: Tensor) -> Tensor:
        self.indexer(ops.gathered(x))
        return super().forward(x)

    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Values of the chosen blocks."""
        pairs = chosen_pairs(q.tape.run, self.block, self.blocks)
        sizes = self.num_heads, self.head_dim, self.value_dim
        return core_attention(q, k, v, *sizes, visible=pairs, written=self.written)

    @property
    def written(self) -> Written:
        return replace(super().written, masked="heads")


def chosen_pairs(run: Pass, block: Count, blocks: Count) -> Count:
    """Query-key pairs per head and sequence: a query sees its own block up to itself, and so many whole ones less one,
    or all that comes before it where that is less.
    """
    if not run.causal and run.phase is not Phase.DECODE:
        return run.dense_pairs()

    def up_to(tokens: Count) -> Count:
        """Those of the first tokens of a sequence."""
        full = minimum(tokens, block * blocks)
        after = tokens - full
        whole = floor_div(after, block)
        rest = after - whole * block
        own = triangle(full) + whole * triangle(block) + triangle(rest)
        return own + after * (blocks - 1) * block

    return up_to(run.positions) - up_to(run.past)


def triangle(size: Count) -> Count:
    """``1 + 2 + ... + size``."""
    return exact_div(size * (size + 1), 2)
