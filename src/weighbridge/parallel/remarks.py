"""What a plan's own framework would not run as it stands, though it can be weighed: notes, where problems refuse.

Sources: megatron/training/arguments.py (validate_args), megatron/core/transformer/transformer_config.py
(__post_init__), megatron/core/transformer/moe/moe_layer.py, megatron/core/optimizer/optimizer_config.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from weighbridge.parallel.precision import Recipe
from weighbridge.parallel.schedule import FACTS, Schedule
from weighbridge.parallel.zero import Engine
from weighbridge.tree import Node

if TYPE_CHECKING:
    from weighbridge.parallel.plan import Plan

MEGATRON_RUNS = (Schedule.ONE_F_ONE_B, Schedule.INTERLEAVED)
"""Schedules that Megatron-Core has (megatron/core/pipeline_parallel/schedules.py)."""


def remarks(plan: Plan, tree: Node, layers: int) -> Iterator[str]:
    """What Megatron-LM rejects of a sound plan, a sentence each; nothing under other frameworks."""
    if plan.framework.family != "megatron":
        return
    sparse = any(node.together for node in tree.walk())
    for found in (*_pipeline(plan, layers), *_experts(plan, sparse), *_states(plan), *_modules(plan)):
        yield f"Megatron-LM itself does not run this plan: {found}"


def _pipeline(plan: Plan, layers: int) -> Iterator[str]:
    if plan.pipeline > 1 and plan.order not in MEGATRON_RUNS:
        yield f"it has no {FACTS[plan.order].title}"
    parts = plan.pipeline * plan.virtual
    if plan.layout is None and layers % parts:
        yield f"{layers:,} layers do not divide over {parts:,} virtual stages; it needs a layout (--layout)"
    if plan.virtual > 1 and plan.pipeline == 2 and not plan.execution.overlaps_pipeline:
        yield "two stages with virtual stages need overlapped communication of the pipeline"


def _experts(plan: Plan, sparse: bool) -> Iterator[str]:
    if sparse and plan.tensor > 1 and not plan.sequence_parallel:
        yield "experts along with tensor parallelism need sequence parallelism (--sp)"
    execution = plan.execution
    if execution.overlaps_parameters and not execution.overlaps_gradients:
        yield "gathers of parameters overlap only where reductions of gradients do"
    if sparse and plan.kernels.routing.overlapped and plan.expert == 1:
        yield "exchanges of experts overlap only where experts are spread (--ep)"


def _states(plan: Plan) -> Iterator[str]:
    name, zero = plan.optimizer.name, plan.zero
    if zero.engine is Engine.MEGATRON_FSDP and name not in ("adam", "sgd", "momentum"):
        yield f"Megatron-FSDP works with Adam or SGD, not {plan.optimizer.title}"
    if plan.offload.optimizer and (name != "adam" or not zero.stage):
        yield "it offloads states of the precision-aware optimizer only: Adam, with the distributed optimizer"


def _modules(plan: Plan) -> Iterator[str]:
    away, again = plan.offload.activations, set(plan.recompute.modules)
    if away and not plan.framework.transformer_engine:
        yield "it offloads activations of Transformer Engine's modules only"
    if "attn_proj" in away and "core_attn" not in away:
        yield "offloading attn_proj needs core_attn too"
    if plan.precision.recipe is Recipe.DELAYED and again & {"moe_act", "layernorm"}:
        yield "moe_act and layernorm cannot be recomputed along with delayed scaling"
    if "shared_experts" in again and plan.execution.overlaps_shared_experts:
        yield "shared experts cannot be recomputed where they compute beside routed tokens' travel"
