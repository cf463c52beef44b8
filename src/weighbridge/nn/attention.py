"""Grouped-query attention: multi-head, grouped-query, multi-query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, ClassVar, TypeVar

from weighbridge.arithmetic import Count
from weighbridge.kernels import Attention, Kernels, Rope
from weighbridge.nn import ops
from weighbridge.nn.core_attention import Written, core_attention, store
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import NORMS
from weighbridge.nn.problems import Problem, must_divide, one_of
from weighbridge.tape import SEQUENCE, Axis, Joined, Tensor, Weight
from weighbridge.traced import plain
from weighbridge.tree import Kind

NORM_OVER = ("head", "each head", "all heads")
"""What the normalisation of queries and keys runs over."""


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
        qk_norm: queries and keys are normalised before attention.
        window: positions that a token sees at most; ``None`` for all before it.
        sinks: a learned sink score per head.
        output_gate: the query projection makes a second half that gates the output.
        fused: q, k and v are one projection.
        rotary: queries and keys are turned by their positions.
        positions_each: every sequence has positions of its own (those of an image's rows and columns).
        norm: which normalisation that is: a name of :data:`weighbridge.nn.norm.NORMS`.
        norm_over: what it runs over: each "head" with one weight for all of them; "each head" with a weight of its own;
            "all heads" laid end to end.
        v_head_dim: elements per value head; as many as ``head_dim`` if ``None``.
        caches: it stores its keys and values; layers that read those of another one do not.
        capped: scores are held below a cap (Gemma 2).
        narrow_softmax: transformers computes probabilities in the scores' own type, not in fp32 (GPT-2).
        stable_softmax: it takes each row's largest score away first, as it does with sinks (MiMo-V2-Flash).
        fills: it fills scores that are hidden, and keeps the mask (MPT).
        wide_scores: it computes scores in fp32, of copies of queries and keys (GPT-J).
        partial_rotary: transformers joins what positions turn of a head with what they do not, be it nothing, in a copy
            (Phi-3).
        rotary_dim: elements of a head that positions turn; ``None`` for all of them.
        scaled_queries: queries are scaled by a factor of their position (Ministral 3).
        angles: the tables of transformers' rotary positions: a name of :data:`weighbridge.nn.ops.ANGLES`.
        angles_of: the kind of layers whose angles they are, where kinds differ in them (Gemma 3).
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
    norm: str = "RMSNorm"
    norm_over: str = "head"
    v_head_dim: Count | None = None
    caches: bool = True
    capped: bool = False
    narrow_softmax: bool = False
    stable_softmax: bool = False
    fills: bool = False
    wide_scores: bool = False
    partial_rotary: bool = False
    rotary_dim: Count | None = None
    scaled_queries: bool = False
    angles: str = "whole"
    angles_of: str = ""
    positions_each: bool = False

    def problems(self) -> Iterator[Problem]:
        yield from must_divide(self, "num_heads", "num_kv_heads")
        yield from one_of(self, "norm", NORMS)
        yield from one_of(self, "norm_over", NORM_OVER)

    def build(self) -> None:
        hidden, q, k, v = Axis("hidden", self.hidden_size), self.queries, self.keys, self.values
        if self.fused:
            self.qkv_proj = Linear(hidden, Joined((q, k, v)), self.qkv_bias)
        else:
            query = Axis("heads", self.num_heads, 2 * self.head_dim) if self.output_gate else q
            self.q_proj = Linear(hidden, query, self.qkv_bias)
            self.k_proj = Linear(hidden, k, self.qkv_bias)
            self.v_proj = Linear(hidden, v, self.qkv_bias)
        if self.qk_norm:
            self.q_norm = self.norm_of(q)
            self.k_norm = self.norm_of(k)
        if self.sinks:
            self.sink_scores = Sinks(self.num_heads)
        self.o_proj = Linear(Axis("heads", self.num_heads, self.value_dim), hidden, self.out_bias)

    @property
    def value_dim(self) -> Count:
        """Elements per value head."""
        return self.head_dim if self.v_head_dim is None else self.v_head_dim

    @property
    def queries(self) -> Axis:
        """The axis of all query heads."""
        return Axis("heads", self.num_heads, self.head_dim)

    @property
    def keys(self) -> Axis:
        """The axis of all key heads."""
        return Axis("kv_heads", self.num_kv_heads, self.head_dim)

    @property
    def values(self) -> Axis:
        """The axis of all value heads."""
        return Axis("kv_heads", self.num_kv_heads, self.value_dim)

    def norm_of(self, heads: Axis) -> Module:
        """A normalisation of those heads."""
        norm = NORMS[self.norm]
        if self.norm_over == "all heads":
            return norm(heads.size, heads.name)
        if self.norm_over == "each head":
            return norm(heads.width, "head_dim", heads.units, heads.name)
        return norm(heads.width, "head_dim")

    def forward(self, x: Tensor) -> Tensor:
        with x.tape.segment("qkv_linear"):
            q, k, v, gate = self.projected(ops.gathered(x))
        if self.fused and self.gathers_queries(x.tape.run.kernels):
            q = ops.elementwise("copy", q)
        q, k = self.placed(q, k)
        if self.fused and self.parts_ways(x.tape.run.kernels):
            v = ops.elementwise("copy", v)
        if self.caches:
            store(k, v, self.window)
        attended = self.attended(q, k, v)
        if gate is not None:
            attended = ops.multiply(attended, ops.activation("sigmoid", gate))
        with x.tape.segment("attn_proj"):
            return self.o_proj(attended)

    def placed(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Queries and keys normalised, and turned by their positions."""
        if self.qk_norm:
            q, k = self.normed(q, self.q_norm), self.normed(k, self.k_norm)
        return self.turned(q, k) if self.rotary else (q, k)

    def turned(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Queries and keys turned by their positions; where a layer makes tables of its own, by the same ones."""
        tape = q.tape
        tables: tuple[Tensor, ...] = ()
        if self.angles in ("interleaved", "interleaved in fp32") and tape.run.kernels.rope is Rope.EAGER:
            tables = ops.tables_of(q, ops.turned_part(q, self.rotary_dim), self.angles)
            tape.record("tables of angles", (), tables)
        words = (self.rotary_dim, self.angles, self.angles_of, self.positions_each, tables)
        q, k = ops.rotary(q, *words), ops.rotary(k, *words)
        if not (self.scaled_queries and tape.run.kernels.written_out):
            return q, k
        scale = tape.tensor("scale by position", *(axis for axis in q.axes if axis.name == SEQUENCE))
        return ops.elementwise("scale", q, keeps=(scale,), makes=(scale,)), k

    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Values as queries and keys weigh them."""
        sizes = self.num_heads, self.head_dim, self.value_dim
        return core_attention(q, k, v, *sizes, self.window, written=self.written)

    @property
    def written(self) -> Written:
        """How transformers writes it."""
        own = self.capped, self.narrow_softmax, self.partial_rotary, self.stable_softmax, self.sinks, self.fills
        return Written(*own, self.wide_scores)

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
        """Every head normalised by itself, or all of them together."""
        rows, heads = x.axes[:-1], x.axes[-1]
        if self.norm_over == "all heads":
            return norm(x)
        assert isinstance(heads, Axis)
        made = norm(ops.view(x, x.name, *rows, Axis(heads.name, heads.units), Axis("head_dim", self.head_dim)))
        return ops.view(made, x.name, *rows, heads)

    def joint(self, qkv: Tensor) -> Tensor:
        """What becomes of the result of one projection before it is taken apart."""
        return qkv

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Queries, keys, values and the output gate (or ``None``)."""
        if self.fused:
            qkv = self.joint(self.qkv_proj(x))
            return (
                ops.part(qkv, "q", self.queries),
                ops.part(qkv, "k", self.keys),
                ops.part(qkv, "v", self.values),
                None,
            )
        q = self.q_proj(x)
        gate = ops.part(q, "gate", self.queries) if self.output_gate else None
        return ops.part(q, "q", self.queries), self.k_proj(x), self.v_proj(x), gate


A = TypeVar("A", bound=GroupedQueryAttention)


def of_kind(kind: type[A], attention: GroupedQueryAttention, **besides: Any) -> A:
    """The same attention as another kind of it, with the fields that the kind has besides."""
    return kind(**{field.name: getattr(attention, field.name) for field in fields(attention)} | besides)
