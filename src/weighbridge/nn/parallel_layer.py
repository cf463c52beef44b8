"""Parallel blocks: attention and feed-forward network read the same stream and are added to it together."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.decoder import Norm, normed
from weighbridge.nn.module import Module
from weighbridge.nn.norm import LayerNorm
from weighbridge.tape import Tensor


class ParallelLayer(Module):
    """``x + mixer(norm(x)) + feed_forward(norm(x))`` (Wang and Komatsuzaki 2021, GPT-J; Chowdhery et al. 2022, PaLM).

    Attributes:
        hidden_size: width of the residual stream.
        mixer: what mixes positions.
        feed_forward: what works on each position.
        norm: what normalises the input of the branches.
        shared_norm: both branches read one normalisation; else each has its own.
    """

    note: ClassVar[str] = "parallel residual branches"
    source: ClassVar[str] = "Chowdhery et al. 2022 (PaLM), section 2"

    hidden_size: Count
    mixer: Module
    feed_forward: Module
    norm: Norm = LayerNorm
    shared_norm: bool = True

    def build(self) -> None:
        self.branches: list[tuple[Module, Module]] = []
        before: Module | None = None
        for branch in (self.mixer, self.feed_forward):
            if before is None or not self.shared_norm:
                before = self.norm(self.hidden_size)
                self.register("norm" if self.shared_norm else f"{branch.title}_norm", before)
            self.register(branch.title, branch)
            self.branches.append((before, branch))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        added: list[Tensor] = []
        for before, branch in self.branches:
            if not added or not self.shared_norm:
                y = normed(x, before, branch)
            with x.tape.segment(branch.title):
                added.append(branch(y))
        return ops.residual(x, ops.add(*added))
