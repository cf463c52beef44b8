"""Kimi delta attention: a gated delta net whose every channel decays by a gate of its own."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count, ceil_div
from weighbridge.nn import ops
from weighbridge.nn.convolution import CausalConvolution
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import GatedRMSNorm
from weighbridge.nn.recurrence import recurrence
from weighbridge.tape import Axis, Joined, Phase, Tensor, Weight, Work
from weighbridge.tree import Kind


class KimiDeltaAttention(Module):
    """The delta rule with a decay per channel (Kimi Team 2025, Kimi Linear, eq. 1). The gates of decay and of the
    result pass through a bottleneck as wide as a head.

    Attributes:
        hidden_size: width of the residual stream.
        num_heads: heads.
        head_dim: elements of a query, key or value head.
        conv_kernel: positions that the short convolutions over q, k and v see.
        chunk: positions that the parallel form works on at once (64 in transformers and flash-linear-attention).
    """

    kind = Kind.LINEAR_ATTENTION
    branch = "mixer"
    title = "linear_attention"
    note: ClassVar[str] = "Kimi delta attention: a decay per channel"
    source: ClassVar[str] = "Kimi Team 2025 (Kimi Linear), eq. 1"

    hidden_size: Count
    num_heads: Count
    head_dim: Count
    conv_kernel: Count
    chunk: Count = 64

    def build(self) -> None:
        hidden, heads, narrow = Axis("hidden", self.hidden_size), self.heads, Axis("gate_rank", self.head_dim)
        each = Axis("heads", self.num_heads)
        self.q_proj, self.k_proj, self.v_proj = (Linear(hidden, heads) for _ in range(3))
        self.conv = CausalConvolution(Joined((heads, heads, heads)), self.conv_kernel)
        self.forget_a_proj, self.forget_b_proj = Linear(hidden, narrow), Linear(narrow, heads)
        self.dt_bias = Weight((heads,))
        self.decay = Weight((each,))
        self.beta_proj = Linear(hidden, each)
        self.gate_a_proj, self.gate_b_proj = Linear(hidden, narrow), Linear(narrow, heads)
        self.norm = GatedRMSNorm(self.head_dim, "head_dim")
        self.o_proj = Linear(heads, hidden)

    @property
    def heads(self) -> Axis:
        """The axis of all heads."""
        return Axis("heads", self.num_heads, self.head_dim)

    def forward(self, x: Tensor) -> Tensor:
        x = ops.gathered(x)
        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        qkv = x.tape.tensor("qkv", *q.axes[:-1], self.conv.channels)
        x.tape.record("join", (q, k, v), (qkv,))
        mixed = self.conv(qkv)
        forget = self.forget_b_proj(self.forget_a_proj(x))
        beta = self.beta_proj(x)
        attended = self.delta_rule(mixed, forget, ops.elementwise("sigmoid", beta))
        return self.o_proj(self.norm(attended, self.gate_b_proj(self.gate_a_proj(x))))

    def delta_rule(self, qkv: Tensor, forget: Tensor, beta: Tensor) -> Tensor:
        """Update the state token by token and read it with the query: read the old value, write the correction, read.
        PyTorch counts the matrix multiplies of the chunked form that ``transformers`` runs on more than one token, and
        nothing of the step-by-step form.
        """
        run = qkv.tape.run
        counted = {"torch": Work() if run.phase is Phase.DECODE else self.chunked(run.batch, run.sequence)}
        state = (self.heads, Axis("value", self.head_dim))
        weights = (self.dt_bias, self.decay)
        return recurrence("delta rule", (qkv, forget, beta), weights, self.heads, state, 3, counted)

    def chunked(self, batch: Count, sequence: Count) -> Work:
        """Matrix multiplies of the chunked form (transformers, chunk_kimi_delta_attention); scores are pointwise there,
        because every channel decays by itself.

        Forward: per chunk the inverse of its scores times values and times keys, the state read by keys and by queries,
        the scores times the new values, and the state's update. Backward: twice that, but the first chunk's state and
        the last chunk's update need no gradient.
        """
        chunks, length, d = ceil_div(sequence, self.chunk), self.chunk, self.head_dim
        within, state = length * length * d, length * d * d
        forward = 3 * chunks * (within + state)
        per_head = 2 * batch * self.num_heads
        return Work(per_head * forward, per_head * (2 * forward - 4 * state))
