"""What to change in a plan: each change is really weighed, and those that make it fit, or free most, are named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from weighbridge.estimate.training import Training
from weighbridge.kernels import Loss
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.recompute import DISCARDS, MODULES, Method, Recompute
from weighbridge.traced import plain

MOST = 3
"""Changes that are named."""

WORTH = 0.01
"""Share of the device's use that a change has to free to be named."""


@dataclass(frozen=True)
class Change:
    """One change of a plan, weighed.

    Attributes:
        title: what is changed, in words.
        group: what kind of change it is; of each kind one is named.
        training: the step under the changed plan.
        frees: bytes that the fullest stage's device shows less in use than before.
        more_flops: hardware FLOPs of the step over those before, less one.
    """

    title: str
    group: str
    training: Training
    frees: int
    more_flops: float

    @property
    def works_more(self) -> bool:
        """Whether the step then has other FLOPs, to a tenth of a percent."""
        return abs(self.more_flops) >= 0.0005

    @property
    def fits(self) -> bool:
        """Whether it fits then; true without a device."""
        return self.training.fits is not False


@dataclass(frozen=True)
class Advice:
    """Changes worth making.

    Attributes:
        changes: best first; each alone, or one on top of another.
        together: they are made one after another, because none alone makes it fit.
    """

    changes: tuple[Change, ...]
    together: bool = False

    @property
    def enough(self) -> bool:
        """Whether it fits with them."""
        return any(change.fits for change in self.changes)


def advise(training: Training) -> Advice:
    """At most three changes: each alone if one is enough (or if the plan fits already), else on top of each other."""
    found = weighed(training)
    if training.fits is not False or any(change.fits for change in found):
        return Advice(tuple(found[:MOST]))
    steps: list[Change] = []
    now = training
    while len(steps) < MOST and found:
        steps.append(found[0])
        if found[0].fits:
            break
        now = found[0].training
        found = weighed(now)
    return Advice(tuple(steps), together=len(steps) > 1)


def weighed(training: Training) -> list[Change]:
    """One change of each kind that frees memory: the mildest that makes it fit, or else the one that frees most; those
    that make it fit first, then by what they free.
    """
    best: dict[str, Change] = {}
    for title, group, plan in candidates(training):
        known = best.get(group)
        if known and known.fits and training.fits is False:
            continue
        change = _weighed(training, title, group, plan)
        if change and (known is None or _rank(change) < _rank(known)):
            best[group] = change
    return sorted(best.values(), key=_rank)


def _weighed(training: Training, title: str, group: str, plan: Plan) -> Change | None:
    """A change with what it gives; ``None`` where it cannot run or frees next to nothing."""
    changed = replace(training, plan=plan)
    if not runs(changed):
        return None
    before = in_use(training)
    frees = before - in_use(changed)
    if frees <= WORTH * before:
        return None
    more = plain(changed.flops.hardware) / plain(training.flops.hardware) - 1
    return Change(title, group, changed, frees, more)


def _rank(change: Change) -> tuple[bool, int]:
    """Those that make it fit first, then those that free most."""
    return not change.fits, -change.frees


def in_use(training: Training) -> int:
    """Bytes that the fullest stage's device shows in use."""
    return int(plain(training.fullest.device_total))


def runs(training: Training) -> bool:
    """Whether a plan has no problems."""
    plan, parts = training.plan, training.parts
    return not any(plan.problems(training.tree, parts.layers, parts.predictions))


def candidates(training: Training) -> Iterator[tuple[str, str, Plan]]:
    """Changes to try: title, kind and plan, milder ones of a kind first. All of them run the same global batch."""
    plan = replace(training.plan, global_batch=training.plan.sequences)
    yield from _degrees(training, plan)
    yield from _recomputation(training, plan)
    yield from _spreading(plan)
    if plan.micro_batch > 1 and plan.micro_batch % 2 == 0:
        half = plan.micro_batch // 2
        words = f"micro-batches of {half:,} instead of {plan.micro_batch:,}"
        yield words, "micro-batch", replace(plan, micro_batch=half)
    if plan.offload.optimizer < 1:
        yield "optimizer states in the host's memory", "offload", _with(plan, "offload", optimizer=1.0)
    if plan.framework.transformer_engine and plan.kernels.loss is Loss.VOCABULARY_PARALLEL:
        yield "cross-entropy fused, in place", "loss", _with(plan, "kernels", loss=Loss.IN_PLACE)


def _with(plan: Plan, field: str, **changes: Any) -> Plan:
    """A plan of which one part is changed."""
    return replace(plan, **{field: replace(getattr(plan, field), **changes)})


def _degrees(training: Training, plan: Plan) -> Iterator[tuple[str, str, Plan]]:
    """Larger parallel sizes: twice where it fits already, up to eight times where it does not. Tensor parallelism stays
    within a server.
    """
    server = training.cluster.gpus_per_node if training.cluster else 8
    if plan.tensor > 1 and not plan.sequence_parallel:
        yield "sequence parallelism", "sequence", replace(plan, sequence_parallel=True)
    experts = any(node.together for node in training.tree.walk())
    for factor in (2,) if training.fits is not False else (2, 4, 8):
        tensor, pipeline = factor * plan.tensor, factor * plan.pipeline
        context, expert = factor * plan.context, factor * plan.expert
        if tensor <= server:
            words = f"tensor parallel size {tensor} with sequence parallelism"
            yield words, "tensor", replace(plan, tensor=tensor, sequence_parallel=True)
        staged = replace(plan, pipeline=pipeline, layout=None, group=None)
        yield f"pipeline parallel size {pipeline}", "pipeline", staged
        yield f"context parallel size {context}", "context", replace(plan, context=context)
        if experts:
            yield f"expert parallel size {expert}", "expert", replace(plan, expert=expert)


def _recomputation(training: Training, plan: Plan) -> Iterator[tuple[str, str, Plan]]:
    """More recomputation: of single modules, of those whose results are dropped too, of all layers."""
    if plan.recompute.method is not Method.NONE:
        if plan.recompute.method is not Method.UNIFORM:
            yield "recomputation of all layers", "recompute", replace(plan, recompute=Recompute(Method.UNIFORM))
        return
    segments = {segment.name for segment in training.tape.segments}
    there = [name for name, inside in MODULES.items() if segments & set(inside)]
    own = plan.recompute.modules
    light = tuple(name for name in there if name in DISCARDS)
    for added in dict.fromkeys([*((name,) for name in there), light]):
        modules = tuple(dict.fromkeys((*own, *added)))
        if len(modules) > len(own):
            words = f"selective recomputation of {', '.join(added)}"
            yield words, "recompute selectively", replace(plan, recompute=Recompute(modules=modules))
    yield "recomputation of all layers", "recompute", replace(plan, recompute=Recompute(Method.UNIFORM))


def _spreading(plan: Plan) -> Iterator[tuple[str, str, Plan]]:
    """Higher ZeRO stages, as the framework has them."""
    what = {1: "optimizer states", 2: "gradients too", 3: "weights too"}
    for stage in range(plan.zero.stage + 1, 4):
        zero, own = plan.framework.spread(stage, plan.zero), plan.framework.at(plan.zero.stage)
        precision = plan.framework.at(stage) if plan.precision == own else plan.precision
        yield f"ZeRO {stage} ({what[stage]}; {zero.engine})", "zero", replace(plan, zero=zero, precision=precision)
