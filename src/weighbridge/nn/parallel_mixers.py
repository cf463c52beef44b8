"""Mixers side by side: a state-space model and attention read the same stream, and their results are added."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.module import Module
from weighbridge.tape import Tensor


class ParallelMixers(Module):
    """The sum of what several mixers make of the same normalised stream (Zuo et al. 2025, Falcon-H1). Descriptions
    in TOML name one mixer for a layer, so that it is no part of theirs.

    Attributes:
        hidden_size: width of the residual stream.
        mixers: the mixers, in the order in which they run.
    """

    branch = "mixer"
    title = "mixers"
    note: ClassVar[str] = "mixers side by side"
    source: ClassVar[str] = "Zuo et al. 2025 (Falcon-H1)"

    hidden_size: Count
    mixers: tuple[Module, ...]

    def build(self) -> None:
        for mixer in self.mixers:
            self.register(mixer.title, mixer)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.mixers
        made = first(x)
        for mixer in others:
            made = ops.add(made, mixer(x))
        return made
