"""Compressed attention: beside a window of single positions, queries see keys that stand for several positions each."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count, exact_div, floor_div, minimum
from weighbridge.nn import ops
from weighbridge.nn.attention import Sinks
from weighbridge.nn.core_attention import Further, Written, core_attention
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import FactorRMSNorm, WideRMSNorm
from weighbridge.tape import SEQUENCE, Axis, Tensor, Weight, Work, renamed
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
        rotary_dim: elements of a key that positions turn; ``None`` for all.
    """

    note: ClassVar[str] = "one key of several positions"
    source: ClassVar[str] = "DeepSeek-V4 (2026), eq. 9-12 and 20-23"

    hidden_size: Count
    head_dim: Count
    rate: Count
    overlaps: bool = False
    rotary_dim: Count | None = None

    def build(self) -> None:
        hidden, series = Axis("hidden", self.hidden_size), Axis("series", 2 if self.overlaps else 1, self.head_dim)
        self.kv_proj = Linear(hidden, series)
        self.gate_proj = Linear(hidden, series)
        self.position_bias = Weight((Axis("places", self.rate), series))
        self.norm = WideRMSNorm(self.head_dim, "head_dim")

    def forward(self, x: Tensor) -> Tensor:
        kv, gate = self.kv_proj(x), self.gate_proj(x)
        self.store(kv)
        tape, head = x.tape, Axis("head_dim", self.head_dim)
        groups = Axis(SEQUENCE, floor_div(tape.run.sequence, self.rate))
        mean = tape.tensor("weighted mean", x.axes[0], groups, head)
        if tape.run.kernels.written_out:
            self.written(kv, gate, mean)
        else:
            shares = tape.tensor("shares of positions", *kv.axes, dtype=FP32)
            tape.record("compress", (kv, gate, self.position_bias), (mean, shares), (kv, shares))
        return ops.rotary(self.norm(mean), self.rotary_dim, "interleaved apart", each=True)

    def written(self, kv: Tensor, gate: Tensor, mean: Tensor) -> None:
        """Shares are computed in fp32, and cast; where groups overlap, values stand in two places each (transformers,
        models/deepseek_v4/modeling_deepseek_v4.py, DeepseekV4CSACompressor, DeepseekV4HCACompressor).
        """
        tape, (batch, groups, head) = kv.tape, mean.axes
        places = (batch, groups, Axis("places", self.rate, 2 if self.overlaps else 1), head)
        wide = tape.tensor("shares of positions in fp32", *places, dtype=FP32)
        tape.record("softmax", (gate, self.position_bias), (wide,), (wide,))
        shares = ops.cast(wide, "shares of positions", kv.dtype)
        if self.overlaps:
            values = tape.tensor("values of groups", *places, dtype=kv.dtype)
        else:  # none where there is no whole group
            values = tape.tensor("values of groups", Axis("any", minimum(groups.size, 1)), *kv.axes, dtype=kv.dtype)
        tape.record("lay out", (kv,), (values,))
        tape.record("compress", (values, shares), (mean,), (values, shares))

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
        rotary_dim: elements of a head that positions turn; ``None`` for all.
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
    rotary_dim: Count | None = None

    def build(self) -> None:
        hidden, heads = Axis("hidden", self.hidden_size), Axis("heads", self.num_heads, self.head_dim)
        rank = Axis("q_latent", self.q_lora_rank)
        self.q_a_proj = Linear(hidden, rank)
        self.q_a_norm = WideRMSNorm(self.q_lora_rank, "q_latent")
        self.q_b_proj = Linear(rank, heads)
        self.q_b_norm = FactorRMSNorm(self.head_dim, "head_dim")
        self.kv_proj = Linear(hidden, Axis("kv_latent", self.head_dim))
        self.kv_norm = WideRMSNorm(self.head_dim, "kv_latent")
        self.sink_scores = Sinks(self.num_heads)
        if self.rate is not None:
            sparse = self.index_topk is not None
            self.compressor = Compressor(self.hidden_size, self.head_dim, self.rate, sparse, self.rotary_dim)
            if self.index_topk is not None:
                sizes = (self.index_heads, self.index_head_dim, self.rate)
                self.indexer = CompressedIndexer(self.hidden_size, self.q_lora_rank, *sizes)
        self.o_a_proj = GroupedProjection(heads, self.o_groups, self.o_lora_rank)
        self.o_b_proj = Linear(self.o_a_proj.out, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = ops.gathered(x)
        with x.tape.segment("qkv_linear"):
            compressed = self.q_a_norm(self.q_a_proj(x))
            q = self.turned(self.normed(self.q_b_proj(compressed)))
            kv = self.kv_norm(self.kv_proj(x))
            one = Axis("kv_heads", 1, self.head_dim)
            kv = self.turned(ops.view(kv, "keys", *renamed(kv.axes[:-1], SEQUENCE), one))
        self.store(kv)
        further = Further()
        if self.rate is not None:
            further = self.further(x)
            kv = self.joined(kv, self.compressor(x))
            if self.index_topk is not None:
                self.indexer(x, compressed)
        sizes = self.num_heads, self.head_dim, self.head_dim, self.window
        attended = core_attention(q, kv, kv, *sizes, further=further, written=Written(sinks=True))
        with x.tape.segment("attn_proj"):
            return self.o_b_proj(self.o_a_proj(self.turned(attended)))

    def turned(self, x: Tensor) -> Tensor:
        """Heads turned by their positions, or back."""
        return ops.rotary(x, self.rotary_dim, "interleaved apart")

    def joined(self, kv: Tensor, compressed: Tensor) -> Tensor:
        """Keys of single positions, and after them compressed ones."""
        keys = Axis("keys", kv.axes[1].size + compressed.axes[1].size)
        made = kv.tape.tensor("join", kv.axes[0], keys, kv.axes[-1], dtype=kv.dtype)
        kv.tape.record("join", (kv, compressed), (made,))
        return made

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
