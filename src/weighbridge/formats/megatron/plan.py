"""The plan that Megatron-LM's arguments describe: how a training step is laid out over ranks.

Sources: megatron/training/arguments.py (validate_args), megatron/core/transformer/transformer_block.py
(get_num_layers_to_build), megatron/core/transformer/pipeline_parallel_layer_layout.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import lcm
from typing import Any

from weighbridge.formats.megatron import choices, patterns
from weighbridge.formats.megatron.arguments import Arguments
from weighbridge.formats.megatron.model import Shape
from weighbridge.formats.megatron.table import by_dest
from weighbridge.parallel.layout import Layout, placed
from weighbridge.parallel.plan import Offload, Plan
from weighbridge.parallel.recompute import MODULES, Method, Recompute
from weighbridge.parallel.zero import Engine, Zero

STAGES = {"no_shard": 0, "optim": 1, "optim_grads": 2, "optim_grads_params": 3}
"""What --data-parallel-sharding-strategy spreads, as stages of ZeRO."""


@dataclass(frozen=True)
class Planned:
    """A plan, and what it has no place for.

    Attributes:
        plan: the plan.
        extras: what was asked for that bears on memory or time and that no field of the plan holds, by what
            Megatron-LM calls it.
        warnings: what is not modelled, a line each.
    """

    plan: Plan
    extras: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def plan(shape: Shape, world_size: int, environment: Mapping[str, str] | None = None) -> Planned:
    """The plan of checked arguments.

    Args:
        shape: the model's sizes, with the arguments.
        world_size: ranks in all.
        environment: variables of the run.
    """
    read, around = shape.arguments, environment or {}
    pipeline = read.integer("pipeline_model_parallel_size")
    virtual = virtual_stages(shape)
    tensor, context = read.integer("tensor_model_parallel_size"), read.integer("context_parallel_size")
    made = Plan(
        gpus=world_size,
        tensor=tensor,
        pipeline=pipeline,
        virtual=virtual,
        context=context,
        expert=read.integer("expert_model_parallel_size"),
        expert_tensor=read.size("expert_tensor_parallel_size"),
        sequence_parallel=read.flag("sequence_parallel") and tensor > 1,
        micro_batch=read.integer("micro_batch_size"),
        global_batch=global_batch(read, world_size // (tensor * pipeline * context)),
        sequence=read.size("seq_length") or read.integer("encoder_seq_length"),
        framework=choices.chosen_framework(read),
        group=read.size("microbatch_group_size_per_vp_stage") if virtual > 1 else None,
        layout=layout(shape, virtual),
        zero=zero(read),
        precision=choices.precision(read),
        optimizer=choices.optimizer(read),
        recompute=recompute(read),
        offload=offload(read),
        kernels=choices.kernels(read, around),
        accumulation_fusion=read.flag("gradient_accumulation_fusion"),
        imbalance=imbalance(read),
        overlaps_tensor=read.flag("tp_comm_overlap"),
        execution=choices.execution(read),
        cublas_workspace=choices.cublas_workspace(read, around),
    )
    return Planned(made, extras(read), tuple(unmodelled(read)))


def smallest_world(read: Arguments) -> int:
    """Ranks of one replica: the fewest on which the degrees fit."""
    tensor, pipeline = read.integer("tensor_model_parallel_size"), read.integer("pipeline_model_parallel_size")
    inside = read.size("expert_tensor_parallel_size") or tensor
    experts = inside * read.integer("expert_model_parallel_size") * pipeline
    replica = lcm(max(tensor * pipeline * read.integer("context_parallel_size"), 1), max(experts, 1))
    return replica * max(read.integer("num_distributed_optimizer_instances"), 1)


def global_batch(read: Arguments, data: int) -> int:
    """Sequences of one step: as given, the largest of a schedule, or a micro-batch for every data-parallel rank."""
    schedule = read.text("step_batch_size_schedule")
    if schedule is not None:
        return patterns.largest_batch(schedule)
    return read.size("global_batch_size") or read.integer("micro_batch_size") * max(data, 1)


def virtual_stages(shape: Shape) -> int:
    """Chunks of the model per rank."""
    read = shape.arguments
    pipeline = max(read.integer("pipeline_model_parallel_size"), 1)
    text, each = read.text("pipeline_model_parallel_layout"), read.size("num_layers_per_virtual_pipeline_stage")
    if shape.hybrid is not None:
        return max(len(shape.hybrid.stages) // pipeline, 1)
    if text is not None:
        return max(len(patterns.layout(text)) // pipeline, 1)
    if each:
        return max(_counted(shape) // pipeline // each, 1)
    return max(read.size("num_virtual_stages_per_pipeline_rank") or 1, 1)


def _counted(shape: Shape) -> int:
    """Layers, with embedding and loss where they take the place of one."""
    read = shape.arguments
    extra = (read.flag(f"account_for_{part}_in_pipeline_split") for part in ("embedding", "loss"))
    return shape.layers + sum(extra)


def layout(shape: Shape, virtual: int) -> Layout | None:
    """The layers of every virtual stage, where they are not simply spread evenly."""
    read = shape.arguments
    text = read.text("pipeline_model_parallel_layout")
    if text is not None:
        return patterns.layout(text)
    pipeline = read.integer("pipeline_model_parallel_size")
    if shape.hybrid is not None and len(shape.hybrid.stages) > 1:
        return placed([len(stage) for stage in shape.hybrid.stages], shape.prediction)
    first, last = (read.size(f"decoder_{end}_pipeline_num_layers") for end in ("first", "last"))
    embedding, loss = (read.flag(f"account_for_{part}_in_pipeline_split") for part in ("embedding", "loss"))
    if pipeline == 1 or not (first or last or embedding or loss):
        return None
    between = pipeline - (first is not None) - (last is not None)
    each = (_counted(shape) - (first or 0) - (last or 0)) // between if between else 0
    ranks = [each] * pipeline
    ranks[0] = each if first is None else first
    ranks[-1] = each if last is None else last
    shares = [layers // virtual for _ in range(virtual) for layers in ranks]
    shares[0] -= embedding
    shares[-1] -= loss
    return placed(shares, shape.prediction)


def zero(read: Arguments) -> Zero:
    """How states are spread over data-parallel ranks."""
    instances = read.integer("num_distributed_optimizer_instances")
    if read.flag("use_torch_fsdp2"):
        return Zero(3, Engine.FSDP2, reshard=read.flag("torch_fsdp2_reshard_after_forward"))
    if read.flag("use_megatron_fsdp"):
        stage = STAGES[read.text("data_parallel_sharding_strategy") or "optim_grads_params"]
        return Zero(
            stage,
            Engine.MEGATRON_FSDP,
            instances,
            spreads_replicas=read.text("outer_dp_sharding_strategy") == "optim",
            fixed_buffers=read.flag("fsdp_double_buffer") or read.flag("nccl_ub"),
            keeps_transposes=read.flag("keep_fp8_transpose_cache"),
        )
    spread = read.flag("use_distributed_optimizer") or read.text("optimizer") == "dist_muon"
    return Zero(1, Engine.MEGATRON, instances) if spread else Zero(0, Engine.MEGATRON)


def recompute(read: Arguments) -> Recompute:
    """What runs again in the backward pass."""
    granularity = read.text("recompute_granularity")
    if read.flag("recompute_activations") or read.flag("moe_layer_recompute"):
        granularity = "selective"
    if granularity is None:
        return Recompute()
    if granularity == "full":
        method = Method.BLOCK if read.text("recompute_method") == "block" else Method.UNIFORM
        return Recompute(method, read.size("recompute_num_layers") or 1)
    return Recompute(modules=tuple(name for name in recomputed_modules(read) if name in MODULES))


def recomputed_modules(read: Arguments) -> tuple[str, ...]:
    """What selective recomputation names: core attention where nothing is named."""
    named = read.words("recompute_modules") if "recompute_modules" in read.given else ("core_attn",)
    return tuple(dict.fromkeys((*named, "moe") if read.flag("moe_layer_recompute") else named))


def offload(read: Arguments) -> Offload:
    """What stands in the host's memory."""
    share = read.number("optimizer_offload_fraction") or 0.0
    modules = read.words("offload_modules") if read.flag("fine_grained_activation_offloading") else ()
    return Offload(
        optimizer=share if read.flag("optimizer_cpu_offload") else 0.0,
        activations=tuple(name for name in modules if name in MODULES),
        layers=read.integer("cpu_offloading_num_layers"),
    )


def fitted(planned: Planned, shape: Shape) -> Planned:
    """A plan without what the model has no place for, which Megatron-LM passes over, and with words on that."""
    found, absent = planned.plan, lacking(shape)
    again, away = found.recompute.modules, found.offload.activations
    named = {"recompute": again if "recompute_modules" in shape.arguments.given else (), "offload": away}
    said = [
        f"--{what}-modules {name}: the model has none; nothing is {what.removesuffix('e')}ed for it"
        for what, names in named.items()
        for name in names
        if name in absent
    ]
    spread: dict[str, Any] = {} if "moe" not in absent else {"expert": 1, "expert_tensor": None}
    fits = replace(
        found,
        **spread,
        recompute=replace(found.recompute, modules=tuple(name for name in again if name not in absent)),
        offload=replace(found.offload, activations=tuple(name for name in away if name not in absent)),
    )
    return replace(planned, plan=fits, warnings=(*planned.warnings, *said))


def lacking(shape: Shape) -> frozenset[str]:
    """Modules to recompute or to offload that the model does not have, which Megatron-LM passes over."""
    read = shape.arguments
    kinds = shape.mixers() if shape.hybrid is None else shape.hybrid.layers
    networks = shape.networks() if shape.hybrid is None else shape.hybrid.layers
    attends = bool({"attention", "window"} & set(kinds))
    sparse, dense = "moe" in networks, bool({"dense", "mlp"} & set(networks))
    there = {
        **dict.fromkeys(("core_attn", "qkv_linear", "attn_proj", "attn_norm"), attends),
        **dict.fromkeys(("moe", "moe_act", "expert_fc1"), sparse),
        "mlp": dense,
        "shared_experts": sparse and read.size("moe_shared_expert_intermediate_size") is not None,
        "mla_up_proj": read.flag("multi_latent_attention"),
        "layernorm": _norms_apart(shape, sparse),
    }
    return frozenset(name for name, present in there.items() if not present)


def _norms_apart(shape: Shape, sparse: bool) -> bool:
    """Whether any layer has a norm by itself: Transformer Engine computes those before projections with them."""
    read = shape.arguments
    local = read.text("transformer_impl") == "local"
    return local or sparse or read.flag("multi_latent_attention")


def imbalance(read: Arguments) -> float:
    """Routed tokens of the fullest expert rank over the mean: the capacity factor where experts are filled up to it,
    no more than that where tokens beyond it are dropped.
    """
    capacity = read.number("moe_expert_capacity_factor")
    if capacity is None or capacity < 0:
        return 1.0
    return capacity if read.flag("moe_pad_expert_input_to_capacity") else min(capacity, 1.0)


EXTRAS = (
    "bias_dropout_fusion",
    "ddp_bucket_size",
    "ddp_num_buckets",
    "overlap_param_gather_with_optimizer_step",
)
"""What bears on memory or time and has no field of the plan."""


def extras(read: Arguments) -> dict[str, Any]:
    """What was given of it."""
    found: dict[str, Any] = {dest: read.value(dest) for dest in EXTRAS if dest in read.given}
    if read.flag("fine_grained_activation_offloading"):
        found["offload_modules"] = read.words("offload_modules")
    return found


def unmodelled(read: Arguments) -> Iterator[str]:
    """What was asked for and is taken for something near it, or left out."""
    asked = read.text("optimizer")
    if asked in ("soap", "adaptive_muon"):
        yield f"--optimizer {asked}: its states are not modelled; taken as {choices.NEAREST[asked]}"
    if read.text("fp8") is not None and read.text("fp8_recipe") == "custom":
        yield "--fp8-recipe custom: bears on memory and is not modelled; taken as delayed"
    if read.text("recompute_granularity") == "selective":
        yield from (
            f"--recompute-modules {name}: bears on memory and is not modelled"
            for name in recomputed_modules(read)
            if name not in MODULES
        )
    if read.flag("fine_grained_activation_offloading"):
        left = [name for name in read.words("offload_modules") if name not in MODULES]
        if left:
            yield f"--offload-modules {' '.join(left)}: bears on memory and is not modelled"
    for dest in ("distribute_saved_activations", "first_last_layers_bf16", "fp32_residual_connection", "nccl_ub"):
        if read.flag(dest):
            yield f"{by_dest()[dest].name}: bears on memory and is not modelled"
