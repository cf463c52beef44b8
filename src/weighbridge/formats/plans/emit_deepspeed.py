"""A plan as DeepSpeed's JSON; the reader's tables the other way round (deepspeed.py names the sources)."""

from __future__ import annotations

from typing import Any

from weighbridge.formats.plans import deepspeed
from weighbridge.formats.plans.options import Options
from weighbridge.models import Model
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.recompute import Method

OPTIMIZERS = {
    "adam": {"type": "AdamW"},
    "lion": {"type": "Lion"},
    "adagrad": {"type": "Adagrad"},
    "muon": {"type": "Muon"},
    "sgd": {"type": "SGD"},
    "momentum": {"type": "SGD", "params": {"momentum": 0.9}},
    "rmsprop": {"type": "RMSprop"},
    "adafactor": {"type": "Adafactor"},
}


def write(plan: Plan, model: Model | None) -> tuple[dict[str, Any], Plan, tuple[str, ...]]:
    """The configuration, the plan that it is read as, and what belongs to the script that trains."""
    data: dict[str, Any] = {
        "train_batch_size": plan.sequences,
        "train_micro_batch_size_per_gpu": plan.micro_batch,
        "gradient_accumulation_steps": plan.micro_batches,
        **_precision(plan),
        "zero_optimization": _zero(plan),
        "optimizer": OPTIMIZERS.get(plan.optimizer.name, OPTIMIZERS["adam"]),
        **_degrees(plan),
        **_checkpointing(plan),
    }
    if plan.zero.average_in_fp32 != (plan.precision.weights.name == "fp32"):
        low = plan.precision.weights.name if plan.precision.weights.name in ("bf16", "fp16") else "bf16"
        data["communication_data_type"] = "fp32" if plan.zero.average_in_fp32 else low
    said = {"framework": "hf-sdpa", "sequence": plan.sequence}
    again = deepspeed.read(data, Options.of(plan.gpus, said)).plan
    note = f"sequence: {plan.sequence:,} tokens; DeepSpeed's JSON does not hold it: the data loader does"
    return data, again, (note,)


def _degrees(plan: Plan) -> dict[str, Any]:
    """Parallel groups beside data parallelism."""
    found: dict[str, Any] = {}
    if plan.tensor > 1:
        found["tensor_parallel"] = {"autotp_size": plan.tensor}
    if plan.context > 1:
        found["sequence_parallel_size"] = plan.context
    if plan.expert > 1 or plan.expert_tensor is not None:
        sizes = {"autoep_size": plan.expert, "expert_tensor_parallel_size": plan.inside_experts}
        found["expert_parallel"] = {"enabled": True, **sizes}
    return found


def _precision(plan: Plan) -> dict[str, Any]:
    """Switches of 16 bits, where weights have them or are cast to them."""
    precision, found = plan.precision, dict[str, Any]()
    name = precision.weights.name
    if name in ("bf16", "fp16"):
        found[name] = {"enabled": True}
        if precision.main is precision.weights:
            found[name][f"{name}_master_weights_and_grads"] = True
            kept = {(state.dtype or precision.updated).name for state in plan.optimizer.states}
            if name == "bf16" and kept == {"bf16"}:
                found[name]["bf16_optimizer_states"] = True
    elif precision.compute.name in ("bf16", "fp16"):
        found["torch_autocast"] = {"enabled": True, "dtype": precision.compute.name}
    gathers = precision.gradients.name
    if gathers != name and gathers in ("fp32", "bf16", "fp16") and (plan.zero.stage or name == "fp32"):
        found["data_types"] = {"grad_accum_dtype": gathers}
    return found if plan.zero.stage else {k: _masters_aside(v) for k, v in found.items()}


def _masters_aside(section: dict[str, Any]) -> dict[str, Any]:
    """A section without what needs ZeRO."""
    return {key: value for key, value in section.items() if "master" not in key and "optimizer" not in key}


def _zero(plan: Plan) -> dict[str, Any]:
    """ZeRO's stage, buckets and what stands on the host."""
    zero, offload = plan.zero, plan.offload
    found: dict[str, Any] = {
        "stage": zero.stage,
        "reduce_bucket_size": zero.bucket,
        "allgather_bucket_size": zero.bucket,
    }
    if zero.stage == 3 and zero.instances > 1 and plan.data_ranks % zero.instances == 0:
        found["mics_shard_size"] = plan.data_ranks // zero.instances
    if offload.optimizer and zero.stage and (offload.optimizer == 1 or zero.stage == 3):
        found["offload_optimizer"] = {"device": "cpu"}
        if offload.optimizer < 1:
            found["offload_optimizer"]["ratio"] = offload.optimizer
    if offload.weights and zero.stage == 3:
        found["offload_param"] = {"device": "cpu"}
    return found


def _checkpointing(plan: Plan) -> dict[str, Any]:
    """The pipeline, and how checkpoints are stored; that every layer is one is the model's to call."""
    found: dict[str, Any] = {}
    whole = plan.recompute.method is Method.UNIFORM
    if plan.pipeline > 1:
        found["pipeline"] = {"stages": plan.pipeline}
    if whole and (plan.pipeline > 1 or plan.recompute.layers > 1):
        found.setdefault("pipeline", {})["activation_checkpoint_interval"] = plan.recompute.layers
    if whole and plan.recompute.layers == 1 and plan.pipeline == 1:
        found["activation_checkpointing"] = {"number_checkpoints": 1}
    if "layers" in plan.offload.activations and whole:
        found["activation_checkpointing"] = {"cpu_checkpointing": True}
    return found
