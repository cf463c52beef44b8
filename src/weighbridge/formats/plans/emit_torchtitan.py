"""A plan as torchtitan's TOML; the reader's tables the other way round (torchtitan.py names the sources)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from weighbridge.formats.plans import torchtitan
from weighbridge.formats.plans.options import Options, layers_said
from weighbridge.formats.plans.torchtitan_keys import NAMED
from weighbridge.kernels import Loss
from weighbridge.models import Model
from weighbridge.parallel.layout import Layout
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import Recipe
from weighbridge.parallel.recompute import Method
from weighbridge.parallel.schedule import Schedule

SCHEDULES = {
    Schedule.ONE_F_ONE_B: "1F1B",
    Schedule.GPIPE: "GPipe",
    Schedule.INTERLEAVED: "Interleaved1F1B",
    Schedule.ZB_V: "ZBVZeroBubble",
}
CONVERTERS = {
    Recipe.TENSORWISE: "quantize.linear.float8",
    Recipe.ROWWISE: "quantize.linear.float8",
    Recipe.MXFP8: "quantize.linear.mx",
}
DTYPES = {"bf16": "bfloat16", "fp32": "float32"}

Sections = dict[str, dict[str, Any]]


def write(plan: Plan, model: Model | None) -> tuple[Sections, Plan, tuple[str, ...]]:
    """The configuration, the plan that it is read as, and what it does not say of the model."""
    named = NAMED.get(model.name) if model is not None else None
    notes: tuple[str, ...] = ()
    sections: Sections = {}
    if named is not None:
        sections["model"] = {"name": named[0], "flavor": named[1].upper() if named[0] != "gpt_oss" else named[1]}
    else:
        notes = ("model: torchtitan has no flavor of it; give model.name and model.flavor",)
    recipe = CONVERTERS.get(plan.precision.recipe) if plan.precision.recipe else None
    if recipe is not None:
        sections.setdefault("model", {})["converters"] = [recipe]
    if plan.precision.recipe is Recipe.TENSORWISE and plan.precision.parameters_in_fp8:
        sections["quantize.linear.float8"] = {"enable_fsdp_float8_all_gather": True}
    if plan.precision.recipe is Recipe.ROWWISE:
        sections["quantize.linear.float8"] = {"recipe_name": "rowwise"}
    sections |= {
        "training": _training(plan),
        "parallelism": _parallelism(plan) | _pipeline(plan, layers_said(model)),
        "activation_checkpoint": _checkpointing(plan),
        "optimizer": {"name": "AdamW"},
        "compile": _compile(plan),
    }
    raw = tomllib.loads(toml(sections))
    options = Options.of(plan.gpus, {"layers": layers_said(model)})
    return sections, torchtitan.read(raw, options).plan, notes


def _training(plan: Plan) -> dict[str, Any]:
    """Batches, lengths and data types. A pipeline cuts the local batch into its micro-batches."""
    local = plan.micro_batch * (plan.micro_batches if plan.pipeline > 1 else 1)
    precision = plan.precision
    return {
        "local_batch_size": local,
        "global_batch_size": plan.sequences,
        "seq_len": plan.sequence,
        "dtype": DTYPES.get(precision.weights.name, "float32"),
        "mixed_precision_param": DTYPES.get(precision.compute.name, "bfloat16"),
        "enable_cpu_offload": plan.offload.weights and plan.offload.optimizer == 1,
    }


def _parallelism(plan: Plan) -> dict[str, Any]:
    """Sizes of the parallel groups."""
    replicas = plan.data
    if plan.zero.stage == 3:
        replicas = plan.zero.instances if plan.data % plan.zero.instances == 0 else 1
    found: dict[str, Any] = {
        "data_parallel_replicate_degree": replicas,
        "data_parallel_shard_degree": plan.data // replicas,
        "fsdp_reshard_after_forward": "always" if plan.zero.reshard else "never",
        "tensor_parallel_degree": plan.tensor,
        "enable_async_tensor_parallel": plan.overlaps_tensor,
        "pipeline_parallel_degree": plan.pipeline,
        "context_parallel_degree": plan.context,
        "expert_parallel_degree": plan.expert,
    }
    if plan.expert > 1 and plan.inside_experts in (1, plan.tensor):
        found["expert_tensor_parallel_degree"] = plan.inside_experts
    return found


def _pipeline(plan: Plan, known: int | None) -> dict[str, Any]:
    """The schedule and which layers stand where. Other than two stages per rank need the layers spelled out."""
    if plan.pipeline == 1:
        return {}
    several = plan.virtual > 1
    name = SCHEDULES.get(plan.order, "Interleaved1F1B" if several else "1F1B")
    if several != (plan.order in (Schedule.INTERLEAVED, Schedule.ZB_V)):
        name = "Interleaved1F1B" if several else "1F1B"
    found: dict[str, Any] = {
        "pipeline_parallel_schedule": name,
        "pipeline_parallel_microbatch_size": plan.micro_batch,
    }
    layout = plan.layout
    if layout is None and known is not None and (plan.virtual > 2 or not plan.framework.counts_ends):
        layout = plan.even_layout(known)
    return found if layout is None else found | {"module_fqns_per_model_part": modules(layout)}


def modules(layout: Layout) -> list[list[str]]:
    """The names of every stage's modules."""
    found, at = [], 0
    for chunk in layout:
        names = ["tok_embeddings"] if chunk.embedding else []
        names += [f"layers.{number}" for number in range(at, at + chunk.layers)]
        found.append(names + (["norm", "output"] if chunk.loss else []))
        at += chunk.layers
    return found


def _checkpointing(plan: Plan) -> dict[str, Any]:
    """What runs again."""
    recompute = plan.recompute
    if recompute.method is Method.EVERY:
        return {"mode": "selective", "selective_ac_option": str(recompute.layers)}
    if recompute.method is Method.UNIFORM:
        return {"mode": "selective", "selective_ac_option": "op"} if recompute.saves else {"mode": "full"}
    return {"mode": "none"}


def _compile(plan: Plan) -> dict[str, Any]:
    """What is compiled."""
    parts = ["model"] if plan.framework.name == "torchtitan-compiled" else []
    if plan.kernels.loss is Loss.COMPILED:
        parts.append("loss")
    return {"enable": True, "components": parts} if parts else {"enable": False}


def toml(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Tables as TOML, whose strings, numbers and lists are written as in JSON."""
    blocks = []
    for name, table in sections.items():
        lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        blocks.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(blocks) + "\n"
