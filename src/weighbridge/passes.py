"""What is run through a model: how many sequences and tokens, for what, and which pairs of them attention sees."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weighbridge.arithmetic import Count, exact_div, floor_div, maximum, minimum
from weighbridge.kernels import Kernels


class Phase(StrEnum):
    """What a pass over the sequence is for."""

    TRAIN = "train"
    PREFILL = "prefill"
    DECODE = "decode"


@dataclass(frozen=True, slots=True)
class Pass:
    """What is run through the model.

    Attributes:
        batch: sequences side by side.
        sequence: new tokens of each sequence. In the decode phase they come one by one.
        past: tokens of each sequence that the cache already holds.
        phase: training and prefill see all new tokens at once; decode sees one at a time.
        causal: leave out the query-key pairs that a causal or window mask hides.
        dtype: data type of activations.
        last_logits: the head runs on the last new position only, as text generation does after a prompt.
        prediction: run the multi-token prediction modules too.
        kernels: how operations are carried out.
        gathers: tensor parallelism splits the sequence between projections, which are given all of it (sequence
            parallelism).
        skipped: new tokens before ``sequence`` that layers which read the keys and values of others leave out.
    """

    batch: Count = 1
    sequence: Count = 1
    past: Count = 0
    phase: Phase = Phase.TRAIN
    causal: bool = True
    dtype: str = "bf16"
    last_logits: bool = False
    prediction: bool = False
    kernels: Kernels = Kernels()
    gathers: bool = False
    skipped: Count = 0

    @property
    def before(self) -> Count:
        """Positions of each sequence before those that are worked on."""
        return self.past + self.skipped

    @property
    def positions(self) -> Count:
        """Positions of each sequence after the pass: those in the cache and the new ones."""
        return self.before + self.sequence

    def pairs(self, window: Count | None = None) -> Count:
        """Query-key pairs per head and sequence that the mask leaves visible.

        New token number i (from 1) sees ``past + i`` positions, at most ``window`` of them.
        """
        if not self.causal and self.phase is not Phase.DECODE:
            return self.dense_pairs()
        n, past = self.sequence, self.before
        if window is None:
            return n * past + exact_div(n * (n + 1), 2)
        growing = minimum(n, maximum(window - past, 0))
        return growing * past + exact_div(growing * (growing + 1), 2) + (n - growing) * window

    def dense_pairs(self, window: Count | None = None) -> Count:
        """Query-key pairs that a masked but dense matrix multiply computes (what PyTorch runs and counts).

        In decode every new token multiplies with all that the cache holds then; a window's cache holds at most the
        window. In the other phases all new tokens multiply with the whole cache and with each other.
        """
        if self.phase is Phase.DECODE:
            return self.pairs(window)
        if window is None or (type(self.past) is int and self.past == 0):
            return self.sequence * self.positions
        return self.sequence * (minimum(self.past, window - 1) + self.skipped + self.sequence)

    def pairs_in_chunks(self, chunk: Count) -> Count:
        """The same where a token sees the positions of its own chunk only."""
        if not self.causal and self.phase is not Phase.DECODE:
            return self.dense_pairs()
        earlier = 0 if type(self.before) is int and self.before == 0 else _in_chunks(self.before, chunk)
        return _in_chunks(self.positions, chunk) - earlier

    def compressed_pairs(self, rate: Count, most: Count | None = None) -> Count:
        """Pairs of new tokens with keys that stand for ``rate`` positions each, of those that are complete; each token
        sees ``most`` of them at most.
        """
        if most is None:
            return _whole_groups(self.positions, rate) - _whole_groups(self.before, rate)
        limit = rate * most  # from this position on, a token sees as many as it may

        def until(position: Count) -> Count:
            return _whole_groups(minimum(position, limit), rate) + most * maximum(position - limit, 0)

        return until(self.positions) - until(self.before)

    def dense_compressed_pairs(self, rate: Count) -> Count:
        """The same as a masked but dense multiply computes them; token by token in decode."""
        if self.phase is Phase.DECODE:
            return self.compressed_pairs(rate)
        return self.sequence * floor_div(self.positions, rate)


def _whole_groups(positions: Count, rate: Count) -> Count:
    """The sum of ``floor(p / rate)`` over all positions ``p`` from 1: 0 for the first ``rate - 1``, then each number
    ``rate`` times.
    """
    groups = floor_div(positions, rate)
    rest = positions - rate * groups
    return rate * exact_div(groups * (groups - 1), 2) + groups * (rest + 1)


def _in_chunks(positions: Count, chunk: Count) -> Count:
    """Pairs of two positions of one chunk, the later one first: of all full chunks, and of the last."""
    full = floor_div(positions, chunk)
    rest = positions - full * chunk
    return full * exact_div(chunk * (chunk + 1), 2) + exact_div(rest * (rest + 1), 2)
