"""torchtitan: a TOML configuration becomes a plan and a model's name.

Sources: torchtitan/config/job_config.py, torchtitan/distributed/parallel_dims.py, pipeline_parallel.py,
activation_checkpoint.py and utils.py (maybe_enable_amp), torchtitan/models/llama3/infra/parallelize.py, as of
January 2026; older names of keys are read too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weighbridge.errors import given
from weighbridge.formats.plans import optimizers, torchtitan_stages
from weighbridge.formats.plans.options import Options, Read, layers_said, world
from weighbridge.formats.plans.table import Table
from weighbridge.formats.plans.torchtitan_keys import KEYS, MODELS
from weighbridge.kernels import Kernels, Loss
from weighbridge.parallel.framework import Framework
from weighbridge.parallel.plan import Offload
from weighbridge.parallel.precision import Precision, Recipe
from weighbridge.parallel.recompute import PER_OPERATION, Method, Recompute
from weighbridge.parallel.zero import Engine, Zero
from weighbridge.units import DATA_TYPES

DTYPES = {"bfloat16": "bf16", "float32": "fp32"}
RECIPES = {
    "tensorwise": Recipe.TENSORWISE,
    "rowwise": Recipe.ROWWISE,
    "rowwise_with_gw_hp": Recipe.ROWWISE,
    "all_tensorwise": Recipe.TENSORWISE,
}
"""Recipes of torchao's float8 linears (torchao/float8/config.py), by how this package calls those near to them."""


CALLED: dict[str, str | tuple[str, ...]] = {
    "tensor": (
        "parallelism.tensor_parallel_degree",
        "training.tensor_parallel_degree",
        "training.sequence_parallel_degree",
    ),
    "pipeline": (
        "parallelism.pipeline_parallel_degree",
        "experimental.pipeline_parallel_degree",
        "training.pipeline_parallel_degree",
    ),
    "stages": (
        "parallelism.pipeline_parallel_degree",
        "experimental.pipeline_parallel_degree",
        "training.pipeline_parallel_degree",
    ),
    "virtual": "parallelism.pipeline_parallel_layers_per_stage",
    "chunks": "parallelism.pipeline_parallel_layers_per_stage",
    "layout": "parallelism.module_fqns_per_model_part",
    "schedule": ("parallelism.pipeline_parallel_schedule", "experimental.pipeline_parallel_schedule"),
    "context": ("parallelism.context_parallel_degree", "experimental.context_parallel_degree"),
    "expert": "parallelism.expert_parallel_degree",
    "expert_tensor": "parallelism.expert_tensor_parallel_degree",
    "micro_batch": ("training.local_batch_size", "training.batch_size"),
    "micro_batches": "training.local_batch_size (micro-batches of a rank)",
    "global_batch": "training.global_batch_size",
    "sequence": "training.seq_len",
    "zero": (
        "parallelism.data_parallel_shard_degree",
        "training.data_parallel_shard_degree",
        "training.data_parallel_degree",
    ),
    "replicas": ("parallelism.data_parallel_replicate_degree", "training.data_parallel_replicate_degree"),
    "precision": "model.converters",
    "recompute": "activation_checkpoint",
    "offload_weights": "training.enable_cpu_offload",
    "offload_optimizer": "training.enable_cpu_offload",
    "optimizer": "optimizer.name",
}
"""What the file calls fields of the plan, where a problem of the plan is said; after a newer name the older ones."""


def read(raw: Mapping[str, Any], options: Options) -> Read:
    """The plan of a configuration, and the model that it names.

    Args:
        raw: its contents.
        options: what the caller says.

    Raises:
        InputError: one line with everything that is wrong.
    """
    table = Table("torchtitan", raw, KEYS)
    model = _model(table)
    layers = _layers(options, model)
    degrees = _degrees(table, options)
    replicas, shards, ranks = _data(table, options, degrees)
    chosen = options.framework("torchtitan-compiled" if "model" in _compiled(table) else "torchtitan")
    sharded = shards * (degrees["context"] or 1) > 1
    stages = torchtitan_stages.stages(table, options, degrees["pipeline"] or 1, layers, chosen.counts_ends)
    micro, total = _batches(table, options, degrees, ranks, stages.virtual)
    precision, kernels = _precision(table, chosen, sharded, degrees)
    fields: dict[str, Any] = {
        **degrees,
        "gpus": ranks,
        "virtual": stages.virtual,
        "schedule": stages.schedule,
        "layout": stages.layout,
        "sequence_parallel": (degrees["tensor"] or 1) > 1,
        "micro_batch": micro,
        "global_batch": total,
        "sequence": table.integer("training.seq_len", 2048),
        "zero": _zero(table, sharded, replicas, degrees["pipeline"] or 1),
        "precision": precision,
        "optimizer": optimizers.chosen(table, "optimizer.name", optimizers.TORCHTITAN),
        "recompute": _recompute(table),
        "offload": _offload(table),
        "kernels": kernels,
        "overlaps_tensor": table.flag(_moved(table, "parallelism", "experimental", "enable_async_tensor_parallel")),
    }
    table.check()
    return Read(options.plan(chosen, **fields), model, tuple(table.warnings))


def _moved(table: Table, now: str, before: str, key: str) -> str:
    """Where a key stands that moved to another section."""
    return table.first(f"{now}.{key}", f"{before}.{key}")


def _model(table: Table) -> str | None:
    """The catalogue's name of a model and flavor; kernels' suffixes (``8B_flex``) change no size."""
    name, flavor = table.text("model.name"), table.text("model.flavor")
    if name is None and flavor is None:
        return None
    size = (flavor or "debugmodel").lower().removesuffix("_flex").removesuffix("_varlen").removesuffix("_flex_attn")
    found = MODELS.get((name or "llama3", size))
    if found is None:
        table.note(
            "model", f"name {given(name or 'llama3')}, flavor {given(flavor)}: the catalogue has none; give MODEL"
        )
    return found


def _layers(options: Options, model: str | None) -> int | None:
    """Decoder layers: as the caller says, or those of the model that the file names."""
    if options.layers is not None or model is None:
        return options.layers
    from weighbridge.formats.loading import load

    return layers_said(load(model))


def _pipeline(table: Table) -> str:
    names = [f"{section}.pipeline_parallel_degree" for section in ("parallelism", "experimental", "training")]
    return table.first(*names)


def _degrees(table: Table, options: Options) -> dict[str, int | None]:
    """Sizes of the parallel groups. With experts divided, an expert-tensor size of 1 means whole experts."""
    expert = table.integer("parallelism.expert_parallel_degree", 1)
    tensors = (
        "parallelism.tensor_parallel_degree",
        "training.tensor_parallel_degree",
        "training.sequence_parallel_degree",
    )
    said: dict[str, int | None] = {
        "tensor": table.integer(table.first(*tensors), 1),
        "pipeline": table.integer(_pipeline(table), 1),
        "context": table.integer(_moved(table, "parallelism", "experimental", "context_parallel_degree"), 1),
        "expert": expert,
    }
    inside = table.integer("parallelism.expert_tensor_parallel_degree", 1)
    said["expert_tensor"] = inside if expert > 1 else None
    tensor = said["tensor"] or 1
    if expert > 1 and inside not in (1, tensor):
        why = f"{inside:,} is not allowed; allowed: 1 or tensor_parallel_degree = {tensor:,}"
        table.problem("parallelism.expert_tensor_parallel_degree", why)
    return {name: options.get(name, size) for name, size in said.items()}


def _data(table: Table, options: Options, degrees: Mapping[str, int | None]) -> tuple[int, int, int]:
    """Replicas, shards and ranks in all; -1 shards take what ranks are left (parallel_dims.py, _validate)."""
    replica = _moved(table, "parallelism", "training", "data_parallel_replicate_degree")
    shard = table.first(
        "parallelism.data_parallel_shard_degree",
        "training.data_parallel_shard_degree",
        "training.data_parallel_degree",
    )
    replicas, shards = table.integer(replica, 1), table.integer(shard, -1, least=-1)
    if shards == 0:
        table.problem(shard, "got 0; allowed: -1, or at least 1")
    model = (degrees["tensor"] or 1) * (degrees["pipeline"] or 1) * (degrees["context"] or 1)
    implied = replicas * max(shards, 1) * model if shards > 0 or replicas > 1 else None
    ranks = world(table, options, degrees, implied)
    data = max(ranks // model, 1)
    if shards < 0:
        if data % replicas:
            table.problem(replica, f"{replicas:,} does not divide the {data:,} data parallel ranks")
        shards = max(data // replicas, 1)
    elif shards and replicas * shards != data:
        words = f"{replicas:,} replicas x {shards:,} shards x {model:,} ranks of the model"
        table.problem(shard, f"{words} = {replicas * shards * model:,}; gpus are {ranks:,}")
    return replicas, max(shards, 1), ranks


def _batches(
    table: Table, options: Options, degrees: Mapping[str, int | None], ranks: int, virtual: int
) -> tuple[int, int]:
    """Micro-batch and global batch: a pipeline cuts the local batch into micro-batches (pipeline_parallel.py,
    build_pipeline_schedule); before April 2025 their number was given, as many as stages by default.
    """
    local_key = table.first("training.local_batch_size", "training.batch_size")
    local, pipeline = table.integer(local_key, 8), degrees["pipeline"] or 1
    data = max(ranks // ((degrees["tensor"] or 1) * pipeline * (degrees["context"] or 1)), 1)
    micro = local
    if pipeline > 1:
        micro = _pieces(table, local_key, local, pipeline * virtual)
    micro = options.get("micro_batch", micro)
    said = table.integer("training.global_batch_size", -1, least=-1)
    total = local * data if said < 1 else said
    if "global_batch" in options.fields:
        return micro, options.get("global_batch", total)
    if said < 1 and "micro_batch" in options.fields and pipeline == 1:
        return micro, micro * data
    if said > 0 and said % (local * data):
        words = f"{local_key} x data parallel size = {local:,} x {data:,}"
        table.problem("training.global_batch_size", f"{said:,} does not divide by {words}")
    if said > local * data and pipeline > 1:
        why = "taken as one run of the pipeline over all of them"
        table.unmodelled("training.global_batch_size", said, instead=why)
    return micro, total


def _pieces(table: Table, local_key: str, local: int, stages: int) -> int:
    """Sequences of one micro-batch of a pipeline."""
    size = "parallelism.pipeline_parallel_microbatch_size"
    number = _moved(table, "parallelism", "experimental", "pipeline_parallel_microbatches")
    if table.has(number) and not table.has(size):
        count = table.integer(number, stages)
        if local % count:
            table.problem(number, f"{count:,} does not divide {local_key} = {local:,}")
        return max(local // count, 1)
    micro = table.integer(size, 1)
    if local % micro:
        table.problem(size, f"{micro:,} does not divide {local_key} = {local:,}")
    return micro


def _zero(table: Table, sharded: bool, replicas: int, pipeline: int) -> Zero:
    """FSDP2 where weights are sharded, by data or context parallel ranks; else DistributedDataParallel."""
    key = _moved(table, "parallelism", "training", "fsdp_reshard_after_forward")
    policy = table.word(key, ("default", "always", "never"), "default")
    if not sharded:
        return Zero(0, Engine.DDP)
    reshard = policy == "always" or (policy == "default" and pipeline == 1)
    return Zero(3, Engine.FSDP2, replicas, reshard, splits_root=not any(map(table.has, BEFORE)))


BEFORE = (
    "training.sequence_parallel_degree",
    "training.batch_size",
    "training.compile",
    "training.tensor_parallel_degree",
    "training.data_parallel_degree",
    "training.data_parallel_shard_degree",
    "experimental.pipeline_parallel_degree",
    "experimental.context_parallel_degree",
)
"""Keys from before July 2025, when embedding, final norm and head were FSDP's root (6fc499f, parallelize.py)."""


def _compiled(table: Table) -> frozenset[str]:
    """What is compiled: the model, the loss, or both."""
    if not table.has("compile.enable"):
        return frozenset({"model", "loss"} if table.flag("training.compile") else ())
    parts = table.words("compile.components") if table.has("compile.components") else ("model", "loss")
    return frozenset(parts if table.flag("compile.enable") else ())


def _loss(table: Table, tensor: int) -> Loss:
    """How the cross-entropy runs; tensor parallel ranks share the vocabulary."""
    path = _moved(table, "parallelism", "training", "disable_loss_parallel")
    if table.flag(path) and tensor > 1:
        table.unmodelled(path, True, instead="logits are taken as divided")
    return Loss.COMPILED if "loss" in _compiled(table) else Loss.EAGER


def _precision(
    table: Table, chosen: Framework, sharded: bool, degrees: Mapping[str, int | None]
) -> tuple[Precision, Kernels]:
    """Data types: FSDP2 gathers weights in 16 bits; without it torch.autocast casts them, but not along with tensor or
    pipeline parallelism (utils.py, maybe_enable_amp).
    """
    stored = DATA_TYPES[DTYPES[table.word("training.dtype", DTYPES, "float32")]]
    compute = DATA_TYPES[DTYPES[table.word("training.mixed_precision_param", DTYPES, "bfloat16")]]
    table.word("training.mixed_precision_reduce", ("float32",), "float32")
    divided = (degrees["tensor"] or 1) * (degrees["pipeline"] or 1) > 1
    if not sharded and divided:
        if compute is not stored:
            why = "takes no effect where weights are divided and not sharded; the data type is that of training.dtype"
            table.note("training.mixed_precision_param", why)
        compute = stored
    casts = not sharded and compute is not stored
    kernels = replace(chosen.kernels, autocast=casts, loss=_loss(table, degrees["tensor"] or 1))
    recipe = _recipe(table)
    return Precision(compute, stored, stored, None, recipe=recipe, parameters_in_fp8=_gathers(table, recipe)), kernels


FLOAT8 = ("quantize.linear.float8", "quantize.dense.float8", "float8")
"""Where settings of float8 linears stood."""


def _recipe(table: Table) -> Recipe | None:
    """Matrix multiplies in 8 bits: by a converter of the model, or by older switches."""
    converters = set(table.words("model.converters"))
    if any("mx" in name.split(".")[-1] for name in converters):
        return Recipe.MXFP8
    before = table.flag("float8.enable_float8_linear") or table.flag("training.enable_float8_linear")
    if not before and not any("float8" in name for name in converters):
        return None
    path = table.first(*(f"{place}.recipe_name" for place in FLOAT8))
    name = table.word(path, RECIPES, "tensorwise")
    if name == "rowwise_with_gw_hp":
        table.unmodelled(path, name, instead="taken as rowwise")
    return RECIPES[name]


def _gathers(table: Table, recipe: Recipe | None) -> bool:
    """Whether FSDP2 gathers weights in 8 bits, which only torchao's own recipe does."""
    path = table.first(*(f"{place}.enable_fsdp_float8_all_gather" for place in (*FLOAT8, "training")))
    return table.flag(path) and recipe is Recipe.TENSORWISE


MODES = ("none", "selective", "full", "memory_budget")


def _recompute(table: Table) -> Recompute:
    """What runs again: every layer, every n-th, or single operations. torchtitan's default is every second layer."""
    mode = table.word("activation_checkpoint.mode", MODES, "selective")
    if mode == "none":
        return Recompute()
    if mode == "full":
        return Recompute(Method.UNIFORM)
    if mode == "memory_budget":
        path = "activation_checkpoint.memory_budget"
        table.unmodelled(path, table.share(path, 0.5), instead="taken as no recomputation")
        return Recompute()
    path = "activation_checkpoint.selective_ac_option"
    option = table.value(path)
    option = (
        "2" if option is None else str(option) if isinstance(option, int) and not isinstance(option, bool) else option
    )
    if option == "op":
        return Recompute(Method.UNIFORM, saves=PER_OPERATION)
    if not isinstance(option, str) or not option.isdecimal() or not 0 <= int(option[:10]) <= 10_000:
        table.problem(path, f'got {given(option)}; expected "op" or a whole number')
        return Recompute()
    step = int(option)
    return Recompute(Method.EVERY, step) if step > 1 else Recompute(Method.UNIFORM)


def _offload(table: Table) -> Offload:
    """FSDP2's CPUOffloadPolicy: weights, gradients and states stand in the host's memory."""
    everything = table.flag("training.enable_cpu_offload")
    return Offload(1.0 if everything else 0.0, everything)
