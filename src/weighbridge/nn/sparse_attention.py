"""Sparse attention: a small indexer scores all positions before a token, and attention sees the best of them."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.linear import Linear
from weighbridge.nn.mla import MultiHeadLatentAttention
from weighbridge.nn.module import Module
from weighbridge.nn.norm import LayerNorm
from weighbridge.tape import Axis, Tensor, Work
from weighbridge.units import FP32


class Indexer(Module):
    """The lightning indexer of DeepSeek sparse attention: queries of a few heads and one key per position, whose
    products are weighted by head and added up. It is trained apart: no gradient passes through it.

    Attributes:
        hidden_size: width of the residual stream.
        query_size: width of the compressed queries that its own are made of.
        num_heads: its query heads.
        head_dim: elements of a query or of the key.
        rope_dim: how many of them are turned by positions.
    """

    note: ClassVar[str] = "scores positions; its keys are cached"
    source: ClassVar[str] = "DeepSeek-V3.2 (2025), eq. 1"

    hidden_size: Count
    query_size: Count
    num_heads: Count
    head_dim: Count
    rope_dim: Count

    def build(self) -> None:
        hidden, key = Axis("hidden", self.hidden_size), Axis("index_key", self.head_dim)
        self.q_proj = Linear(Axis("q_latent", self.query_size), Axis("index_heads", self.num_heads, self.head_dim))
        self.k_proj = Linear(hidden, key)
        self.k_norm = LayerNorm(self.head_dim, "index_key")
        self.weights_proj = Linear(hidden, Axis("index_heads", self.num_heads))

    def forward(self, x: Tensor, queries: Tensor) -> Tensor:
        with x.tape.frozen():
            q = ops.rotary(self.q_proj(queries), self.rope_dim)
            k = ops.rotary(self.k_norm(self.k_proj(x)), self.rope_dim)
            x.tape.store(x.tape.tensor("cached index keys", k.axes[0], Axis("keys", x.tape.run.positions), k.axes[-1]))
            return score(q, k, self.weights_proj(x), self.num_heads, self.head_dim)


def score(q: Tensor, k: Tensor, weights: Tensor, heads: Count, head_dim: Count) -> Tensor:
    """One score per query and position: the products of all heads, weighted and added up in fp32."""
    run = q.tape.run
    out = q.tape.tensor("index scores", *q.axes[:-1], Axis("keys", run.positions), dtype=FP32)
    per_pair = heads * (head_dim + 1)
    work, dense = (Work(2 * run.batch * pairs * per_pair) for pairs in (run.pairs(), run.dense_pairs()))
    q.tape.record("index", (q, k, weights), (out,), work=work, counted={"torch": dense, "megatron": Work()})
    return out


class SparseLatentAttention(MultiHeadLatentAttention):
    """Multi-head latent attention over the positions that an indexer chooses (DeepSeek-V3.2).

    Attributes:
        index_heads: heads of the indexer.
        index_head_dim: elements of each.
        index_topk: positions that are chosen for each token.
        shares_choice: it has no indexer and sees what the layer before it saw (GLM-5.1).
    """

    note: ClassVar[str] = "MLA over the positions that an indexer chooses"
    source: ClassVar[str] = "DeepSeek-V3.2 (2025), eq. 1-2"

    index_heads: Count = 64
    index_head_dim: Count = 128
    index_topk: Count = 2048
    shares_choice: bool = False

    @property
    def selected(self) -> Count:  # type: ignore[override]
        """Positions that are chosen for each token."""
        return self.index_topk

    def build(self) -> None:
        super().build()
        if not self.shares_choice:
            assert self.q_lora_rank is not None  # configurations of these families have it
            self.indexer = Indexer(
                self.hidden_size, self.q_lora_rank, self.index_heads, self.index_head_dim, self.qk_rope_head_dim
            )

    def queries(self, x: Tensor, narrow: Tensor | None) -> Tensor:
        """Queries, and the choice of positions that their compressed form makes."""
        assert narrow is not None
        compressed = self.q_a_norm(narrow)
        if not self.shares_choice:
            self.indexer(x, compressed)
        return self.q_b_proj(compressed)
