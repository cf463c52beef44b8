"""What people ask of a fine-tuning: how much is trained, the longest sequence that fits, how long an epoch is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from weighbridge.arithmetic import total
from weighbridge.estimate.compute import longest
from weighbridge.estimate.epoch import Epoch
from weighbridge.estimate.training import Training
from weighbridge.estimate.training_cost import Held
from weighbridge.models.tuning import trained
from weighbridge.sums import summed
from weighbridge.traced import plain

STEP, MOST = 64, 1 << 20
"""Sequences are tried in multiples of so many tokens, up to so many."""


@dataclass(frozen=True, eq=False)
class FineTuning:
    """A training step seen as one of a fine-tuning.

    Attributes:
        training: the step.
    """

    training: Training

    @property
    def epoch(self) -> Epoch | None:
        """The data set, where one is given."""
        return self.training.epoch

    @cached_property
    def trained(self) -> int:
        """Parameters that are trained, multi-token prediction apart."""
        return int(plain(total(trained(self.training.tree))))

    @cached_property
    def parameters(self) -> int:
        """All parameters, those of adapters too."""
        tree = self.training.tree
        return int(plain(tree.sum(lambda node: total(w.count for w in node.weights.values() if not w.buffer), _times)))

    @cached_property
    def longest(self) -> int | None:
        """The longest sequence that fits, in multiples of 64 tokens, up to 1,048,576 or learned positions; 0 where none
        does, ``None`` without a device.
        """
        if self.training.cluster is None:
            return None
        limit = min(MOST, longest(self.training.model) or MOST)
        low, high = 0, limit // STEP
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._fits(middle * STEP) else (low, middle - 1)
        return low * STEP

    def _fits(self, sequence: int) -> bool:
        plan = replace(self.training.plan, sequence=sequence)
        return bool(replace(self.training, plan=plan).fits)

    @property
    def steps(self) -> int | None:
        """Steps of an epoch."""
        return self.epoch.steps(int(plain(self.training.plan.sequences))) if self.epoch else None

    @cached_property
    def seconds(self) -> float | None:
        """Seconds of an epoch; ``None`` where a step's time is not known. Where micro-batches are as long as their
        longest sample, all data parallel ranks wait for the one that drew the longest.
        """
        if self.epoch is None or self.steps is None or self.training.time is None:
            return None
        plan = self.training.plan
        together = int(plain(plan.micro_batch * plan.data_ranks))
        widths = self.epoch.widths(together)
        return self.steps * summed(share * self._step(width) for width, share in widths.items())

    def _step(self, sequence: int) -> float:
        """Seconds of a step of such sequences."""
        training = self.training
        if sequence != training.plan.sequence:
            training = replace(training, plan=replace(training.plan, sequence=sequence))
        assert training.time is not None  # a shorter sequence is timed where a longer one is
        return float(training.time.step_seconds)

    @property
    def price(self) -> float | None:
        """Dollars per GPU and hour: what was given, else the catalogue's; ``None`` where there is none."""
        if self.epoch is not None and self.epoch.price is not None:
            return float(self.epoch.price)
        cluster = self.training.cluster
        known = cluster.device.price_per_hour if cluster else None
        return None if known is None else float(known)

    @property
    def dollars(self) -> float | None:
        """Dollars of an epoch; ``None`` where no price or no time is known."""
        if self.price is None or self.seconds is None:
            return None
        return Held(self.seconds, int(plain(self.training.plan.gpus)), self.price).dollars


def _times(node: object) -> int:
    return node.times  # type: ignore[attr-defined, no-any-return]
