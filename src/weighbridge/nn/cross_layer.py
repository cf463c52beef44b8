"""Attention of which layers share keys and values, and what runs on the last position alone because of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar

from weighbridge.nn import ops
from weighbridge.nn.attention import GroupedQueryAttention
from weighbridge.nn.core_attention import store
from weighbridge.nn.linear import Linear
from weighbridge.nn.power_norm import PlainPowerRMSNorm, PowerRMSNorm
from weighbridge.tape import SEQUENCE, Axis, Tensor, Use


class CrossLayerAttention(GroupedQueryAttention):
    """Grouped-query attention whose keys and values later layers may read instead of making their own (Brandon et al.
    2024, cross-layer attention). Queries, keys and values are normalised by head, values without a weight (Gemma 3n
    and 4).

    Attributes:
        reads: it reads the keys and values of an earlier layer and projects queries only.
        keys_are_values: values are what keys are before they are normalised and turned.
    """

    title = "attention"
    note: ClassVar[str] = "keys and values may be another layer's"
    source: ClassVar[str] = "Brandon et al. 2024; transformers, models/gemma4/modeling_gemma4.py, Gemma4TextAttention"

    reads: bool = False
    keys_are_values: bool = False

    def build(self) -> None:
        hidden = Axis("hidden", self.hidden_size)
        self.q_proj = Linear(hidden, self.queries, self.qkv_bias)
        self.q_norm = PowerRMSNorm(self.head_dim, "head_dim")
        if not self.reads:
            self.k_proj = Linear(hidden, self.keys, self.qkv_bias)
            if not self.keys_are_values:
                self.v_proj = Linear(hidden, self.values, self.qkv_bias)
            self.k_norm = PowerRMSNorm(self.head_dim, "head_dim")
            self.v_norm = PlainPowerRMSNorm(self.value_dim, "head_dim")
        self.o_proj = Linear(self.queries, hidden, self.out_bias)

    def forward(self, x: Tensor) -> Tensor:
        x = ops.gathered(x)
        with x.tape.segment("qkv_linear"):
            q = self.q_proj(x)
        q = ops.rotary(self.normed(q, self.q_norm), own=self.angles_of)
        k, v = self.earlier(x) if self.reads else self.own(x)
        attended = self.attended(q, k, v)
        with x.tape.segment("attn_proj"):
            return self.o_proj(attended)

    def own(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of its own, which the cache holds."""
        with x.tape.segment("qkv_linear"):
            k = self.k_proj(x)
            v = k if self.keys_are_values else self.v_proj(x)
        k, v = ops.rotary(self.normed(k, self.k_norm), own=self.angles_of), self.normed(v, self.v_norm)
        store(k, v, self.window)
        return k, v

    def earlier(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the last layer before that attends as this one does. That layer keeps them for its own backward
        pass, which comes after this one's.
        """
        run = x.tape.run
        places = (Axis("batch", run.batch), Axis(SEQUENCE, run.skipped + run.sequence))
        name = "everything" if self.window is None else "a window"
        k, v = (
            x.tape.table(f"{what} of {name}", *places, axis, use=Use.OUTSIDE)
            for what, axis in (("keys", self.keys), ("values", self.values))
        )
        return k, v


@contextmanager
def last_position(x: Tensor) -> Iterator[Tensor]:
    """The last new position alone, where a pass asks for no other's scores: what reads keys and values of earlier
    layers and makes none needs no more (transformers, models/gemma4/modeling_gemma4.py, _maybe_slice_kv_shared_inputs).
    """
    tape, run = x.tape, x.tape.run
    if not run.last_logits:
        yield x
        return
    tape.run = replace(run, sequence=1, skipped=run.skipped + run.sequence - 1)
    try:
        yield ops.view(x, "last", x.axes[0], Axis(x.axes[1].name, 1), *x.axes[2:])
    finally:
        tape.run = run
