"""Softmax attention over cached keys and values: multi-head, grouped-query, multi-query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from weighbridge.arithmetic import Count, minimum
from weighbridge.kernels import Attention, Kernels
from weighbridge.nn import context, ops
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import LayerNorm, RMSNorm
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.tape import Axis, Joined, Tape, Tensor, Use, Weight, Work
from weighbridge.traced import plain
from weighbridge.tree import Kind
from weighbridge.units import FP32, DataType


def core_attention(
    q: Tensor, k: Tensor, v: Tensor, heads: Count, qk_dim: Count, v_dim: Count, window: Count | None = None
) -> Tensor:
    """``softmax(q k^T) v`` of every head, over the pairs that the mask leaves visible.

    The work counts visible pairs. PyTorch counts all pairs, masked or not, and for a flash kernel's backward pass the
    scores once more (torch/utils/flop_counter.py, sdpa_backward_flop_count); Megatron-LM counts half of the square of
    the sequence, windows ignored (megatron/training/training.py, num_floating_point_operations).

    Args:
        q: queries (batch, sequence, heads x qk_dim).
        k: keys of the new tokens; the pass says how many more the cache holds.
        v: values of the new tokens.
        heads: query heads.
        qk_dim: elements of a query or key head.
        v_dim: elements of a value head.
        window: positions that a token sees at most, itself included; ``None`` for all before it.
    """
    run = q.tape.run
    out = q.tape.tensor("attended", *q.axes[:-1], Axis("heads", heads, v_dim))
    per_pair = heads * (qk_dim + v_dim)
    dense = 2 * run.batch * run.dense_pairs(window)
    again = dense * heads * qk_dim if run.kernels.scores_again else 0
    work = ops.twice(2 * run.batch * run.pairs(window) * per_pair)
    counted = {
        "torch": Work(dense * per_pair, 2 * dense * per_pair + again),
        "megatron": ops.twice(run.batch * run.sequence * run.sequence * per_pair),
    }
    with q.tape.segment("core_attn"):
        CORES[run.kernels.attention](Core(q, k, v, out, heads, work, counted))
    return out


@dataclass(frozen=True)
class Core:
    """What core attention works on.

    Attributes:
        q: queries.
        k: keys.
        v: values.
        out: its result.
        heads: query heads.
        work: its floating-point operations.
        counted: the same by conventions of others.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    out: Tensor
    heads: Count
    work: Work
    counted: dict[str, Work]

    @property
    def tape(self) -> Tape:
        """The record that it is written on."""
        return self.q.tape

    def scores(self, name: str, dtype: DataType | None = None, use: Use = Use.ACTIVATION) -> Tensor:
        """A tensor of one element per head, query and key."""
        heads, keys = Axis("heads", self.heads), Axis("keys", self.tape.run.positions)
        return self.tape.tensor(name, *self.q.axes[:-1], heads, keys, dtype=dtype, use=use)

    def copied(self, x: Tensor) -> Tensor:
        """Keys or values copied for every query head (repeat_interleave)."""
        own = x.axes[-1]
        assert isinstance(own, Axis)
        made = self.tape.tensor(f"repeated {x.name}", *x.axes[:-1], Axis("heads", self.heads, own.width))
        self.tape.record("repeat", (x,), (made,))
        return made

    def repeated(self, x: Tensor) -> Tensor:
        """Keys or values copied for every query head where heads share them."""
        own = x.axes[-1]
        assert isinstance(own, Axis)
        return x if plain(own.units) == plain(self.heads) else self.copied(x)

    def record(
        self, reads: tuple[Tensor, ...], keeps: tuple[Tensor, ...], makes: tuple[Tensor, ...] = (), **scratch: Any
    ) -> None:
        """The operation that makes the result, with the work of the whole."""
        self.tape.record("attention", reads, (self.out, *makes), keeps, self.work, self.counted, **scratch)


def plain_core(core: Core) -> None:
    """Scores and result, nothing copied: keeps queries, keys, values and the probabilities."""
    weights = core.scores("weights")
    core.record((core.q, core.k, core.v), (core.q, core.k, core.v, weights), (weights,))


def flash_core(core: Core) -> None:
    """One kernel (Dao 2023, FlashAttention-2, algorithm 1): keeps its inputs, its result and the logarithm of each
    row's sum. Backward, the queries' gradient gathers in fp32. Where the sequence comes first, or ranks exchange
    heads, its result is copied.
    """
    sums = core.tape.tensor("log-sum-exp", *core.q.axes[:-1], Axis("heads", core.heads), dtype=FP32)
    inputs, kernels = (core.q, core.k, core.v), core.tape.run.kernels
    memory = context.shared(*inputs, core.out, sums)
    copies = None
    if kernels.exchanges_heads:
        copies = Axis("copies", 1)
    elif kernels.sequence_first and kernels.attention in (Attention.FLASH, Attention.FLASH_1):
        copies = Axis("copies", minimum(core.tape.run.batch - 1, 1))  # of one sequence, both layouts are the same
    if copies is not None:
        own = core.tape.tensor("attended, as the kernel lays it out", copies, *core.out.axes)
        core.record(inputs, (*inputs, own, sums), (own, sums), **memory)
        return
    core.record(inputs, (*inputs, core.out, sums), (sums,), **memory)


def unfused_core(core: Core) -> None:
    """Matrix multiplies around one softmax kernel (Transformer Engine, UnfusedDotProductAttention; Megatron-Core,
    transformer/dot_product_attention.py): keeps queries, keys and values of every query head, the probabilities and
    what dropout leaves of them.
    """
    tape, raw, weights = core.tape, core.scores("scores"), core.scores("probabilities")
    k, v = core.repeated(core.k), core.repeated(core.v)
    through = (core.scores("scores"),) if tape.run.kernels.buffers_scores else ()
    tape.record("scores", (core.q, k), (raw,), (core.q, k), buffered=through)
    if tape.run.kernels.wide_softmax:
        wide = core.scores("probabilities in fp32", FP32)
        tape.record("softmax", (raw,), (wide,), (wide,))
        tape.record("cast", (wide,), (weights,))
    else:
        tape.record("softmax", (raw,), (weights,), (weights,))
    if tape.run.kernels.attention_dropout:
        mask, left = core.scores("attention dropout mask", ops.MASK), core.scores("probabilities after dropout")
        tape.record("dropout", (weights,), (left, mask), (mask,))
        weights = left
    core.record((weights, v), (weights, v))


def eager_core(core: Core) -> None:
    """Operation by operation (transformers, eager_attention_forward): keys and values are copied for every query head,
    the softmax runs in fp32. Scores are scaled, then the mask is added, each with a result of its own; under autocast
    the mask is fp32, and so is the sum. Backward, the softmax multiplies its gradient by its result first
    (aten/src/ATen/native/cuda/SoftMax.cu, softmax_backward_cuda_out).
    """
    tape, keys, values = core.tape, core.copied(core.k), core.copied(core.v)
    dtype = FP32 if tape.run.kernels.autocast else core.q.dtype
    raw, scaled = core.scores("scores", dtype), (core.scores("scaled scores", use=Use.WORKSPACE),)
    mask = tape.table("attention mask", *core.q.axes[:-1], Axis("keys", tape.run.positions), dtype=dtype)
    tape.record("scores", (core.q, keys, mask), (raw,), (core.q, keys), scratch=scaled, scratch_backward=scaled)
    wide, weights = core.scores("probabilities in fp32", FP32), core.scores("probabilities")
    product = (core.scores("gradient times probabilities", FP32, Use.WORKSPACE),)
    if dtype is FP32:
        tape.record("softmax", (raw,), (wide,), (wide,), scratch_backward=product)
    else:
        copy, caller = core.scores("scores in fp32", FP32), (core.scores("scores of the caller", use=Use.WORKSPACE),)
        tape.record("to fp32", (raw,), (copy,))
        tape.record("softmax", (copy,), (wide,), (wide,), scratch=caller, scratch_backward=product)
    tape.record("cast", (wide,), (weights,))
    core.record((weights, values), (weights, values))


CORES = {
    Attention.PLAIN: plain_core,
    Attention.FLASH: flash_core,
    Attention.FLASH_1: flash_core,
    Attention.TRITON: flash_core,
    Attention.CUDNN: flash_core,
    Attention.SDPA: flash_core,
    Attention.UNFUSED: unfused_core,
    Attention.EAGER: eager_core,
}


class Sinks(Module):
    """One learned score per head that takes part in the softmax and attends to nothing (gpt-oss).

    Attributes:
        num_heads: query heads.
    """

    kind = Kind.ATTENTION

    num_heads: Count

    def build(self) -> None:
        self.weight = Weight((Axis("heads", self.num_heads),))


class GroupedQueryAttention(Module):
    """Query heads share key and value heads in groups (Ainslie et al. 2023). As many key/value heads as query heads
    is multi-head attention; one key/value head is multi-query attention.

    Attributes:
        hidden_size: width of the residual stream.
        num_heads: query heads.
        num_kv_heads: key/value heads (query groups).
        head_dim: elements per head.
        qkv_bias: the query, key and value projections add a bias.
        out_bias: the output projection adds a bias.
        qk_norm: queries and keys are normalised per head before attention.
        window: positions that a token sees at most; ``None`` for all before it.
        sinks: a learned sink score per head.
        output_gate: the query projection makes a second half that gates the output.
        fused: q, k and v are one projection.
        rotary: queries and keys are turned by their positions.
        layer_norm: the normalisations of queries and keys are layer normalisations, with a bias.
    """

    kind = Kind.ATTENTION
    branch = "mixer"
    fuses_norm = True
    title = "attention"
    note: ClassVar[str] = "q, k, v and output projections"
    source: ClassVar[str] = "Vaswani et al. 2017, eq. 1; Ainslie et al. 2023"

    hidden_size: Count
    num_heads: Count
    num_kv_heads: Count
    head_dim: Count
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: bool = False
    window: Count | None = None
    sinks: bool = False
    output_gate: bool = False
    fused: bool = False
    rotary: bool = True
    layer_norm: bool = False

    def problems(self) -> Iterator[Problem]:
        yield from must_divide(self, "num_heads", "num_kv_heads")

    def build(self) -> None:
        hidden = Axis("hidden", self.hidden_size)
        q, kv = Axis("heads", self.num_heads, self.head_dim), Axis("kv_heads", self.num_kv_heads, self.head_dim)
        if self.fused:
            self.qkv_proj = Linear(hidden, Joined((q, kv, kv)), self.qkv_bias)
        else:
            query = Axis("heads", self.num_heads, 2 * self.head_dim) if self.output_gate else q
            self.q_proj = Linear(hidden, query, self.qkv_bias)
            self.k_proj = Linear(hidden, kv, self.qkv_bias)
            self.v_proj = Linear(hidden, kv, self.qkv_bias)
        if self.qk_norm:
            norm = LayerNorm if self.layer_norm else RMSNorm
            self.q_norm = norm(self.head_dim, "head_dim")
            self.k_norm = norm(self.head_dim, "head_dim")
        if self.sinks:
            self.sink_scores = Sinks(self.num_heads)
        self.o_proj = Linear(q, hidden, self.out_bias)

    def forward(self, x: Tensor) -> Tensor:
        with x.tape.segment("qkv_linear"):
            q, k, v, gate = self.projected(ops.gathered(x))
        if self.fused and self.gathers_queries(x.tape.run.kernels):
            q = ops.elementwise("copy", q)
        if self.qk_norm:
            q, k = self.normed(q, self.q_norm), self.normed(k, self.k_norm)
        if self.rotary:
            q, k = ops.rotary(q), ops.rotary(k)
        if self.fused and self.parts_ways(x.tape.run.kernels):
            v = ops.elementwise("copy", v)
        attended = core_attention(q, k, v, self.num_heads, self.head_dim, self.head_dim, self.window)
        if gate is not None:
            attended = ops.multiply(attended, ops.activation("sigmoid", gate))
        with x.tape.segment("attn_proj"):
            return self.o_proj(attended)

    def gathers_queries(self, kernels: Kernels) -> bool:
        """Whether queries are copied: in Megatron-Core's projection a group's stand before its keys and values."""
        grouped = plain(self.num_heads) != plain(self.num_kv_heads)
        kept = kernels.attention is Attention.UNFUSED or (self.qk_norm and kernels.buffers_scores)
        return kernels.sequence_first and grouped and kept

    def parts_ways(self, kernels: Kernels) -> bool:
        """Whether values are copied, because queries and keys no longer stand beside them in one projection.
        Megatron-Core's own attention takes them from where they are (transformer/dot_product_attention.py).
        """
        flash = kernels.attention is not Attention.UNFUSED
        own = kernels.buffers_scores and not flash
        return kernels.sequence_first and not own and (self.rotary or (self.qk_norm and flash))

    def normed(self, x: Tensor, norm: Module) -> Tensor:
        """Every head normalised by itself."""
        rows, heads = x.axes[:-1], x.axes[-1]
        assert isinstance(heads, Axis)
        made = norm(ops.view(x, x.name, *rows, Axis(heads.name, heads.units), Axis("head_dim", self.head_dim)))
        return ops.view(made, x.name, *rows, heads)

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Queries, keys, values and the output gate (or ``None``)."""
        heads, kv = Axis("heads", self.num_heads, self.head_dim), Axis("kv_heads", self.num_kv_heads, self.head_dim)
        if self.fused:
            qkv = self.qkv_proj(x)
            return ops.part(qkv, "q", heads), ops.part(qkv, "k", kv), ops.part(qkv, "v", kv), None
        q = self.q_proj(x)
        gate = ops.part(q, "gate", heads) if self.output_gate else None
        return ops.part(q, "q", heads), self.k_proj(x), self.v_proj(x), gate
