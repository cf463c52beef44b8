"""Layers whose residual stream is the normalised one."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.nn import ops
from weighbridge.nn.decoder import DecoderLayer, normed
from weighbridge.tape import Tensor


class NormedResidualLayer(DecoderLayer):
    """``norm(x) + branch(norm(x))``: what a branch is added to is its own normalised input (MiniMax-01 2025, where
    factors scale both; transformers, MiniMaxDecoderLayer).
    """

    source: ClassVar[str] = "MiniMax-01 (2025); transformers, MiniMaxDecoderLayer"

    def forward(self, x: Tensor) -> Tensor:
        for before, branch, _ in self.steps:
            assert before is not None
            x = normed(x, before, branch)
            with x.tape.segment(branch.title):
                y = branch(x)
            x = ops.residual(x, y)
        return x
