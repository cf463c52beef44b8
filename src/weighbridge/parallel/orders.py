"""The order of every pipeline schedule on one rank, one function each; ``stage`` is the rank, counted from 0."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a rank does with one micro-batch in one chunk. Zero-bubble schedules split the backward pass in two."""

    FORWARD = "forward"
    BACKWARD = "backward"
    BACKWARD_INPUT = "backward input"
    BACKWARD_WEIGHT = "backward weight"


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a rank.

    Attributes:
        action: what it does.
        micro_batch: on which micro-batch, counted from 0.
        chunk: in which of the rank's own chunks (virtual stages), counted from 0.
    """

    action: Action
    micro_batch: int
    chunk: int


class _Writer:
    """Writes an order down: each chunk takes its micro-batches one after another, in every action."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._next: Counter[tuple[Action, int]] = Counter()
        self._pending: deque[tuple[int, int]] = deque()

    def forward(self, *chunks: int) -> None:
        for chunk in chunks:
            self._write(Action.FORWARD, chunk, Action.FORWARD)

    def backward(self, chunk: int, split: bool = False) -> None:
        """The whole backward pass, or the half that gives the gradient of the input."""
        micro_batch = self._write(Action.BACKWARD_INPUT if split else Action.BACKWARD, chunk, Action.BACKWARD)
        if split:
            self._pending.append((micro_batch, chunk))

    def both_halves(self, chunk: int) -> None:
        """A backward pass in two halves, one right after the other."""
        self.backward(chunk, split=True)
        self.weight(chunk)

    def forward_backward(self, forward: int, backward: int) -> None:
        """A forward in one chunk and a whole backward in another."""
        self.forward(forward)
        self.backward(backward)

    def weight(self, chunk: int | None = None) -> None:
        """The half that gives the gradients of the weights, of the micro-batch that waits longest (in that chunk)."""
        waits = next(wait for wait in self._pending if chunk is None or wait[1] == chunk)
        self._pending.remove(waits)
        self.steps.append(Step(Action.BACKWARD_WEIGHT, *waits))

    def _write(self, action: Action, chunk: int, counted: Action) -> int:
        micro_batch = self._next[counted, chunk]
        self._next[counted, chunk] += 1
        self.steps.append(Step(action, micro_batch, chunk))
        return micro_batch


def _warm(table: Sequence[int], chunks: int, warmup: int) -> tuple[Step, ...]:
    """Forwards alone, then one forward and one backward in turn, then backwards alone.

    ``table`` has the chunk of every forward; backwards go through it with the chunks the other way round.
    """
    rank = _Writer()
    rank.forward(*table[:warmup])
    for forward, backward in zip(table[warmup:], table, strict=False):
        rank.forward(forward)
        rank.backward(chunks - 1 - backward)
    for backward in table[max(len(table) - warmup, 0) :]:
        rank.backward(chunks - 1 - backward)
    return tuple(rank.steps)


def gpipe(micro_batches: int) -> tuple[Step, ...]:
    """All forwards, then all backwards, in the same order: torch.distributed.pipelining's ScheduleGPipe."""
    return _warm([0] * micro_batches, 1, micro_batches)


def one_f_one_b(stages: int, stage: int, micro_batches: int) -> tuple[Step, ...]:
    """Megatron-LM's forward_backward_pipelining_without_interleaving: ``stages - stage - 1`` forwards to warm up."""
    return _warm([0] * micro_batches, 1, stages - stage - 1)


def interleaved(stages: int, stage: int, micro_batches: int, chunks: int, group: int) -> tuple[Step, ...]:
    """Megatron-LM's get_schedule_table and, for the warm-up, get_pp_rank_microbatches.

    Megatron-LM rejects fewer micro-batches than the group; they run here as one group, as PyTorch runs them.
    """
    group = min(group, micro_batches)
    table = [
        chunk
        for first in range(0, micro_batches, group)
        for chunk in range(chunks)
        for _ in range(min(group, micro_batches - first))
    ]
    return _warm(table, chunks, 2 * (stages - stage - 1) + (chunks - 1) * group)


def zb_h1(stages: int, stage: int, micro_batches: int) -> tuple[Step, ...]:
    """1F1B with the weight halves put off by ``stage`` micro-batches, so that every rank holds ``stages``."""
    warmup = min(stages - stage - 1, micro_batches)
    rank = _Writer()
    rank.forward(*[0] * warmup)
    for done in range(micro_batches):
        if done < micro_batches - warmup:
            rank.forward(0)
        rank.backward(0, split=True)
        if done >= stage:
            rank.weight()
    for _ in range(min(stage, micro_batches)):
        rank.weight()
    return tuple(rank.steps)


def zb_v(stages: int, stage: int, micro_batches: int) -> tuple[Step, ...]:
    """The order for 2 x stages - 1 micro-batches or more; of fewer, the steps of those that exist."""
    full = max(2 * stages - 1, micro_batches)
    started = 2 * stages - stage - 1
    rank = _Writer()
    rank.forward(*[0] * (started - stage), *[1, 0] * stage)
    for _ in range(stages - stage):
        rank.forward(1)
        rank.both_halves(1)
    for done in range(full - stages):
        if done < full - started:
            rank.forward(0)
        rank.both_halves(0)
        rank.forward(1)
        rank.both_halves(1)
    for _ in range(stage):
        rank.backward(0, split=True)
        rank.backward(1, split=True)
    for _ in range(stages - stage):
        rank.backward(0, split=True)
        rank.weight(0)
    for chunk in [1] * stage + [0] * stage:
        rank.weight(chunk)
    return tuple(step for step in rank.steps if step.micro_batch < micro_batches)


def dualpipe(stages: int, stage: int, micro_batches: int) -> tuple[Step, ...]:
    """The order for 2 x stages micro-batches or more; of fewer, which DualPipe rejects, the steps of those that exist.

    A forward and a backward that DualPipe overlaps stand in turn. The numbers are those of the steps of DualPipe.step.
    """
    down = -(-micro_batches // 2)
    half = max(stages, down)
    outer = min(stage, stages - 1 - stage)
    inner = stages // 2 - outer - 1
    near, far = (0, 1) if stage < stages // 2 else (1, 0)
    rank = _Writer()
    rank.forward(*[near] * (2 * inner), *[near, far] * (outer + 1))  # 1, 2
    for _ in range(inner):  # 3
        rank.both_halves(far)
        rank.forward(far)
    for _ in range(half - stages + outer + 1):  # 4
        rank.forward_backward(near, far)
        rank.forward_backward(far, near)
    for _ in range(inner):  # 5
        rank.backward(far)
        rank.forward_backward(far, near)
    for done in range(2 * (outer + 1)):  # 6
        rank.backward(near if done % 2 else far, split=done > outer)
    for _ in range(inner):  # 7
        rank.weight()
        rank.backward(near, split=True)
    for _ in range(outer + 1):  # 8
        rank.weight()
    return tuple(_halved(rank.steps, down, micro_batches))


def _halved(steps: Iterable[Step], down: int, micro_batches: int) -> Iterator[Step]:
    """Steps numbered within each direction, as numbered in the whole: first those that go down, then those that go up.

    Micro-batches that do not exist are left out.
    """
    for step in steps:
        micro_batch = step.micro_batch + step.chunk * down
        if micro_batch < (micro_batches if step.chunk else down):
            yield Step(step.action, micro_batch, step.chunk)
