"""What would shorten a step: each change is really timed and weighed, and those that shorten it most are named.

Only changes after which the step computes the same are tried: the same sequences, the same data types. Fewer bits or a
larger global batch may train otherwise, and are the user's to choose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from weighbridge.estimate.advice import MOST, candidates, in_use, runs
from weighbridge.estimate.bands import too_close
from weighbridge.estimate.training import Training
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.recompute import Recompute
from weighbridge.parallel.schedule import Schedule
from weighbridge.traced import plain

WORTH = 0.005
"""Share of the step that a change has to save to be named."""

Candidate = tuple[str, str, Plan]
"""A change in words, what kind of change it is, and the plan."""


@dataclass(frozen=True)
class Quicker:
    """One change of a plan, timed.

    Attributes:
        title: what is changed, in words.
        group: what kind of change it is; of each kind one is named.
        training: the step under the changed plan.
        step_seconds: of a step then.
        saves: share of the step that it saves; ``None`` of a step that does not fit as it is.
    """

    title: str
    group: str
    training: Training
    step_seconds: float
    saves: float | None

    @property
    def tokens_per_second_per_gpu(self) -> float:
        """Tokens of each rank's share in a second then."""
        plan = self.training.plan
        return int(plain(plan.sequences * plan.sequence)) / self.step_seconds / int(plain(plan.gpus))

    @property
    def in_use(self) -> int:
        """Bytes that the fullest stage's device shows in use then."""
        return in_use(self.training)


def quicker(training: Training, most: int = MOST) -> tuple[Quicker, ...]:
    """At most so many changes, each by itself, the best of every kind, the quickest first. All of them fit."""
    if training.time is None:
        return ()
    now = None if training.fits is False else training.time.step_seconds
    timed = (found for one in tried(training) if (found := _timed(training, one, now)) is not None)
    chosen: dict[str, Quicker] = {}
    for change in sorted(timed, key=lambda change: change.step_seconds):
        if len(chosen) == most:
            break
        if change.group not in chosen and change.training.fits and not too_close(change.training):
            chosen[change.group] = change
    return tuple(chosen.values())


def _timed(training: Training, one: Candidate, now: float | None) -> Quicker | None:
    """A change with what it gives; ``None`` where it cannot run, or saves next to nothing of a step that takes ``now``
    (``None``: of one that does not fit, so that whatever fits is worth naming).
    """
    title, group, plan = one
    changed = replace(training, plan=plan)
    if not runs(changed) or changed.time is None:
        return None
    seconds = changed.time.step_seconds
    if now is not None and 1 - seconds / now <= WORTH:
        return None
    return Quicker(title, group, changed, seconds, None if now is None else 1 - seconds / now)


def tried(training: Training) -> Iterator[Candidate]:
    """Changes to try: those that free memory, for some of them save time too, and those for time's sake."""
    plan = replace(training.plan, global_batch=training.plan.sequences)
    yield from candidates(training)
    yield from _overlaps(plan)
    yield from _launches(plan)
    yield from _schedules(plan)
    yield from _smaller(training, plan)
    yield from _batches(plan)


def _overlaps(plan: Plan) -> Iterator[Candidate]:
    """Messages beside computing."""
    ran = plan.execution

    def running(**changes: Any) -> Plan:
        return replace(plan, execution=replace(ran, **changes))

    if plain(plan.data_ranks) > 1 and plan.zero.stage < 3:
        if not ran.overlaps_gradients:
            yield "gradients reduced beside the backward pass", "overlap gradients", running(overlaps_gradients=True)
        if not ran.overlaps_parameters and plan.zero.stage > 0:
            yield "weights gathered beside the forward pass", "overlap weights", running(overlaps_parameters=True)
    if plain(plan.pipeline) > 1 and not ran.overlaps_pipeline and plan.virtual > 1:
        yield "messages between stages beside computing", "overlap stages", running(overlaps_pipeline=True)
    if plain(plan.tensor) > 1 and plan.sequence_parallel and not plan.overlaps_tensor:
        words = "tensor parallel messages beside multiplies"
        yield words, "overlap tensor", replace(plan, overlaps_tensor=True)
    if plain(plan.expert) > 1 and not plan.kernels.routing.overlapped:
        routing = replace(plan.kernels.routing, overlapped=True)
        words = "routed tokens sent beside another micro-batch's computing"
        yield words, "overlap experts", replace(plan, kernels=replace(plan.kernels, routing=routing))


def _launches(plan: Plan) -> Iterator[Candidate]:
    if not plan.execution.graphs and plan.framework.transformer_engine:
        graphed = replace(plan.execution, graphs=("full",))
        yield "passes launched as CUDA graphs", "graphs", replace(plan, execution=graphed)


def _schedules(plan: Plan) -> Iterator[Candidate]:
    """More chunks of the model per stage, so that stages wait less for one another."""
    if plain(plan.pipeline) == 1 or plan.order not in (Schedule.ONE_F_ONE_B, Schedule.INTERLEAVED):
        return
    for factor in (2, 4):
        chunks = factor * plan.virtual
        words = f"virtual pipeline size {chunks}"
        yield words, "virtual", replace(plan, virtual=chunks, layout=None, schedule=None)


def _smaller(training: Training, plan: Plan) -> Iterator[Candidate]:
    """Less of what costs time to save memory: parallel sizes, recomputation, spread weights."""
    for field in ("tensor", "pipeline", "context", "expert"):
        size = getattr(plan, field)
        for factor in (2, 4):
            if size % factor == 0:
                small = {field: size // factor, "layout": None, "group": None}
                if field == "tensor" and size == factor:
                    small["sequence_parallel"] = False
                if field == "pipeline" and size == factor:
                    small |= {"virtual": 1, "schedule": None}
                yield f"{field} parallel size {size // factor}", field, replace(plan, **small)
    if plan.recompute != Recompute():
        yield "no recomputation", "recompute", replace(plan, recompute=Recompute())
    if plan.zero.stage == 3:
        zero = plan.framework.spread(1, plan.zero)
        yield "ZeRO 1", "zero", replace(plan, zero=zero, precision=plan.framework.at(1))
    if training.plan.zero.stage == 3 and plan.zero.reshard:
        kept = replace(plan.zero, reshard=False)
        yield "weights kept until the backward pass", "reshard", replace(plan, zero=kept)


def _batches(plan: Plan) -> Iterator[Candidate]:
    """Larger micro-batches, of which there are fewer."""
    for factor in (2, 4):
        size = factor * plan.micro_batch
        words = f"micro-batches of {size:,} instead of {plan.micro_batch:,}"
        yield words, "micro-batch", replace(plan, micro_batch=size)
