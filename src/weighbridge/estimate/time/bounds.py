"""What the parts of a step wait for: compute, memory, the network or the host that launches kernels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.estimate.time.step import StageTime, StepTime
from weighbridge.estimate.time.work import Bound, Channel, Kernel, Seconds
from weighbridge.sums import summed
from weighbridge.traced import plain
from weighbridge.tree import Kind

BUBBLE, OPTIMIZER = "pipeline bubble", "optimizer"
"""Parts of a breakdown that are neither modules nor channels."""

ORDER = (*(kind.value for kind in Kind), *(channel.value for channel in Channel), BUBBLE, OPTIMIZER, Bound.LAUNCH.value)
"""Every part of a breakdown in the one order: modules, messages, waiting, the optimizer, the host."""

MODULES = frozenset(kind.value for kind in Kind)

MESSAGES = frozenset(channel.value for channel in Channel)


@dataclass(frozen=True)
class Part:
    """One part of a step.

    Attributes:
        name: as the breakdown calls it.
        seconds: in the whole step, on the stage that is done last.
        by: how many of them wait for what; empty for the bubble, which waits for other stages.
        messages: of a module, seconds of the exposed messages that it needs; they are parts of their own.
    """

    name: str
    seconds: Seconds
    by: dict[Bound, Seconds]
    messages: Seconds = 0.0

    @property
    def waits(self) -> dict[Bound, Seconds]:
        """What the part and its messages wait for, the most first."""
        found = self.by | ({Bound.NETWORK: self.messages} if self.messages else {})
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    @property
    def module(self) -> bool:
        """Whether it is computing, of one kind of module."""
        return self.name in MODULES

    @property
    def message(self) -> bool:
        """Whether it is communication that nothing hides."""
        return self.name in MESSAGES


def parts(step: StepTime) -> tuple[Part, ...]:
    """The breakdown with what each part waits for, in the one order."""
    stage = step.stages[step.last]
    waits: dict[str, dict[Bound, Seconds]] = {}
    for kind, bound, seconds in _kernels(step, stage):
        own = waits.setdefault(kind, {})
        own[bound] = own.get(bound, 0.0) + seconds
    found = step.breakdown
    sent = _messages(step, stage)
    return tuple(
        Part(name, found[name], waits.get(name) or _other(name, found[name]), sent.get(name, 0.0))
        for name in ORDER
        if name in found
    )


def _other(name: str, seconds: Seconds) -> dict[Bound, Seconds]:
    """What a part without kernels of its own waits for. The optimizer reads and writes states and hardly computes."""
    if name == BUBBLE:
        return {}
    known = {OPTIMIZER: Bound.MEMORY, Bound.LAUNCH.value: Bound.LAUNCH}
    return {known.get(name, Bound.NETWORK): seconds}


def _kernels(step: StepTime, stage: StageTime) -> Iterator[tuple[str, Bound, Seconds]]:
    count, launch = step.repeats, step.clock.speeds.launch
    for own in stage.passes:
        for doing, times in own.runs:
            for kernel in doing.kernels:
                seconds = count * float(plain(times * kernel.at(own.pace)))
                yield kernel.kind.value, bound(kernel, launch), seconds


def _messages(step: StepTime, stage: StageTime) -> dict[str, Seconds]:
    """Seconds of exposed messages by the kind of module that needs them."""
    found: dict[str, Seconds] = {}
    for own in stage.passes:
        for doing, times in own.runs:
            for message in doing.messages:
                seconds = step.repeats * float(plain(times * message.exposed))
                found[message.kind.value] = found.get(message.kind.value, 0.0) + seconds
    return found


def bound(kernel: Kernel, launch: float) -> Bound:
    """What a kernel waits for: its launch, where that takes at least half of it."""
    return Bound.LAUNCH if 2 * kernel.launches * launch >= plain(kernel.seconds) else kernel.bound


def idle(step: StepTime) -> float:
    """Share of all stages' time in which they wait for one another, of the whole step."""
    busy = (step.repeats * float(plain(stage.forward + stage.backward)) for stage in step.stages)
    ends = (float(plain(stage.head + stage.tail)) for stage in step.stages)
    return max(0.0, 1 - (summed(busy) + summed(ends)) / (len(step.stages) * step.step_seconds))
