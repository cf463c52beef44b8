"""Post-norm layers: what a branch was added to is normalised."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.decoder import Norm
from weighbridge.nn.module import Module
from weighbridge.nn.norm import LayerNorm
from weighbridge.tape import Tensor


class PostNormLayer(Module):
    """``norm(x + branch(x))`` for a mixer, then for a feed-forward network (Vaswani et al. 2017, section 3.1).

    Attributes:
        hidden_size: width of the residual stream.
        mixer: what mixes positions.
        feed_forward: what works on each position.
        norm: what normalises each sum.
    """

    note: ClassVar[str] = "residual branches, normalised after the sum"
    source: ClassVar[str] = "Vaswani et al. 2017, section 3.1"

    hidden_size: Count
    mixer: Module
    feed_forward: Module
    norm: Norm = LayerNorm

    def build(self) -> None:
        self.steps: list[tuple[Module, Module]] = []
        for branch in (self.mixer, self.feed_forward):
            after = self.norm(self.hidden_size)
            self.register(branch.title, branch)
            self.register(f"{branch.title}_norm", after)
            self.steps.append((branch, after))

    def forward(self, x: Tensor) -> Tensor:
        for branch, after in self.steps:
            with x.tape.segment(branch.title):
                y = branch(x)
            x = after(ops.residual(x, y))
        return x
