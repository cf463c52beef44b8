"""What takes time: kernels on the device, messages between devices, and what of them nothing hides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from weighbridge.arithmetic import maximum, minimum
from weighbridge.sums import summed
from weighbridge.tree import Kind

Seconds = float
"""A time, or whatever is bound in its place: a traced number or an array."""


class Bound(StrEnum):
    """What a kernel or a pass waits for."""

    COMPUTE = "compute"
    MEMORY = "memory"
    NETWORK = "network"
    LAUNCH = "launch"


MESSAGE_PROCESSORS = 20
"""Multiprocessors that messages take from the kernels beside them (DeepSeek-V3 2024, section 3.2.2: 20 of an H800's 132
saturate its links and its network)."""


class Channel(StrEnum):
    """Which ranks talk to each other."""

    TENSOR = "tensor parallel"
    CONTEXT = "context parallel"
    EXPERT = "expert parallel"
    PIPELINE = "pipeline parallel"
    DATA = "data parallel"


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel, or several that run one after another.

    Attributes:
        name: the operation.
        kind: what its module is for.
        bound: what it waits for.
        seconds: on the device.
        launches: kernels that the host launches for it.
        joules: energy of a multiply, which a power limit may hold back; 0 of what it does not.
    """

    name: str
    kind: Kind
    bound: Bound
    seconds: Seconds
    launches: int = 1
    joules: float = 0.0

    def at(self, pace: float) -> Seconds:
        """Seconds where a power limit lets multiplies run at a share of their rate."""
        return self.seconds / pace if self.joules else self.seconds


@dataclass(frozen=True, slots=True)
class Message:
    """One collective or message.

    Attributes:
        channel: between which ranks.
        kind: what the module is for that needs it.
        seconds: from its start to its end, alone.
        beside: seconds of kernels that run beside it.
        taken: share of the multiprocessors that it takes from these.
    """

    channel: Channel
    kind: Kind
    seconds: Seconds
    beside: Seconds = 0.0
    taken: float = 0.0

    @property
    def exposed(self) -> Seconds:
        """Seconds that nothing hides, and by which what hides it takes longer."""
        return exposed(self.seconds, self.beside, self.taken)


def exposed(seconds: Seconds, beside: Seconds, taken: float) -> Seconds:
    """What a message adds to kernels that run beside it: what is left of it, and their want of multiprocessors."""
    return maximum(seconds - beside, 0.0) + taken * minimum(seconds, beside)


@dataclass(frozen=True)
class Doing:
    """What a rank does in one go.

    Attributes:
        kernels: in order.
        messages: in order.
    """

    kernels: tuple[Kernel, ...] = ()
    messages: tuple[Message, ...] = ()

    @property
    def computing(self) -> Seconds:
        """Seconds of its kernels, at the rates of short runs."""
        return summed((kernel.seconds for kernel in self.kernels), 0.0)

    @property
    def multiplying(self) -> Seconds:
        """Seconds of those that a power limit may hold back."""
        return summed((kernel.seconds for kernel in self.kernels if kernel.joules), 0.0)

    @property
    def exposed(self) -> Seconds:
        """Seconds of its messages that nothing hides."""
        return summed((message.exposed for message in self.messages), 0.0)

    @property
    def launches(self) -> int:
        """Kernels that the host launches."""
        return sum(kernel.launches for kernel in self.kernels) + len(self.messages)

    def without(self, channel: Channel) -> Doing:
        """The same less what some ranks send each other."""
        return Doing(self.kernels, tuple(message for message in self.messages if message.channel is not channel))

    def sending(self, channel: Channel) -> Seconds:
        """Seconds of what some ranks send each other, alone."""
        return summed((message.seconds for message in self.messages if message.channel is channel), 0.0)

    def __add__(self, other: Doing) -> Doing:
        return Doing(self.kernels + other.kernels, self.messages + other.messages)


NOTHING = Doing()


def together(parts: Iterable[Doing]) -> Doing:
    """One after another."""
    every = list(parts)
    kernels = (kernel for part in every for kernel in part.kernels)
    return Doing(tuple(kernels), tuple(message for part in every for message in part.messages))


@dataclass(frozen=True)
class Passes:
    """An operation, or a piece of the model, forward and backward.

    Attributes:
        forward: the forward pass.
        inputs: the half of the backward pass that gives gradients of inputs.
        weights: the half that gives gradients of weights.
    """

    forward: Doing = NOTHING
    inputs: Doing = NOTHING
    weights: Doing = NOTHING

    def __iter__(self) -> Iterator[Doing]:
        return iter((self.forward, self.inputs, self.weights))
