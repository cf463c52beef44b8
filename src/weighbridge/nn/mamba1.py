"""Mamba 1: a state-space model whose every channel has a state and a step size of its own."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.convolution import CausalConvolution
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import RMSNorm
from weighbridge.nn.recurrence import recurrence
from weighbridge.tape import Axis, Joined, Phase, Tensor, Weight, Work
from weighbridge.tree import Kind


class Mamba1(Module):
    """Selective scan: step size, B and C are projections of the input (Gu and Dao 2023, Mamba, algorithm 2, figure 3).

    Attributes:
        hidden_size: width of the residual stream.
        inner_size: channels.
        state_size: state elements per channel.
        dt_rank: width of the bottleneck from which the step size of every channel is made.
        conv_kernel: positions that the short convolution sees.
        bias: the in and out projections add a bias.
        conv_bias: the convolution adds a bias.
        norms: step size, B and C are normalised (Jamba).
    """

    kind = Kind.STATE_SPACE
    branch = "mixer"
    title = "mamba"
    note: ClassVar[str] = "Mamba 1"
    source: ClassVar[str] = "Gu and Dao 2023, algorithm 2"

    hidden_size: Count
    inner_size: Count
    state_size: Count
    dt_rank: Count
    conv_kernel: Count
    bias: bool = False
    conv_bias: bool = True
    norms: bool = False

    def build(self) -> None:
        hidden, inner, state = Axis("hidden", self.hidden_size), self.inner, Axis("state", self.state_size)
        rank = Axis("dt_rank", self.dt_rank)
        self.in_proj = Linear(hidden, Joined((inner, inner)), self.bias)
        self.conv = CausalConvolution(inner, self.conv_kernel, self.conv_bias)
        self.x_proj = Linear(inner, Joined((rank, state, state)))
        if self.norms:
            self.dt_norm = RMSNorm(self.dt_rank, "dt_rank")
            self.b_norm, self.c_norm = (RMSNorm(self.state_size, "state") for _ in "BC")
        self.dt_proj = Linear(rank, inner, bias=True)
        self.decay = Weight((inner, state))
        self.skip = Weight((inner,))
        self.out_proj = Linear(inner, hidden, self.bias)

    @property
    def inner(self) -> Axis:
        """The axis of all channels, each of which is a head of its own."""
        return Axis("heads", self.inner_size)

    def forward(self, x: Tensor) -> Tensor:
        both = self.in_proj(ops.gathered(x))
        mixed, gate = self.conv(ops.part(both, "x", self.inner)), ops.part(both, "gate", self.inner)
        narrow, state = self.x_proj(mixed), Axis("state", self.state_size)
        dt = ops.part(narrow, "dt", Axis("dt_rank", self.dt_rank))
        b, c = ops.part(narrow, "B", state), ops.part(narrow, "C", state)
        if self.norms:
            dt, b, c = self.dt_norm(dt), self.b_norm(b), self.c_norm(c)
        scanned = self.scan(mixed, self.dt_proj(dt), b, c)
        return self.out_proj(ops.multiply(scanned, ops.activation("silu", gate)))

    def scan(self, x: Tensor, dt: Tensor, b: Tensor, c: Tensor) -> Tensor:
        """Update every channel's state token by token and read it with C. PyTorch counts the reading alone, a matrix
        multiply of every step (transformers, mamba_selective_scan); writing is pointwise there.
        """
        run = x.tape.run
        read = Work(2 * run.batch * run.sequence * self.inner_size * self.state_size)
        counted = {"torch": read if run.phase is Phase.DECODE else ops.twice(read.forward)}
        state = (self.inner, Axis("state", self.state_size))
        return recurrence("selective scan", (x, dt, b, c), (self.decay, self.skip), self.inner, state, 2, counted)
