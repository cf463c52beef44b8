"""Gated delta net: linear attention whose state is corrected by the delta rule and decays by a gate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from weighbridge.arithmetic import Count, ceil_div
from weighbridge.nn import ops
from weighbridge.nn.convolution import CausalConvolution
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import GatedRMSNorm
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.nn.recurrence import recurrence
from weighbridge.tape import Axis, Joined, Phase, Tensor, Weight, Work
from weighbridge.tree import Kind


class GatedDeltaNet(Module):
    """Linear attention with a state of key by value elements per head (Yang, Kautz and Hatamizadeh 2024, eq. 10).

    Attributes:
        hidden_size: width of the residual stream.
        num_key_heads: heads of queries and keys.
        num_value_heads: heads of values; each key head serves an equal share of them.
        key_head_dim: elements of a query or key head.
        value_head_dim: elements of a value head.
        conv_kernel: positions that the short convolution over q, k and v sees.
        chunk: positions that the parallel form works on at once (64 in transformers and flash-linear-attention).
        joined: queries, keys, values and the output gate are one projection, both gates of the state another; else the
            output gate and each gate of the state have one of their own (Qwen3.5).
    """

    kind = Kind.LINEAR_ATTENTION
    branch = "mixer"
    title = "linear_attention"
    note: ClassVar[str] = "gated delta net"
    source: ClassVar[str] = "Yang, Kautz and Hatamizadeh 2024, eq. 10"

    hidden_size: Count
    num_key_heads: Count
    num_value_heads: Count
    key_head_dim: Count
    value_head_dim: Count
    conv_kernel: Count
    chunk: Count = 64
    joined: bool = True

    def problems(self) -> Iterator[Problem]:
        yield from must_divide(self, "num_value_heads", "num_key_heads")

    def build(self) -> None:
        hidden = Axis("hidden", self.hidden_size)
        k, v = Axis("heads", self.num_key_heads, self.key_head_dim), self.values
        each = Axis("heads", self.num_value_heads)
        if self.joined:
            self.qkvz_proj = Linear(hidden, Joined((k, k, v, v)))
            self.ba_proj = Linear(hidden, Joined((each, each)))
        else:
            self.qkv_proj = Linear(hidden, Joined((k, k, v)))
            self.z_proj, self.b_proj, self.a_proj = (Linear(hidden, out) for out in (v, each, each))
        self.conv = CausalConvolution(Joined((k, k, v)), self.conv_kernel, megatron=True)
        self.dt_bias = Weight((each,))
        self.decay = Weight((each,))
        self.norm = GatedRMSNorm(self.value_head_dim, "head_dim")
        self.out_proj = Linear(v, hidden)

    @property
    def values(self) -> Axis:
        """The axis of all value heads."""
        return Axis("heads", self.num_value_heads, self.value_head_dim)

    def forward(self, x: Tensor) -> Tensor:
        qkv, z, *gates = self.projected(ops.gathered(x))
        return self.out_proj(self.norm(self.delta_rule(self.conv(qkv), *gates), z))

    def projected(self, x: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values; the output gate; and the gates of the state."""
        if not self.joined:
            return self.qkv_proj(x), self.z_proj(x), self.b_proj(x), self.a_proj(x)
        qkvz, gates = self.qkvz_proj(x), self.ba_proj(x)
        return ops.part(qkvz, "qkv", self.conv.channels), ops.part(qkvz, "z", self.values), gates

    def delta_rule(self, qkv: Tensor, *gates: Tensor) -> Tensor:
        """Update the state token by token and read it with the query: read the old value, write the correction, read.

        PyTorch counts the matrix multiplies of the chunked form that ``transformers`` runs on more than one token, and
        nothing of the step-by-step form.
        """
        run = qkv.tape.run
        tokens = run.batch * run.sequence
        counted = {
            "torch": Work() if run.phase is Phase.DECODE else self.chunked(run.batch, run.sequence),
            "megatron": ops.twice(2 * tokens * 4 * self.values.size * self.value_head_dim),
        }
        weights = (self.dt_bias, self.decay)
        state = (Axis("heads", self.num_value_heads, self.key_head_dim), Axis("value", self.value_head_dim))
        return recurrence("delta rule", (qkv, *gates), weights, self.values, state, 3, counted)

    def chunked(self, batch: Count, sequence: Count) -> Work:
        """Matrix multiplies of the chunked form (transformers, torch_chunk_gated_delta_rule).

        Forward: scores of keys with keys and of queries with keys within each chunk, then per chunk the state read by
        keys and by queries, the scores times the new values, and the state's update. Triangular solves are not counted.
        Backward: twice that, but the first chunk's state and the last chunk's update need no gradient; a triangular
        solve's gradient multiplies once per right-hand side.
        """
        chunks, length = ceil_div(sequence, self.chunk), self.chunk
        k, v = self.key_head_dim, self.value_head_dim
        scores, state, values = length * length * k, length * k * v, length * length * v
        forward = chunks * (2 * scores + 3 * state + values)
        backward = 2 * forward - 2 * state - 2 * state + chunks * (scores + values)
        per_head = 2 * batch * self.num_value_heads
        return Work(per_head * forward, per_head * backward)
