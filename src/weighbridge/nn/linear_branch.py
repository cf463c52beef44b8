"""One projection of the stream in the place of a residual branch, as architecture search puts there what costs less."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.tape import Axis, Tensor
from weighbridge.tree import Kind


class LinearMixer(Module):
    """A projection in the place of attention: every position by itself (Bercovich et al. 2024, Puzzle).

    Attributes:
        hidden_size: width of the residual stream.
    """

    kind = Kind.ATTENTION
    branch = "mixer"
    title = "attention"
    note: ClassVar[str] = "one projection in its place"
    source: ClassVar[str] = "Bercovich et al. 2024 (Puzzle)"

    hidden_size: Count

    def build(self) -> None:
        stream = Axis("hidden", self.hidden_size)
        self.proj = Linear(stream, stream)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class LinearFeedForward(LinearMixer):
    """A projection in the place of a feed-forward network (Bercovich et al. 2024, Puzzle)."""

    kind = Kind.MLP
    branch = "feed_forward"
    title = "mlp"
