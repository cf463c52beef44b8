"""Pipeline schedules as data: what every rank runs, in which order, and how many micro-batches it holds meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from operator import le

from weighbridge.nn.problems import Problem, listed
from weighbridge.parallel import orders
from weighbridge.parallel.orders import Action, Step

__all__ = [
    "FACTS",
    "Action",
    "Facts",
    "Placement",
    "Schedule",
    "Step",
    "Turn",
    "in_flight",
    "moments",
    "order",
    "placement",
    "problems",
]


class Schedule(StrEnum):
    """How the ranks of a pipeline share out forward and backward passes; ``FACTS`` says where each comes from."""

    GPIPE = "gpipe"
    ONE_F_ONE_B = "1f1b"
    INTERLEAVED = "interleaved"
    ZB_H1 = "zb-h1"
    ZB_V = "zb-v"
    DUALPIPE = "dualpipe"


class Placement(StrEnum):
    """Which virtual stages stand on which rank."""

    LOOP = "loop"
    V = "v"
    BIDIRECTIONAL = "bidirectional"


@dataclass(frozen=True, slots=True)
class Turn:
    """What runs on a rank and how many micro-batches it holds as that begins.

    Attributes:
        action: what runs.
        chunk: in which chunk.
        held: per chunk, micro-batches whose forward is done and whose kept activations are not released. One that
            is in its backward is still held; with a split backward, until its weight half is done.
        pending_weight: per chunk, how many of the held ones have had their backward for the input.
    """

    action: Action
    chunk: int
    held: tuple[int, ...]
    pending_weight: tuple[int, ...]

    @property
    def whole(self) -> tuple[int, ...]:
        """Per chunk, the held ones whose backward pass has not begun."""
        return tuple(held - late for held, late in zip(self.held, self.pending_weight, strict=True))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a schedule.

    Attributes:
        title: its name for people.
        source: paper and implementation whose order this is.
        placement: which virtual stages stand where.
        fewest_chunks: chunks per rank that it needs.
        most_chunks: chunks per rank that it can have; None: any number.
        fewest_stages: pipeline stages that it needs.
    """

    title: str
    source: str
    placement: Placement = Placement.LOOP
    fewest_chunks: int = 1
    most_chunks: int | None = 1
    fewest_stages: int = 1


FACTS = {
    Schedule.GPIPE: Facts(
        "GPipe", "Huang et al. 2019, section 2.3; torch.distributed.pipelining.schedules.ScheduleGPipe"
    ),
    Schedule.ONE_F_ONE_B: Facts(
        "1F1B",
        "Narayanan et al. 2021, section 2.2.1; "
        "Megatron-LM schedules.py, forward_backward_pipelining_without_interleaving",
    ),
    Schedule.INTERLEAVED: Facts(
        "Interleaved 1F1B",
        "Narayanan et al. 2021, section 2.2.2; Megatron-LM schedules.py, forward_backward_pipelining_with_interleaving",
        fewest_chunks=2,
        most_chunks=None,
        fewest_stages=2,
    ),
    Schedule.ZB_H1: Facts(
        "ZB-H1",
        "Qi et al. 2023 (Zero Bubble Pipeline Parallelism), section 2.1; "
        "torch.distributed.pipelining.schedules.ScheduleInterleavedZeroBubble with one stage per rank",
    ),
    Schedule.ZB_V: Facts(
        "ZB-V",
        "Qi et al. 2024 (Pipeline Parallelism with Controllable Memory); "
        "torch.distributed.pipelining.schedules.ScheduleZBVZeroBubble",
        Placement.V,
        fewest_chunks=2,
        most_chunks=2,
    ),
    Schedule.DUALPIPE: Facts(
        "DualPipe",
        "DeepSeek-V3 2024, section 3.2.1; deepseek-ai/DualPipe dualpipe/dualpipe.py, DualPipe.step",
        Placement.BIDIRECTIONAL,
        fewest_chunks=2,
        most_chunks=2,
        fewest_stages=2,
    ),
}
"""Every schedule with its title, source and placement."""


def placement(schedule: Schedule, stages: int, chunks: int = 1) -> tuple[tuple[int, ...], ...]:
    """For each rank, the virtual stages (pieces of the model, in model order) that its chunks hold.

    Interleaved: the ranks are gone round ``chunks`` times. ZB-V: chunk 0 goes down the ranks, chunk 1 comes back up.
    DualPipe: ``stages`` pieces, each standing on two ranks, once for either direction. Those two always have 2 chunks.
    """
    ranks = range(stages)
    match FACTS[schedule].placement:
        case Placement.V:
            return tuple((rank, 2 * stages - 1 - rank) for rank in ranks)
        case Placement.BIDIRECTIONAL:
            return tuple((rank, stages - 1 - rank) for rank in ranks)
        case Placement.LOOP:
            return tuple(tuple(chunk * stages + rank for chunk in range(chunks)) for rank in ranks)


def problems(
    schedule: Schedule, stages: int, micro_batches: int | None, chunks: int = 1, group: int | None = None
) -> Iterator[Problem]:
    """What cannot run, as the implementation that the schedule follows rejects it: field and reason. ``None`` for
    micro-batches leaves out what depends on their number.
    """
    facts = FACTS[schedule]
    given = {"stages": stages, "micro_batches": micro_batches, "chunks": chunks, "group": group}
    wrong = [(name, value) for name, value in given.items() if value is not None and value < 1]
    if wrong:
        yield from ((name, f"{value:,} is not allowed; nearest: 1") for name, value in wrong)
        return
    if stages < facts.fewest_stages:
        yield "stages", f"{stages:,} is too few for {facts.title}; nearest: {facts.fewest_stages:,}"
    if chunks < facts.fewest_chunks:
        yield "chunks", f"{chunks:,} per rank is too few for {facts.title}; nearest: {facts.fewest_chunks:,}"
    if facts.most_chunks is not None and chunks > facts.most_chunks:
        yield "chunks", f"{chunks:,} per rank is too many for {facts.title}; nearest: {facts.most_chunks:,}"
    if schedule is Schedule.INTERLEAVED:
        if micro_batches is not None:
            yield from _group_problems(stages, micro_batches, group or stages)
    elif group is not None:
        yield "group", f"{group:,} means nothing to {facts.title}; only the interleaved schedule has it; leave it out"
    if schedule is Schedule.DUALPIPE:
        yield from _dualpipe_problems(stages, micro_batches)


def _group_problems(stages: int, micro_batches: int, group: int) -> Iterator[Problem]:
    """What the checks at the head of Megatron-LM's forward_backward_pipelining_with_interleaving reject."""
    if micro_batches < stages:
        yield "micro_batches", f"{micro_batches:,} is less than stages = {stages:,}; nearest: {stages:,}"
        return
    nearest = min(max(group, stages), micro_batches)
    if group != nearest:
        bounds = f"allowed: stages = {stages:,} to micro_batches = {micro_batches:,}"
        yield "group", f"{group:,} micro-batches cannot be run at a time; {bounds}; nearest: {nearest:,}"
        return
    rest = micro_batches % group
    if 0 < rest < stages:
        near = listed([micro_batches - rest, micro_batches - rest + stages])
        less = f"less than stages = {stages:,}, which Megatron-LM rejects"
        reason = f"leaves a last group of {rest:,} after groups of {group:,}, {less}"
        yield "micro_batches", f"{micro_batches:,} {reason}; nearest that fit: {near}"


def _dualpipe_problems(stages: int, micro_batches: int | None) -> Iterator[Problem]:
    """What the assertions of DualPipe.step reject."""
    if stages > 1 and stages % 2:
        near = listed([stages - 1, stages + 1])
        yield "stages", f"{stages:,} is odd, and DualPipe pairs the stages; nearest that fit: {near}"
    if micro_batches is None:
        return
    if micro_batches < 2 * stages:
        least = f"2 x stages = {2 * stages:,}"
        yield "micro_batches", f"{micro_batches:,} is less than DualPipe's {least}; nearest: {2 * stages:,}"
    elif micro_batches % 2:
        near = listed(m for m in (micro_batches - 1, micro_batches + 1) if m >= 2 * stages)
        yield "micro_batches", f"{micro_batches:,} is odd, and DualPipe halves them; nearest that fit: {near}"


def order(
    schedule: Schedule, stages: int, stage: int, micro_batches: int, chunks: int = 1, group: int | None = None
) -> tuple[Step, ...]:
    """Everything that one rank runs in one training step, in its order.

    Args:
        schedule: the schedule; ``FACTS`` cites the implementation whose order it is.
        stages: ranks of the pipeline.
        stage: the rank, counted from 0.
        micro_batches: micro-batches of the step. DualPipe sends the first half down the ranks (chunk 0) and the
            second half up (chunk 1), so a rank meets each of them once.
        chunks: virtual stages per rank; ZB-V and DualPipe always have 2.
        group: interleaved only: micro-batches that run at a time in a chunk; as many as stages by default
            (Megatron-LM's microbatch_group_size_per_vp_stage).

    Arguments are trusted: ``problems`` says which of them no implementation runs.
    """
    match schedule:
        case Schedule.GPIPE:
            return orders.gpipe(micro_batches)
        case Schedule.ONE_F_ONE_B:
            return orders.one_f_one_b(stages, stage, micro_batches)
        case Schedule.INTERLEAVED:
            return orders.interleaved(stages, stage, micro_batches, chunks, group or stages)
        case Schedule.ZB_H1:
            return orders.zb_h1(stages, stage, micro_batches)
        case Schedule.ZB_V:
            return orders.zb_v(stages, stage, micro_batches)
        case Schedule.DUALPIPE:
            return orders.dualpipe(stages, stage, micro_batches)


def moments(
    schedule: Schedule, stages: int, stage: int, micro_batches: int, chunks: int = 1, group: int | None = None
) -> tuple[Turn, ...]:
    """The moments at which a rank may hold most: every distinct one that no other outweighs.

    One outweighs another if it runs the same action in the same chunk and holds, in every chunk, as many or more
    micro-batches that await their backward and as many or more that await only its weight half. The highest memory
    of the step is at one of them, whatever a micro-batch weighs in either state. Arguments as for ``order``; the
    cost does not grow with the micro-batches.
    """
    group = min(group or stages, micro_batches) if schedule is Schedule.INTERLEAVED else None
    return _moments(schedule, stages, stage, _enough(schedule, stages, micro_batches, chunks, group), chunks, group)


def in_flight(
    schedule: Schedule, stages: int, stage: int, micro_batches: int, chunks: int = 1, group: int | None = None
) -> int:
    """The most micro-batches that a rank holds at once, one that stands in two of its chunks counted twice."""
    return max(sum(moment.held) for moment in moments(schedule, stages, stage, micro_batches, chunks, group))


def _enough(schedule: Schedule, stages: int, micro_batches: int, chunks: int, group: int | None) -> int:
    """A number of micro-batches, at most those given, that shows every moment that those given show.

    Beyond warm-up and one period of the steady phase, further micro-batches (whole groups of them, in pairs for
    DualPipe) repeat the period.
    """
    match schedule:
        case Schedule.GPIPE:
            return micro_batches
        case Schedule.ONE_F_ONE_B | Schedule.ZB_H1:
            return min(micro_batches, stages + 1)
        case Schedule.INTERLEAVED:
            assert group is not None
            period = chunks * group
            warmup = 2 * (stages - 1) + period - group
            return min(micro_batches, micro_batches % group + (-(-warmup // period) + 1) * group)
        case Schedule.ZB_V:
            return min(micro_batches, 2 * stages + 1)
        case Schedule.DUALPIPE:
            return min(micro_batches, 2 * stages + 2 + micro_batches % 2)


@lru_cache(maxsize=4096)
def _moments(
    schedule: Schedule, stages: int, stage: int, micro_batches: int, chunks: int, group: int | None
) -> tuple[Turn, ...]:
    if schedule is Schedule.GPIPE:
        before, full = (micro_batches - 1,), (micro_batches,)
        return Turn(Action.FORWARD, 0, before, (0,)), Turn(Action.BACKWARD, 0, full, (0,))
    steps = order(schedule, stages, stage, micro_batches, chunks, group)
    return _heaviest(dict.fromkeys(_walk(steps, FACTS[schedule].most_chunks or chunks)))


def _walk(steps: Iterable[Step], chunks: int) -> Iterator[Turn]:
    """The moment at which each step begins."""
    held, pending = [0] * chunks, [0] * chunks
    for step in steps:
        yield Turn(step.action, step.chunk, tuple(held), tuple(pending))
        match step.action:
            case Action.FORWARD:
                held[step.chunk] += 1
            case Action.BACKWARD:
                held[step.chunk] -= 1
            case Action.BACKWARD_INPUT:
                pending[step.chunk] += 1
            case Action.BACKWARD_WEIGHT:
                held[step.chunk] -= 1
                pending[step.chunk] -= 1


def _heaviest(found: Iterable[Turn]) -> tuple[Turn, ...]:
    """Those of distinct moments that no other outweighs; heavier ones first, so that each meets what outweighs it."""
    kept: dict[tuple[Action, int], list[tuple[int, ...]]] = {}
    result = []
    for moment in sorted(found, key=lambda moment: -sum(moment.held)):
        pending = moment.pending_weight
        counts = (*(held - late for held, late in zip(moment.held, pending, strict=True)), *pending)
        others = kept.setdefault((moment.action, moment.chunk), [])
        if not any(all(map(le, counts, other)) for other in others):
            others.append(counts)
            result.append(moment)
    return tuple(result)
