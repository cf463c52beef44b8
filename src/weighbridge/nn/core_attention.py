"""Softmax attention of queries over keys and values, as each kernel carries it out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from weighbridge.arithmetic import Count, minimum
from weighbridge.kernels import Attention
from weighbridge.nn import context, ops
from weighbridge.tape import Axis, Tape, Tensor, Use, Work
from weighbridge.traced import plain
from weighbridge.units import FP32, INT64, DataType


def core_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    heads: Count,
    qk_dim: Count,
    v_dim: Count,
    window: Count | None = None,
    selected: Count | None = None,
    further: Further | None = None,
    visible: Count | None = None,
    written: Written | None = None,
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
        selected: positions that are chosen for each token among all before it, as many as there are where those are
            fewer; ``None`` for all of them. PyTorch masks the others, and counts them.
        further: keys that stand for several positions each, beside those of single positions.
        visible: pairs per head and sequence that are chosen, where neither of those says it. PyTorch masks the others,
            and counts them.
        written: how the model's own code differs from that of most, where modules run as it is written.
    """
    run, further = q.tape.run, further or Further()
    out = q.tape.tensor("attended", *q.axes[:-1], Axis("heads", heads, v_dim))
    per_pair = heads * (qk_dim + v_dim)
    dense = 2 * run.batch * (run.dense_pairs(window) + further.dense)
    again = dense * heads * qk_dim if run.kernels.scores_again else 0
    pairs = run.pairs(window if selected is None else selected) if visible is None else visible
    work = ops.twice(2 * run.batch * (pairs + further.pairs) * per_pair)
    counted = {
        "torch": Work(dense * per_pair, 2 * dense * per_pair + again),
        "megatron": ops.twice(run.batch * run.sequence * run.sequence * per_pair),
    }
    with q.tape.segment("core_attn"):
        core = Core(q, k, v, out, heads, run.positions + further.keys, work, counted, window, selected is not None)
        CORES[run.kernels.attention](replace(core, written=written) if written and run.kernels.written_out else core)
    return out


@dataclass(frozen=True)
class Written:
    """How a model's attention is written, where modules run as they are written (transformers).

    Attributes:
        capped: scores are held below a cap (Gemma 2); only operation by operation.
        narrow: probabilities are computed in the type of the scores, not in fp32; only operation by operation.
        by_heads: queries lie head by head, not position by position, and with them the result of one kernel, which is
            then copied: what joined parts of heads does (partial rotary positions).
        stable: each row's largest score is taken away first, in the type of the scores; only operation by operation.
        sinks: that too, and a score per head is joined to those of keys before (gpt-oss).
        fills: scores that are hidden are filled by a mask of flags, which is kept (MPT); only operation by operation.
        wide: queries and keys are cast to fp32 for the scores (GPT-J); only operation by operation.
        masked: one kernel is given a mask in any case: every layer makes it anew of "flags" (Falcon), or of flags of
            each head ("heads"; MiniMax-M3), or all layers share one that is a "bias" of each head too (ALiBi).
        ungrouped: one kernel is not told that heads share keys and values, and refuses them (Falcon 7B).
    """

    capped: bool = False
    narrow: bool = False
    by_heads: bool = False
    stable: bool = False
    sinks: bool = False
    fills: bool = False
    wide: bool = False
    masked: str = ""
    ungrouped: bool = False


@dataclass(frozen=True)
class Further:
    """Keys that stand for several positions each (compressed attention).

    Attributes:
        keys: how many there are after the pass.
        pairs: query-key pairs with them that the mask leaves visible.
        dense: those that a masked but dense multiply computes.
    """

    keys: Count = 0
    pairs: Count = 0
    dense: Count = 0


def store(k: Tensor, v: Tensor, window: Count | None = None) -> None:
    """Keys and values that the cache holds after the pass. Under a window the token that comes next sees itself and one
    position less than the window before it, which is all that has to stay (transformers, cache_utils.py,
    DynamicSlidingWindowLayer).
    """
    run = k.tape.run
    held = run.positions if window is None else minimum(run.positions, window - 1)
    k.tape.store(*(k.tape.tensor(f"cached {x.name}", k.axes[0], Axis("keys", held), x.axes[-1]) for x in (k, v)))


@dataclass(frozen=True)
class Core:
    """What core attention works on.

    Attributes:
        q: queries.
        k: keys.
        v: values.
        out: its result.
        heads: query heads.
        keys: keys that a query may see.
        work: its floating-point operations.
        counted: the same by conventions of others.
        window: positions that a query sees at most; ``None`` for all before it.
        chosen: which it sees is chosen for each.
        written: how the model's own code has it.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    out: Tensor
    heads: Count
    keys: Count
    work: Work
    counted: dict[str, Work]
    window: Count | None = None
    chosen: bool = False
    written: Written = Written()

    @property
    def masked(self) -> bool:
        """Whether one kernel is given a mask: transformers makes one of what is chosen, and of a window no longer than
        the keys (masking_utils.py, _ignore_causal_mask_sdpa).
        """
        run = self.tape.run
        slides = self.window is not None and plain(self.window) <= plain(run.positions)
        return run.kernels.written_out and (slides or self.chosen or bool(self.written.masked))

    @property
    def mask(self) -> Tensor:
        """What one kernel adds to scores."""
        own, heads, keys, rows = (
            self.written.masked,
            Axis("heads", self.heads),
            Axis("keys", self.keys),
            self.q.axes[:-1],
        )
        if own == "bias":
            return self.tape.table("bias of scores", *rows, heads, keys)
        return self.tape.tensor("mask added to scores", *rows, *([heads] if own == "heads" else []), keys)

    @property
    def by_heads(self) -> bool:
        """Whether queries, and with them the result of one kernel, lie head by head: of one head it is the same."""
        return self.written.by_heads and plain(self.heads) != 1

    @property
    def tape(self) -> Tape:
        """The record that it is written on."""
        return self.q.tape

    def scores(self, name: str, dtype: DataType | None = None, use: Use = Use.ACTIVATION) -> Tensor:
        """A tensor of one element per head, query and key."""
        heads, keys = Axis("heads", self.heads), Axis("keys", self.keys)
        return self.tape.tensor(name, *self.q.axes[:-1], heads, keys, dtype=dtype, use=use)

    def copied(self, x: Tensor) -> Tensor:
        """Keys or values copied for every query head (repeat_interleave)."""
        own = x.axes[-1]
        assert isinstance(own, Axis)
        made = self.tape.tensor(f"repeated {x.name}", *x.axes[:-1], Axis("heads", self.heads, own.width))
        self.tape.record("repeat", (x,), (made,))
        return made

    def alone(self, x: Tensor) -> bool:
        """Whether every query head has keys or values of its own."""
        own = x.axes[-1]
        assert isinstance(own, Axis)
        return bool(plain(own.units) == plain(self.heads))

    def repeated(self, x: Tensor) -> Tensor:
        """Keys or values copied for every query head where heads share them."""
        return x if self.alone(x) else self.copied(x)

    def expanded(self, x: Tensor) -> Tensor:
        """Keys or values seen as those of every query head: a copy, unless there is one head."""
        own = x.axes[-1]
        assert isinstance(own, Axis)
        return x if plain(own.units) == 1 else self.repeated(x)

    def record(
        self, reads: tuple[Tensor, ...], keeps: tuple[Tensor, ...], makes: tuple[Tensor, ...] = (), **scratch: Any
    ) -> None:
        """The operation that makes the result, with the work of the whole."""
        self.tape.record("attention", reads, (self.out, *makes), keeps, self.work, self.counted, **scratch)


def plain_core(core: Core) -> None:
    """Scores and result, nothing copied: keeps queries, keys, values and the probabilities."""
    weights = core.scores("weights")
    core.record((core.q, core.k, core.v), (core.q, core.k, core.v, weights), (weights,))


def flash_core(core: Core, *masks: Tensor) -> None:
    """One kernel (Dao 2023, FlashAttention-2, algorithm 1): keeps its inputs, its result and the logarithm of each
    row's sum. Backward, the queries' gradient gathers in fp32. Where the sequence comes first, ranks exchange heads, or
    queries lie head by head, its result is copied.
    """
    sums = core.tape.tensor("log-sum-exp", *core.q.axes[:-1], Axis("heads", core.heads), dtype=FP32)
    kernels = core.tape.run.kernels
    inputs = (core.q, core.repeated(core.k), core.repeated(core.v)) if kernels.copies_keys else (core.q, core.k, core.v)
    memory = context.shared(*inputs, core.out, sums)
    copies, made = None, () if core.written.masked == "bias" else masks  # what all layers share is there before
    if kernels.exchanges_heads or core.by_heads:
        copies = Axis("copies", 1)
    elif kernels.sequence_first and kernels.attention in (Attention.FLASH, Attention.FLASH_1):
        copies = Axis("copies", minimum(core.tape.run.batch - 1, 1))  # of one sequence, both layouts are the same
    if copies is not None:
        own = core.tape.tensor("attended, as the kernel lays it out", copies, *core.out.axes)
        core.record(inputs, (*inputs, own, sums, *masks), (own, sums, *made), **memory)
        return
    core.record(inputs, (*inputs, core.out, sums, *masks), (sums, *made), **memory)


def sdpa_core(core: Core) -> None:
    """The same by PyTorch, which turns a mask of flags into one that is added to the scores, and keeps it; then keys
    and values of several heads are copied for every query head first (aten/src/ATen/native/transformers/attention.cpp,
    convert_boolean_attn_mask; transformers, integrations/sdpa_attention.py, use_gqa_in_sdpa).
    """
    if core.written.ungrouped and not core.alone(core.k):
        return math_core(core)
    if not core.masked:
        return flash_core(core)
    return flash_core(replace(core, k=core.expanded(core.k), v=core.expanded(core.v)), core.mask)


def math_core(core: Core) -> None:
    """Operation by operation in fp32, for what no kernel takes (aten/src/ATen/native/transformers/attention.cpp,
    _scaled_dot_product_attention_math): keeps scaled queries and keys, probabilities and values, those of keys copied
    for every query head.
    """
    tape, weights = core.tape, core.scores("probabilities in fp32", FP32)
    q = ops.cast(core.q, "scaled queries in fp32", FP32)
    k, v = (ops.cast(core.repeated(x), f"{x.name} in fp32", FP32) for x in (core.k, core.v))
    raw = core.scores("scores in fp32", FP32)
    tape.record("scores", (q, k), (raw,), _factors(q, k))
    tape.record("softmax", (raw,), (weights,), (weights,))
    core.record((weights, v), _factors(weights, v))


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


def _factors(a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    """What a product of two activations keeps: each factor for the gradient of the other."""
    return tuple(one for one, other in ((a, b), (b, a)) if a.tape.needs(other))


def eager_core(core: Core) -> None:
    """Operation by operation (transformers, eager_attention_forward): keys and values are copied for every query head,
    the softmax runs in fp32. Scores are scaled, then the mask is added, each with a result of its own; under autocast
    the mask is fp32, and so is the sum. Backward, the softmax multiplies its gradient by its result first
    (aten/src/ATen/native/cuda/SoftMax.cu, softmax_backward_cuda_out).
    """
    tape, own, keys, values = core.tape, core.written, core.copied(core.k), core.copied(core.v)
    q = core.q if core.q.base is None else ops.elementwise("queries by heads", core.q)
    dtype = FP32 if tape.run.kernels.autocast or own.wide else core.q.dtype
    if own.wide:
        q, keys = ops.cast(q, "queries in fp32", FP32), ops.cast(keys, "keys in fp32", FP32)
    raw, scaled = core.scores("scores", dtype), (core.scores("scaled scores", use=Use.WORKSPACE),)
    columns = Axis("keys", tape.run.positions)
    mask = tape.table("attention mask", *core.q.axes[:-1], columns, dtype=ops.MASK if own.fills else dtype)
    kept = (*_factors(q, keys), *([mask] if own.fills else []))
    tape.record("scores", (q, keys, mask), (raw,), kept, scratch=scaled, scratch_backward=scaled)
    raw = ops.activation("tanh", raw) if own.capped else raw
    softmax = stable_softmax if own.stable or own.sinks else narrow_softmax if own.narrow else wide_softmax
    weights = softmax(core, raw)
    core.record((weights, values), _factors(weights, values))


def narrow_softmax(core: Core, raw: Tensor) -> Tensor:
    """Probabilities in the type of the scores, which are kept."""
    weights = core.scores("probabilities", raw.dtype)
    core.tape.record("softmax", (raw,), (weights,), (weights,))
    return weights


def stable_softmax(core: Core, raw: Tensor) -> Tensor:
    """Probabilities of keys, and of a sink if there is one, in the type of the scores, less each row's largest, whose
    place is kept; values see a part of them (transformers, models/gpt_oss/modeling_gpt_oss.py,
    eager_attention_forward).
    """
    tape, heads = core.tape, Axis("heads", core.heads)
    columns = Axis("keys", core.keys + 1 if core.written.sinks else core.keys)
    both = tuple(
        tape.tensor(name, *core.q.axes[:-1], heads, columns, dtype=raw.dtype)
        for name in ("scores and sinks", "scores less the largest", "probabilities")
    )
    largest = tape.tensor("places of the largest", *core.q.axes[:-1], heads, dtype=INT64)
    tape.record("join", (raw,), both[:1])
    tape.record("largest", both[:1], (both[1], largest), (largest,))
    tape.record("softmax", (both[1],), (both[2],), (both[2],))
    return ops.part(both[2], "probabilities of keys", Axis("keys", core.keys))


def wide_softmax(core: Core, raw: Tensor) -> Tensor:
    """Probabilities in fp32, which are kept, and a copy in the type of the values."""
    tape = core.tape
    wide, weights = core.scores("probabilities in fp32", FP32), core.scores("probabilities")
    product = (core.scores("gradient times probabilities", FP32, Use.WORKSPACE),)
    if raw.dtype is FP32:
        tape.record("softmax", (raw,), (wide,), (wide,), scratch_backward=product)
    else:
        copy, caller = core.scores("scores in fp32", FP32), (core.scores("scores of the caller", use=Use.WORKSPACE),)
        tape.record("to fp32", (raw,), (copy,))
        tape.record("softmax", (copy,), (wide,), (wide,), scratch=caller, scratch_backward=product)
    tape.record("cast", (wide,), (weights,))
    return weights


CORES = {
    Attention.PLAIN: plain_core,
    Attention.FLASH: flash_core,
    Attention.FLASH_1: flash_core,
    Attention.TRITON: flash_core,
    Attention.CUDNN: flash_core,
    Attention.SDPA: sdpa_core,
    Attention.UNFUSED: unfused_core,
    Attention.EAGER: eager_core,
}
