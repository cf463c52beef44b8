"""Compressed attention: beside a window of single positions, queries see keys that stand for several positions each."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count, exact_div, floor_div, minimum
from weighbridge.nn import ops
from weighbridge.nn.attention import Sinks
from weighbridge.nn.core_attention import Further, core_attention
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import PlainRMSNorm, RMSNorm
from weighbridge.tape import SEQUENCE, Axis, Tensor, Weight, Work
from weighbridge.tree import Kind
from weighbridge.units import FP32


class Compressor(Module):
    """Makes one key of every ``rate`` positions: their weighted mean, by weights that a gate and the place in the group
    say. Overlapping groups take a second mean of the group before.

    Attributes:
        hidden_size: width of the residual stream.
        head_dim: elements of a key.
        rate: positions that become one key.
        overlaps: groups overlap, so that each position gives two values.
    """

    note: ClassVar[str] = "one key of several positions"
    source: ClassVar[str] = "DeepSeek-V4 (2026), eq. 9-12 and 20-23"

    hidden_size: Count
    head_dim: Count
    rate: Count
    overlaps: bool = False

    def build(self) -> None:
        hidden, series = Axis("hidden", self.hidden_size), Axis("series", 2 if self.overlaps else 1, self.head_dim)
        self.kv_proj = Linear(hidden, series)
        self.gate_proj = Linear(hidden, series)
        self.position_bias = Weight((Axis("places", self.rate), series))
        self.norm = RMSNorm(self.head_dim, "head_dim")

    def forward(self, x: Tensor) -> Tensor:
        kv, gate = self.kv_proj(x), self.gate_proj(x)
        self.store(kv)
        groups = Axis(SEQUENCE, floor_div(x.tape.run.sequence, self.rate))
        mean = x.tape.tensor("weighted mean", x.axes[0], groups, Axis("head_dim", self.head_dim))
        shares = x.tape.tensor("shares of positions", *kv.axes, dtype=FP32)
        x.tape.record("compress", (kv, gate, self.position_bias), (mean, shares), (kv, shares))
        return ops.rotary(self.norm(mean))

    def store(self, kv: Tensor) -> None:
        """The cache holds all keys; values and gates of the positions that make no whole group yet; and, where groups
        overlap, those of the last whole one.
        """
        tape, batch = kv.tape, kv.axes[0]
        head, positions = Axis("head_dim", self.head_dim), tape.run.positions
        whole = floor_div(positions, self.rate)
        rest = Axis("positions", positions - whole * self.rate)
        tape.store(tape.tensor("compressed keys", batch, Axis("groups", whole), head))
        tape.store(*(tape.tensor(f"{name} of the rest", batch, rest, kv.axes[-1]) for name in ("values", "gates")))
        if self.overlaps:
            last = Axis("positions", minimum(whole, 1) * self.rate)
            tape.store(*(tape.tensor(f"{name} of the last group", batch, last, head) for name in ("values", "gates")))


class CompressedIndexer(Module):
    """Chooses compressed keys for every query by a compressor and queries of its own. No gradient passes through the
    choice.

    Attributes:
        hidden_size: width of the residual stream.
        query_size: width of the compressed queries.
        num_heads: its query heads.
        head_dim: elements of a query or key.
        rate: positions that become one key.
    """

    note: ClassVar[str] = "chooses compressed keys; its own are cached"
    source: ClassVar[str] = "DeepSeek-V4 (2026), eq. 13-17"

    hidden_size: Count
    query_size: Count
    num_heads: Count
    head_dim: Count
    rate: Count

    def build(self) -> None:
        self.compressor = Compressor(self.hidden_size, self.head_dim, self.rate, overlaps=True)
        self.q_proj = Linear(Axis("q_latent", self.query_size), Axis("index_heads", self.num_heads, self.head_dim))
        self.weights_proj = Linear(Axis("hidden", self.hidden_size), Axis("index_heads", self.num_heads))

    def forward(self, x: Tensor, queries: Tensor) -> Tensor:
        tape, run = x.tape, x.tape.run
        with tape.frozen():
            k, q, weights = self.compressor(x), ops.rotary(self.q_proj(queries)), self.weights_proj(x)
            scores = tape.tensor("index scores", *q.axes[:-1], Axis("keys", floor_div(run.positions, self.rate)))
            per_pair = 2 * run.batch * self.num_heads
            work = Work(per_pair * run.compressed_pairs(self.rate) * (self.head_dim + 1))
            dense = Work(per_pair * run.dense_compressed_pairs(self.rate) * self.head_dim)
            tape.record("index", (q, k, weights), (scores,), work=work, counted={"torch": dense, "megatron": Work()})
        return scores


class GroupedProjection(Module):
    """Groups of heads, each projected by a matrix of its own to a narrow part of the result.

    Attributes:
        heads: the axis of all heads.
        groups: groups of them.
        rank: width of each group's part.
    """

    note: ClassVar[str] = "a projection per group of heads"

    heads: Axis
    groups: Count
    rank: Count

    @property
    def out(self) -> Axis:
        """The dimension of all parts."""
        return Axis("o_groups", self.groups, self.rank)

    def build(self) -> None:
        self.weight = Weight((self.out, Axis("group_heads", exact_div(self.heads.size, self.groups))))

    def forward(self, x: Tensor) -> Tensor:
        made = x.tape.tensor("projection", *x.axes[:-1], self.out)
        x.tape.record("matmul", (x, self.weight), (made,), (x,), ops.twice(2 * x.rows * self.heads.size * self.rank))
        return made


class CompressedAttention(Module):
    """Multi-query attention whose one key is its value too, over a window of positions and over compressed keys, with
    low-rank queries, sinks and a low-rank output projection by groups of heads.

    Attributes:
        hidden_size: width of the residual stream.
        num_heads: query heads.
        head_dim: elements per head, and of the one key.
        q_lora_rank: width of the query bottleneck.
        window: single positions that a token sees.
        o_groups: groups of heads of the output projection.
        o_lora_rank: width of each group's part.
        rate: positions that become one compressed key; ``None`` for layers that see the window alone.
        index_topk: compressed keys that an indexer chooses for each token; ``None`` to see all of them.
        index_heads: heads of the indexer.
        index_head_dim: elements of each.
    """

    kind = Kind.ATTENTION
    branch = "mixer"
    title = "attention"
    note: ClassVar[str] = "one shared key and value, a window and compressed keys"
    source: ClassVar[str] = "DeepSeek-V4 (2026), section 2.3"

    hidden_size: Count
    num_heads: Count
    head_dim: Count
    q_lora_rank: Count
    window: Count
    o_groups: Count
    o_lora_rank: Count
    rate: Count | None = None
    index_topk: Count | None = None
    index_heads: Count = 64
    index_head_dim: Count = 128

    def build(self) -> None:
        hidden, heads = Axis("hidden", self.hidden_size), Axis("heads", self.num_heads, self.head_dim)
        rank = Axis("q_latent", self.q_lora_rank)
        self.q_a_proj = Linear(hidden, rank)
        self.q_a_norm = RMSNorm(self.q_lora_rank, "q_latent")
        self.q_b_proj = Linear(rank, heads)
        self.q_b_norm = PlainRMSNorm(self.head_dim, "head_dim")
        self.kv_proj = Linear(hidden, Axis("kv_latent", self.head_dim))
        self.kv_norm = RMSNorm(self.head_dim, "kv_latent")
        self.sink_scores = Sinks(self.num_heads)
        if self.rate is not None:
            self.compressor = Compressor(self.hidden_size, self.head_dim, self.rate, self.index_topk is not None)
            if self.index_topk is not None:
                sizes = (self.index_heads, self.index_head_dim, self.rate)
                self.indexer = CompressedIndexer(self.hidden_size, self.q_lora_rank, *sizes)
        self.o_a_proj = GroupedProjection(heads, self.o_groups, self.o_lora_rank)
        self.o_b_proj = Linear(self.o_a_proj.out, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = ops.gathered(x)
        with x.tape.segment("qkv_linear"):
            compressed = self.q_a_norm(self.q_a_proj(x))
            q = ops.rotary(self.normed(self.q_b_proj(compressed)))
            kv = ops.rotary(self.kv_norm(self.kv_proj(x)))
        self.store(kv)
        further = Further()
        if self.rate is not None:
            further, keys = self.further(x), self.compressor(x)
            kv = ops.elementwise("join", kv, keys)
            if self.index_topk is not None:
                self.indexer(x, compressed)
        attended = core_attention(q, kv, kv, self.num_heads, self.head_dim, self.head_dim, self.window, further=further)
        with x.tape.segment("attn_proj"):
            return self.o_b_proj(self.o_a_proj(ops.rotary(attended)))

    def normed(self, q: Tensor) -> Tensor:
        """Every query head normalised by itself."""
        rows, heads = q.axes[:-1], Axis("heads", self.num_heads)
        made = self.q_b_norm(ops.view(q, "q", *rows, heads, Axis("head_dim", self.head_dim)))
        return ops.view(made, "q", *rows, q.axes[-1])

    def store(self, kv: Tensor) -> None:
        """Keys of the window, which are the values too; layers without compressed keys hold both (transformers,
        DeepseekV4HCACache.update, and DynamicSlidingWindowLayer for the others).
        """
        held = Axis("keys", minimum(kv.tape.run.positions, self.window - 1))
        names = ("cached keys", "cached values") if self.rate is None else ("cached keys",)
        kv.tape.store(*(kv.tape.tensor(name, kv.axes[0], held, kv.axes[-1]) for name in names))

    def further(self, x: Tensor) -> Further:
        """Compressed keys, and the pairs of queries with them."""
        run, rate = x.tape.run, self.rate
        assert rate is not None
        return Further(
            floor_div(run.positions, rate),
            run.compressed_pairs(rate, self.index_topk),
            run.dense_compressed_pairs(rate),
        )
