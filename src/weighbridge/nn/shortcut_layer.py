"""Layers with a shortcut past a mixture of experts, whose exchange between ranks runs beside dense work."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.decoder import Norm, normed
from weighbridge.nn.module import Module
from weighbridge.nn.norm import RMSNorm
from weighbridge.tape import Tensor


class ShortcutLayer(Module):
    """Two attentions, each with a dense network after it, and a mixture of experts that reads what the first dense
    network reads and is added when the second is done (LongCat-Flash).

    Attributes:
        hidden_size: width of the residual stream.
        mixers: the two attentions.
        feed_forwards: the two dense networks.
        experts: the mixture of experts.
        norm: what normalises the input of each branch.
    """

    note: ClassVar[str] = "two sublayers, and a mixture of experts beside the second"
    source: ClassVar[str] = "Meituan LongCat Team 2025 (LongCat-Flash), section 2.2"

    hidden_size: Count
    mixers: tuple[Module, ...]
    feed_forwards: tuple[Module, ...]
    experts: Module
    norm: Norm = RMSNorm

    def build(self) -> None:
        self.steps = []
        for mixer, network in zip(self.mixers, self.feed_forwards, strict=True):
            for branch in (mixer, network):
                before = self.norm(self.hidden_size)
                self.register(f"{branch.title}_norm", before)
                self.register(branch.title, branch)
                self.steps.append((before, branch))
        self.register(self.experts.title, self.experts)

    def forward(self, x: Tensor) -> Tensor:
        shortcut: Tensor | None = None
        for before, branch in self.steps:
            y = normed(x, before, branch)
            if shortcut is None and branch.branch == "feed_forward":
                with x.tape.segment(self.experts.title):
                    shortcut = self.experts(y)
            with x.tape.segment(branch.title):
                x = ops.residual(x, branch(y))
        assert shortcut is not None  # there is a feed-forward network
        return ops.add(x, shortcut)
