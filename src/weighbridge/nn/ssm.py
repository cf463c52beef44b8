"""Mamba 2: a state-space model with a scalar decay per head."""

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


class MambaProjection(Linear):
    """A projection of which Megatron-LM's FLOPs formula has an idea of its own.

    Attributes:
        megatron: elements of the weight as Megatron-LM counts them.
    """

    megatron: Count = 0

    def forward(self, x: Tensor) -> Tensor:
        counted = {"megatron": ops.twice(2 * x.rows * self.megatron)}
        return ops.matmul(x, self.columns, self.out, tuple(self.weights.values()), counted)


class Mamba2(Module):
    """State-space duality layer (Dao and Gu 2024, Mamba-2, section 7).

    Attributes:
        hidden_size: width of the residual stream.
        num_heads: heads.
        head_dim: channels per head.
        state_size: state elements per channel.
        num_groups: groups that share B and C.
        conv_kernel: positions that the short convolution sees.
        bias: the in and out projections add a bias.
        conv_bias: the convolution adds a bias.
        chunk: positions that the parallel form works on at once.
        out_bias: the out projection adds a bias; as ``bias`` says if ``None``.
        normed: the result is normalised with its gate; without it the gate alone multiplies the result (Falcon-H1).
        multipliers: a fixed factor scales every channel of the in projection's result (Falcon-H1).
    """

    kind = Kind.STATE_SPACE
    branch = "mixer"
    title = "mamba"
    note: ClassVar[str] = "Mamba 2"
    source: ClassVar[str] = "Dao and Gu 2024, section 7"

    hidden_size: Count
    num_heads: Count
    head_dim: Count
    state_size: Count
    num_groups: Count
    conv_kernel: Count
    bias: bool = False
    conv_bias: bool = True
    chunk: Count = 256
    out_bias: bool | None = None
    normed: bool = True
    multipliers: bool = False

    def problems(self) -> Iterator[Problem]:
        yield from must_divide(self, "num_heads", "num_groups")

    def build(self) -> None:
        hidden, inner = Axis("hidden", self.hidden_size), self.inner
        groups, each = Axis("groups", self.num_groups, self.state_size), Axis("heads", self.num_heads)
        # Megatron-LM takes the inner size to be twice the hidden size, whatever the heads
        # (megatron/training/training.py, mamba_layer_flops).
        wide = 2 * self.hidden_size
        narrow = 2 * groups.size + self.num_heads
        in_out = Joined((inner, inner, groups, groups, each))
        self.in_proj = MambaProjection(hidden, in_out, self.bias, self.hidden_size * (2 * wide + narrow))
        if self.multipliers:
            self.factors = Weight((in_out,), buffer=True)
        self.conv = CausalConvolution(Joined((inner, groups, groups)), self.conv_kernel, self.conv_bias)
        self.dt_bias = Weight((each,))
        self.decay = Weight((each,))
        self.skip = Weight((each,))
        if self.normed:
            self.norm = GatedRMSNorm(inner.size, "heads")
        out_bias = self.bias if self.out_bias is None else self.out_bias
        self.out_proj = MambaProjection(inner, hidden, out_bias, wide * self.hidden_size)

    @property
    def inner(self) -> Axis:
        """The axis of all channels."""
        return Axis("heads", self.num_heads, self.head_dim)

    def forward(self, x: Tensor) -> Tensor:
        projected = self.in_proj(ops.gathered(x))
        if self.multipliers:
            projected = ops.elementwise("scale", projected, weights=(self.factors,))
        gate = ops.part(projected, "gate", self.inner)
        dt = ops.part(projected, "dt", Axis("heads", self.num_heads))
        mixed = self.conv(ops.part(projected, "xBC", self.conv.channels))
        return self.out_proj(self.gated(self.scan(mixed, dt), gate))

    def gated(self, scanned: Tensor, gate: Tensor) -> Tensor:
        """The result with its gate."""
        if self.normed:
            return self.norm(scanned, gate)
        return ops.multiply(scanned, ops.activation("silu", gate))

    def scan(self, xbc: Tensor, dt: Tensor) -> Tensor:
        """Update the state token by token and read it with C: write the outer product of x and B, read with C.

        PyTorch counts the matrix multiplies of the chunked form that ``transformers`` runs on more than one token, and
        of the step-by-step form the reading. Megatron-LM counts 7 operations per element of a state of twice the hidden
        size (megatron/training/training.py, mamba_layer_flops).
        """
        run = xbc.tape.run
        tokens = run.batch * run.sequence
        stepped = Work(2 * tokens * self.num_heads * self.head_dim * self.state_size)
        counted = {
            "torch": stepped if run.phase is Phase.DECODE else self.chunked(run.batch, run.sequence),
            "megatron": ops.twice(7 * tokens * 2 * self.hidden_size * self.state_size),
        }
        weights = (self.dt_bias, self.decay, self.skip)
        state = (self.inner, Axis("state", self.state_size))
        return recurrence("scan", (xbc, dt), weights, self.inner, state, 2, counted)

    def chunked(self, batch: Count, sequence: Count) -> Work:
        """Matrix multiplies of the chunked form: scores and outputs within chunks, states of chunks and their outputs,
        and the recurrence over chunks written as one multiply (transformers, mamba2_chunk_scan).
        """
        chunks, length = ceil_div(sequence, self.chunk), self.chunk
        n, p = self.state_size, self.head_dim
        within = chunks * length * length * (n + p)
        states = 2 * chunks * length * n * p
        across = (chunks + 1) * (chunks + 1) * n * p
        return ops.twice(2 * batch * self.num_heads * (within + states + across))
