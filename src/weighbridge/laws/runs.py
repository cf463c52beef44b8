"""Finished training runs, which a law is fitted to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Runs:
    """Parameters, tokens and final loss of each run, in nats per token."""

    parameters: tuple[float, ...]
    tokens: tuple[float, ...]
    losses: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.losses)
