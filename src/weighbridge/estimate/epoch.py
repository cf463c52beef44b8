"""One pass over a data set of samples of some length: padded to whole sequences, padded to the longest of their
micro-batch, or packed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from weighbridge.arithmetic import ceil_div, ratio
from weighbridge.errors import InputError
from weighbridge.sums import summed

WIDTHS = 32
"""Lengths that padded micro-batches are told apart by: each counts as the next of so many equal parts of a sequence."""


class Laid(Enum):
    """How samples lie in the sequences that are trained on."""

    PADDED = "padded"
    """Each in a whole sequence of its own."""
    BATCHED = "batched"
    """Each in a sequence as long as the longest sample of its micro-batch (transformers, data/data_collator.py,
    DataCollatorWithPadding, padding="longest")."""
    PACKED = "packed"
    """End to end in whole sequences."""


@dataclass(frozen=True)
class Epoch:
    """One pass over a data set.

    Attributes:
        samples: how many there are.
        tokens: of all samples, as far as sequences hold them.
        sequence: positions of the longest sequence that is trained on.
        laid: how samples lie in sequences.
        lengths: samples by their tokens, shortest first; empty where only the mean is known.
        cut: samples that are longer than a sequence, of which the end is left out.
        price: dollars per GPU and hour; the catalogue's if ``None``.
    """

    samples: int
    tokens: int
    sequence: int
    laid: Laid = Laid.PADDED
    lengths: tuple[tuple[int, int], ...] = ()
    cut: int = 0
    price: float | None = None

    @classmethod
    def of_mean(
        cls, samples: int, mean_length: float, sequence: int, laid: Laid = Laid.PADDED, price: float | None = None
    ) -> Epoch:
        """Samples of which only the mean length is known.

        Raises:
            InputError: for padded samples that no sequence holds; and for batched ones, whose lengths must be known.
        """
        if laid is Laid.BATCHED:
            raise InputError("--batched: how long the longest of a micro-batch is depends on all; give --lengths")
        if laid is Laid.PADDED and mean_length > sequence:
            length = f"{mean_length:,.10g}"
            raise InputError(f"--mean-length: got {length}; a padded sequence has {sequence:,} tokens (--seq)")
        return cls(samples, round(samples * mean_length), sequence, laid, price=price)

    @classmethod
    def of_lengths(
        cls, lengths: Mapping[int, int], sequence: int, laid: Laid = Laid.PADDED, price: float | None = None
    ) -> Epoch:
        """Samples by their tokens. What is packed goes on in the next sequence; else a sequence's end cuts it off."""
        if laid is Laid.PACKED:
            tokens = sum(length * count for length, count in lengths.items())
            return cls(sum(lengths.values()), tokens, sequence, laid, tuple(sorted(lengths.items())), price=price)
        held: dict[int, int] = {}
        for length, count in sorted(lengths.items()):
            held[min(length, sequence)] = held.get(min(length, sequence), 0) + count
        tokens = sum(length * count for length, count in held.items())
        cut = sum(count for length, count in lengths.items() if length > sequence)
        return cls(sum(held.values()), tokens, sequence, laid, tuple(held.items()), cut, price)

    @property
    def sequences(self) -> int:
        """Sequences that are trained on."""
        return ceil_div(self.tokens, self.sequence) if self.laid is Laid.PACKED else self.samples

    def widths(self, together: int) -> dict[int, float]:
        """Shares of groups of so many sequences drawn at random by the positions of their longest: of ``n`` draws all
        are at most ``x`` with the ``n``-th power of the probability that one is.
        """
        if self.laid is not Laid.BATCHED:
            return {self.sequence: 1.0}
        found: dict[int, float] = {}
        part, before, seen = -(-self.sequence // WIDTHS), 0.0, 0
        for length, count in self.lengths:
            seen += count
            within = (seen / self.samples) ** together
            width = min(-(-length // part) * part, self.sequence)
            found[width] = found.get(width, 0.0) + within - before
            before = within
        return found

    def positions(self, micro_batch: int) -> int:
        """Positions that are computed, padding included; expected where chance decides what lies together."""
        if self.laid is not Laid.BATCHED:
            return self.sequences * self.sequence
        return round(self.sequences * summed(width * share for width, share in self.widths(micro_batch).items()))

    def padding(self, micro_batch: int) -> float:
        """The share of positions that hold no token."""
        return self.padding_of(self.positions(micro_batch))

    def padding_of(self, positions: int) -> float:
        """The share of so many positions that hold no token."""
        return 1 - ratio(self.tokens, positions)

    def steps(self, batch: int) -> int:
        """Steps of so many sequences."""
        return ceil_div(self.sequences, batch)
