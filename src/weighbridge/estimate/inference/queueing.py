"""Users who wait for each other: continuous batching at a constant number of users, request by request.

Every user sends a request, and the next one as soon as it has ended. An engine runs passes: of prompts that wait, up to
so many tokens, and of one token for each sequence that runs. Between two ends all passes of tokens are alike, so that
they are taken in one stride, and a whole run costs as many strides as it has requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil

from weighbridge.sums import summed

GOLDEN = 0.6180339887498949
"""The golden ratio less one: its multiples, less their whole parts, are spread as evenly as any sequence's (Weyl), so
that lengths are the same in every run."""

MOST_REQUESTS = 4096
"""Requests of a run at most: means of more are the same."""


ROUNDING = 1e-9
"""Shares of a pass that sums of floating-point numbers are off by."""


@dataclass(frozen=True)
class Load:
    """What users ask, and how passes are put together.

    Attributes:
        users: requests at a time.
        prompt: tokens of the longest prompt that have to be run.
        output: tokens of the longest output.
        shortest: prompts and outputs are evenly as long as anything between this share of the longest and it.
        rounds: requests of each user, one after the other; the first ones come all at once.
        budget: tokens of a pass.
        splits: prompts are split between passes; otherwise a prompt runs whole.
        mixes: passes of prompts make a token of each running sequence, too; otherwise those wait.
        poll: passes of tokens from one look for new requests to the next.
        slots: sequences that run at a time at most.
        tokens: that a sequence is given by one pass.
        ahead: passes that are already under way when a request comes, beside the one that runs: engines that overlap
            the host with the device put the next pass together before.
        intake: seconds of the server for each token of a prompt, one request after the other, before the engine has it.
        way: seconds of a request's way to the server and its first token's way back, however many there are.
    """

    users: int
    prompt: int
    output: int
    shortest: float = 1.0
    rounds: int = 10
    budget: int = 8192
    splits: bool = True
    mixes: bool = True
    poll: int = 1
    slots: int | None = None
    tokens: float = 1.0
    ahead: int = 0
    intake: float = 0.0
    way: float = 0.0

    @property
    def drifts(self) -> bool:
        """Whether users of equal lengths, who would stay in step, drift apart: their prompts take several passes, are
        split between them wherever one ends, and those whose prompt has run make tokens meanwhile. Their first
        outputs are of all lengths then, as are the rests of outputs that somebody finds who comes at any time.
        """
        return self.shortest == 1 and self.mixes and self.splits and self.users * self.prompt > self.budget


@dataclass(frozen=True)
class Waits:
    """What users see, in seconds.

    Attributes:
        ttft: from a request to its first token, on the mean.
        tpot: between tokens after it, on the mean over requests.
        seconds: of the whole run.
        made: tokens of all requests.
        read: tokens of all prompts.
    """

    ttft: float
    tpot: float
    seconds: float
    made: int
    read: int


@dataclass(slots=True)
class _Request:
    number: int
    prompt: int
    output: int
    came: float
    seen: float
    left: int = 0
    first: float = 0.0


def requests_of(users: int, rounds: int) -> int:
    """Requests of a run: every user's of all rounds, as far as they are followed, and the first of each."""
    return max(min(users * rounds, MOST_REQUESTS), users)


@dataclass
class Queue:
    """A run.

    Attributes:
        load: what users ask.
        decode: seconds of a pass that makes a token of so many sequences.
        mixed: seconds of a pass of so many tokens of prompts beside so many sequences.
    """

    load: Load
    decode: Callable[[int], float]
    mixed: Callable[[int, int], float]
    clock: float = 0.0
    steps: int = 0
    sent: int = 0
    waiting: deque[_Request] = field(default_factory=deque)
    running: list[tuple[int, int, _Request]] = field(default_factory=list)
    ended: list[tuple[float, float]] = field(default_factory=list)
    made: int = 0
    read: int = 0
    looked: int = 0
    outside: deque[_Request] = field(default_factory=deque)
    step: float = 0.0
    taken: float = 0.0

    def __post_init__(self) -> None:
        load = self.load
        self.requests = requests_of(load.users, load.rounds)
        self.slots = load.users if load.slots is None else load.slots
        self.drifts = load.drifts

    def run(self) -> Waits:
        """Until every request has ended."""
        for _ in range(self.load.users):
            self._send()
        self._look()
        while self.waiting or self.running or self.outside:
            if not self.running or self.steps - self.looked >= self.load.poll:
                self._look()
            if self.waiting and len(self.running) < self.slots:
                self._prompts()
            else:
                self._tokens()
        ttft = self.load.way / 2 + summed(first for first, _ in self.ended) / len(self.ended)
        tpot = summed(each for _, each in self.ended) / len(self.ended)
        return Waits(ttft, tpot, self.clock, self.made, self.read)

    def _lengths(self, number: int) -> tuple[int, int]:
        """Tokens of a request's prompt and output, which are independent."""
        load = self.load
        if load.shortest == 1:
            return load.prompt, load.output
        spread = 1 - load.shortest
        return (
            max(1, round(load.prompt * (load.shortest + spread * ((number + 1) * GOLDEN % 1.0)))),
            max(1, round(load.output * (load.shortest + spread * ((number + 1) * (GOLDEN**2 * 7) % 1.0)))),
        )

    def _send(self) -> None:
        """The next request, if there is one. Requests are seen in the order in which they are sent."""
        load = self.load
        if self.sent >= self.requests:
            return
        prompt, output = self._lengths(self.sent)
        if self.drifts and self.sent < load.users:
            output = max(1, round(output * (self.sent + 1) / load.users))
        self.taken = (self.taken if self.taken > self.clock else self.clock) + load.intake * prompt
        self.outside.append(_Request(self.sent, prompt, output, self.clock, self.taken + load.way / 2, prompt))
        self.sent += 1

    def _look(self) -> None:
        """What has come is seen, unless the next pass is already under way; an engine that has nothing to do waits."""
        self.looked = self.steps
        if not self.outside:
            return
        if not (self.running or self.waiting):
            self.clock = max(self.clock, self.outside[0].seen)
        until = self.clock + ROUNDING * self.step - (self.load.ahead * self.step if self.running else 0.0)
        while self.outside and self.outside[0].seen <= until:
            self.waiting.append(self.outside.popleft())

    def _prompts(self) -> None:
        """A pass of prompts, and of tokens where the engine mixes them."""
        beside = len(self.running) if self.load.mixes else 0
        room = max(self.load.budget - beside, 1)
        if whole := self._whole(room, beside):
            self._part(whole, room, beside)
            return
        taken, done = self._taken(room)
        self.step = self.mixed(taken, beside)
        self.clock += self.step
        self.read += taken
        if beside:
            self.steps += 1
            self._end()
        for request in done:
            request.first = self.clock
            last = self.steps + (round((request.output - 1) / self.load.tokens) or 1)
            heappush(self.running, (last, request.number, request))

    def _whole(self, room: int, beside: int) -> int:
        """Passes that the first prompt fills by itself, before it ends or a sequence beside it does: all alike."""
        if not self.load.splits:
            return 0
        whole = (self.waiting[0].left - 1) // room
        if not beside:
            return whole
        if self.load.poll > 1:  # the next look comes so many passes after the last
            whole = min(whole, self.looked + self.load.poll - self.steps)
        return min(whole, self.running[0][0] - self.steps)

    def _part(self, passes: int, room: int, beside: int) -> None:
        """Run so many of those in one stride: whoever comes meanwhile waits behind that prompt."""
        self.step = self.mixed(room, beside)
        self.clock += passes * self.step
        self.read += passes * room
        self.waiting[0].left -= passes * room
        if beside:
            self.steps += passes
            self._end()

    def _taken(self, room: int) -> tuple[int, list[_Request]]:
        """Tokens of the prompts that a pass takes, and the requests whose prompts end in it."""
        waiting, splits, places = self.waiting, self.load.splits, self.slots - len(self.running)
        taken, done = 0, list[_Request]()
        while waiting and len(done) < places and taken < room:
            request = waiting[0]
            if request.left > room - taken:
                if splits:
                    request.left -= room - taken
                    return room, done
                if taken:
                    break
            taken += request.left
            request.left = 0
            done.append(waiting.popleft())
        return taken, done

    def _tokens(self) -> None:
        """Passes of tokens until a sequence ends, or new requests are looked for."""
        stride, self.step = self.running[0][0] - self.steps, self.decode(len(self.running))
        if self.outside:
            until = self.outside[0].seen + self.load.ahead * self.step
            coming = ceil((until - self.clock) / self.step - ROUNDING)
            stride = min(stride, max(self.looked + self.load.poll - self.steps, coming, 1))
        self.clock += stride * self.step
        self.steps += stride
        self._end()

    def _end(self) -> None:
        """Sequences that have all their tokens leave, and their users send the next request."""
        running, steps = self.running, self.steps
        while running and running[0][0] <= steps:
            request = heappop(running)[2]
            each = (self.clock - request.first) / (request.output - 1 or 1)
            self.ended.append((request.first - request.came, each))
            self.made += request.output
            self._send()
