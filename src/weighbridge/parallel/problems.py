"""What is wrong with a plan, in words: every violation at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from weighbridge.arithmetic import product
from weighbridge.errors import did_you_mean, given
from weighbridge.nn.problems import Problem, listed, multiples
from weighbridge.parallel import layout as layouts
from weighbridge.parallel import schedule
from weighbridge.parallel.recompute import LAYERS, MODULES, OFFLOADED, Method
from weighbridge.parallel.zero import Engine
from weighbridge.tape import TENSOR_PARALLEL, Joined
from weighbridge.traced import plain
from weighbridge.tree import Node

if TYPE_CHECKING:
    from weighbridge.parallel.plan import Plan

AWAY = (*OFFLOADED, LAYERS)
"""What activations can be offloaded of."""

PADDED = frozenset({"vocab", "vocabulary"})
"""Axes that need not divide: vocabularies are padded."""

EXPERTS = "experts"
"""What ranks share that is no axis of a weight."""

WORDS = {"ffn": "columns of the feed-forward network", "expert_ffn": "columns of an expert"}
"""What those are called that their name does not say."""


COUNTS = ("gpus", "tensor", "pipeline", "virtual", "context", "expert", "micro_batch", "sequence")
"""Fields that are whole numbers from 1."""

MAYBE = ("expert_tensor", "global_batch", "group")
"""Fields that are whole numbers from 1, or ``None``."""


def of_fields(plan: Plan) -> Iterator[Problem]:
    """Fields that are not what they must be; nothing else can be asked of the plan until they are."""
    for name in (*COUNTS, *MAYBE):
        value = getattr(plan, name)
        if not isinstance(value, int) or isinstance(value, bool):
            if value is not None or name in COUNTS:
                yield name, f"got {given(value)}; expected a whole number from 1"
        elif value < 1:
            yield name, f"{value:,} is less than 1"
    for name, kind in plan.kinds().items():
        if not isinstance(getattr(plan, name), kind):
            value = getattr(plan, name)
            hint = "; Plan.under takes names" if isinstance(value, str) else ""
            yield name, f"got {given(value)}; expected a {kind.__name__}{hint}"


def of_choices(plan: Plan) -> Iterator[Problem]:
    """Choices that are none, and shares out of bounds."""
    recipe, recipes = plan.precision.recipe, plan.framework.recipes
    if recipe is not None and recipe not in recipes:
        lacks = f"it has {', '.join(recipes)}" if recipes else "it has no Transformer Engine; megatron does"
        yield "precision", f"{plan.framework.name} has no recipe {recipe} to multiply in fewer than 16 bits; {lacks}"
    if plan.precision.parameters_in_fp8 and recipe is None:
        yield "precision", "parameters in 8 bits take a recipe to multiply in them, and there is none"
    if plan.zero.stage not in range(4):
        yield "zero", f"stage {plan.zero.stage} is none; allowed: 0, 1, 2, 3"
    if not plan.imbalance > 0:
        yield "imbalance", f"got {plan.imbalance}; allowed is above 0"
    if not 0 <= plan.offload.optimizer <= 1:
        yield "offload_optimizer", f"got {plan.offload.optimizer}; allowed is a share from 0 to 1"
    if plan.recompute.layers < 1:
        yield "recompute_layers", f"{plan.recompute.layers:,} is less than 1"
    if plan.offload.layers < 0:
        yield "offload_layers", f"{plan.offload.layers:,} is less than 0"
    if plan.offload.layers:
        yield from _layers_away(plan)
    known = {"recompute": (plan.recompute.modules, MODULES), "offload_activations": (plan.offload.activations, AWAY)}
    for name, (chosen, allowed) in known.items():
        for word in chosen:
            if word not in allowed:
                near = did_you_mean(word, allowed)
                yield name, f"no module {given(word)}; allowed: {', '.join(allowed)}{near}"


def _layers_away(plan: Plan) -> Iterator[Problem]:
    """What Megatron-Core does not run with whole layers on the host (transformer_config.py, __post_init__)."""
    if plan.pipeline > 1:
        yield "offload_layers", f"cannot be used with a pipeline of {plan.pipeline:,} stages; allowed with 1"
    if plan.recompute.method is not Method.NONE or plan.recompute.modules:
        yield "offload_layers", "cannot be used along with recomputation"
    if plan.offload.activations:
        yield "offload_layers", "cannot be used along with offloaded modules"


def of_ranks(plan: Plan) -> Iterator[Problem]:
    """Degrees that do not make up the ranks."""
    degrees = (("tensor", plan.tensor), ("pipeline", plan.pipeline), ("context", plan.context))
    yield from _fills(plan, "tensor x pipeline x context", degrees)
    inside = (("expert_tensor", plan.inside_experts), ("expert", plan.expert), ("pipeline", plan.pipeline))
    if plan.expert > 1 or plan.expert_tensor is not None:
        yield from _fills(plan, "expert_tensor x expert x pipeline", inside)


def of_sharding(plan: Plan) -> Iterator[Problem]:
    """Ways of spreading states that no engine has."""
    zero, model = plan.zero, plan.tensor * plan.pipeline
    if zero.instances > 1 and plan.gpus % (model * plan.context) == 0 and plan.gpus // model % zero.instances:
        ranks = plan.gpus // model
        near = divisors_near(ranks, zero.instances)
        yield "replicas", f"{ranks:,} data-parallel ranks do not divide by {zero.instances:,}; nearest that do: {near}"
    if zero.engine is Engine.FSDP2 and zero.stage < 2:
        yield (
            "zero",
            f"{zero.stage} is none of FSDP2; allowed: 3, 2 (weights stay gathered), 0 (DistributedDataParallel)",
        )
    if plan.offload.weights and zero.stage < 3:
        yield "offload_weights", f"takes sharded weights, but ZeRO stage {zero.stage} shards none; allowed with stage 3"
    if zero.engine is Engine.DEEPSPEED and zero.stage > 1 and plan.pipeline > 1:
        yield "zero", f"{zero.stage} with a pipeline is refused by DeepSpeed; allowed: 0 or 1"


def _fills(plan: Plan, words: str, degrees: Iterable[tuple[str, int]]) -> Iterator[Problem]:
    ranks = product(size for _, size in degrees)
    if plan.gpus % ranks:
        sizes = " x ".join(f"{size:,}" for _, size in degrees)
        near = multiples(plan.gpus, ranks)
        yield "gpus", f"{plan.gpus:,} do not divide by {words} = {sizes} = {ranks:,}; nearest that do: {near}"


def of_batch(plan: Plan) -> Iterator[Problem]:
    """Batches that do not split, and schedules that cannot run."""
    yield from _micro_batches(plan)
    parts = plan.context * (2 if plan.context > 1 else 1)
    if plan.sequence % parts:
        why = f"2 x context = {parts:,} (a causal mask is balanced over halves)"
        near = multiples(plan.sequence, parts)
        yield "sequence", f"{plan.sequence:,} tokens do not divide by {why}; nearest that do: {near}"
    elif plan.sequence_parallel and plan.sequence // plan.context % plan.tensor:
        parts = plan.context * plan.tensor
        near = multiples(plan.sequence, parts * (2 if plan.context > 1 else 1))
        words = f"context x tensor = {parts:,}"
        yield "sequence", f"{plan.sequence:,} tokens do not divide by {words}; nearest that do: {near}"


def _micro_batches(plan: Plan) -> Iterator[Problem]:
    """What the schedule cannot run; without regard to micro-batches where their number is not known."""
    known, step = plan.gpus % (plan.tensor * plan.pipeline * plan.context) == 0, 0
    if known:
        step = plan.micro_batch * plan.data
        known = plan.global_batch is None or plan.global_batch % step == 0
    if known:
        yield from schedule.problems(plan.order, plan.pipeline, plan.micro_batches, plan.virtual, plan.group)
        return
    if step and plan.global_batch is not None:
        near = multiples(plan.global_batch, step)
        words = f"micro_batch x data = {plan.micro_batch:,} x {plan.data:,}"
        yield "global_batch", f"{plan.global_batch:,} does not divide by {words}; nearest that do: {near}"
    yield from schedule.problems(plan.order, plan.pipeline, None, plan.virtual, plan.group)


def of_model(plan: Plan, tree: Node) -> Iterator[Problem]:
    """Axes of a model that the plan's degrees do not divide, and what is asked of parts that it does not have."""
    shared = _shared(tree)
    if not any(name == EXPERTS for name, _ in shared):
        for name in ("expert", "expert_tensor"):
            asked = getattr(plan, name)
            if asked is not None and (asked > 1 or name == "expert_tensor"):
                yield name, f"got {asked:,}; the model has no experts to spread"
    degrees = {EXPERTS: ("expert", plan.expert), "expert_ffn": ("expert_tensor", plan.inside_experts)}
    for name, units in shared:
        field, degree = degrees.get(name, ("tensor", plan.tensor))
        copied = name == "kv_heads" and degree % units == 0
        if units % degree and not copied:
            near = divisors_near(units, degree)
            words = WORDS.get(name, name.replace("_", " "))
            yield field, f"{units:,} {words} do not divide by {field} = {degree:,}; nearest that do: {near}"


@lru_cache(maxsize=32)
def _shared(tree: Node) -> tuple[tuple[str, int], ...]:
    """What ranks share of a model and how many there are of it: experts, and axes, each once, in model order."""
    found: dict[tuple[str, int], None] = {}
    for node in tree.walk():
        if node.together:
            found[EXPERTS, int(plain(node.times))] = None
        for weight in node.weights.values():
            for axis in weight.axes:
                for part in axis.parts if isinstance(axis, Joined) else (axis,):
                    if part.name in TENSOR_PARALLEL and part.name not in PADDED:
                        found[part.name, int(plain(part.units))] = None
    return tuple(found)


def divisors_near(units: int, degree: int) -> str:
    """The two divisors nearest to a degree, in words."""
    divisors = [d for d in range(1, min(units, 4 * degree) + 1) if units % d == 0]
    return listed(sorted(sorted(divisors, key=lambda d: abs(d - degree))[:2]))


def of_layout(plan: Plan, layers: int, prediction: int) -> Iterator[Problem]:
    """Layers that do not spread over the stages, or that cannot all be on the host: the last goes backward first."""
    parts = plan.pieces
    if plan.offload.layers >= layers:
        yield "offload_layers", f"{plan.offload.layers:,} of {layers:,} layers; allowed: 0 to {layers - 1:,}"
    if plan.layout is not None:
        yield from layouts.problems(plan.layout, layers, prediction, parts)
    elif layers < parts:
        yield "pipeline", f"{layers:,} layers do not fill {parts:,} virtual stages"
