"""One pass over a data set of samples of some length, packed or padded."""

from __future__ import annotations

import math
from dataclasses import dataclass

from weighbridge.errors import InputError


@dataclass(frozen=True)
class Epoch:
    """One pass over a data set.

    Attributes:
        samples: how many there are.
        mean_length: tokens of one on average.
        sequence: positions of a sequence as it is trained on.
        packed: samples are laid end to end in whole sequences; else each is padded to a sequence of its own.
    """

    samples: int
    mean_length: float
    sequence: int
    packed: bool = False

    def __post_init__(self) -> None:
        if not self.packed and self.mean_length > self.sequence:
            length = f"{self.mean_length:,.10g}"
            raise InputError(f"--mean-length: got {length}; a padded sequence has {self.sequence:,} tokens (--seq)")

    @property
    def tokens(self) -> int:
        """Tokens of all samples."""
        return round(self.samples * self.mean_length)

    @property
    def sequences(self) -> int:
        """Sequences that are trained on."""
        return -(-self.tokens // self.sequence) if self.packed else self.samples

    @property
    def positions(self) -> int:
        """Positions that are computed, padding included."""
        return self.sequences * self.sequence

    @property
    def padding(self) -> float:
        """The share of positions that hold no token."""
        return 1 - self.tokens / self.positions

    def steps(self, batch: int) -> int:
        """Steps of so many sequences."""
        return math.ceil(self.sequences / batch)
