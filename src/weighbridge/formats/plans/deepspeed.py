"""DeepSpeed: a JSON configuration becomes a plan.

Sources: deepspeed/runtime/config.py (batch sizes, _set_batch_related_parameters), deepspeed/runtime/zero/config.py,
stage_1_and_2.py and stage3.py (copies and buffers), deepspeed/runtime/engine.py (get_data_types, _configure_optimizer).
Its values "auto" are filled by what starts the run: here by the caller's options, or by TrainingArguments
(transformers/integrations/deepspeed.py, trainer_config_process).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from weighbridge.formats.plans import optimizers
from weighbridge.formats.plans.deepspeed_keys import KEYS
from weighbridge.formats.plans.options import Options, Read, world
from weighbridge.formats.plans.table import Table
from weighbridge.kernels import Kernels
from weighbridge.nn.problems import multiples
from weighbridge.parallel.optimizer import Optimizer
from weighbridge.parallel.plan import Offload, Plan
from weighbridge.parallel.precision import Precision, mixed
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.parallel.zero import Engine, Zero
from weighbridge.units import DATA_TYPES, FP32

MOST_ELEMENTS = 10**13
"""More parameters than any model has."""

DTYPES = {"fp32": "fp32", "fp16": "fp16", "bf16": "bf16", "float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
DTYPES |= {f"torch.{name}": dtype for name, dtype in DTYPES.items() if name.endswith(("32", "16")) and len(name) > 4}
"""Names of data types (deepspeed/runtime/config.py, DtypeEnum)."""


CALLED: dict[str, str | tuple[str, ...]] = {
    "tensor": ("tensor_parallel.autotp_size", "tensor_parallel.tp.tp_size"),
    "pipeline": "pipeline.stages",
    "stages": "pipeline.stages",
    "context": "sequence_parallel_size",
    "expert": "expert_parallel.autoep_size",
    "expert_tensor": "expert_parallel.expert_tensor_parallel_size",
    "micro_batch": "train_micro_batch_size_per_gpu",
    "global_batch": "train_batch_size",
    "micro_batches": "gradient_accumulation_steps",
    "zero": "zero_optimization.stage",
    "precision": "bf16 or fp16",
    "optimizer": "optimizer.type",
    "recompute": "activation_checkpointing",
    "offload_optimizer": "zero_optimization.offload_optimizer",
    "offload_weights": "zero_optimization.offload_param",
}
"""What the file calls fields of the plan, where a problem of the plan is said; after a newer name the older ones."""


@dataclass(frozen=True)
class Hints:
    """What a launcher fills in for "auto".

    Attributes:
        micro_batch: sequences of one rank and one forward pass.
        accumulation: micro-batches of one step.
        precision: bf16, fp16 or fp32.
        optimizer: the optimizer that it brings where the configuration names none.
        recompute: what it recomputes.
    """

    micro_batch: int | None = None
    accumulation: int | None = None
    precision: str | None = None
    optimizer: Optimizer | None = None
    recompute: Recompute | None = None


def read(raw: Mapping[str, Any], options: Options, hints: Hints | None = None, place: str = "", **own: Any) -> Read:
    """The plan of a configuration.

    Args:
        raw: its contents.
        options: what the caller says.
        hints: what a launcher fills in.
        place: where the configuration stands in a larger file, for messages.
        **own: fields of the plan that the larger file sets.

    Raises:
        InputError: one line with everything that is wrong.
    """
    table = Table("DeepSpeed", _renamed(raw), KEYS, place)
    filled = hints or Hints()
    degrees = _degrees(table, options)
    micro, total, ranks = _batches(table, options, filled, degrees)
    zero = _zero(table, options, ranks // max(_model_ranks(degrees) // (degrees["context"] or 1), 1))
    chosen = options.framework("hf-sdpa")
    precision, kernels = _precision(table, filled, zero, own.pop("kernels", chosen.kernels))
    fields: dict[str, Any] = {
        **degrees,
        "gpus": ranks,
        "micro_batch": micro,
        "global_batch": total,
        "zero": zero,
        "precision": precision,
        "optimizer": _optimizer(table, filled),
        "recompute": _recompute(table, filled, degrees["tensor"] or 1),
        "offload": _offload(table, zero.stage),
        "kernels": replace(kernels, exchanges_heads=(degrees["context"] or 1) > 1),
    }
    if "sequence" not in own and "sequence" not in options.fields:
        table.note("sequence", f"DeepSpeed's configuration does not say; taken as {Plan.sequence:,} tokens")
    table.check()
    return Read(options.plan(chosen, **(fields | own)), None, tuple(table.warnings))


def _renamed(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Old names by their new ones, and ``"zero_optimization": true``, which meant stage 1."""
    found = {("bf16" if key == "bfloat16" and "bf16" not in raw else key): value for key, value in raw.items()}
    if isinstance(found.get("zero_optimization"), bool):
        found["zero_optimization"] = {"stage": int(found["zero_optimization"])}
    return found


def _degrees(table: Table, options: Options) -> dict[str, int | None]:
    """Sizes of the parallel groups. AutoTP takes 0 for none."""
    tensor = table.first("tensor_parallel.autotp_size", "tensor_parallel.tp.tp_size")
    expert = table.flag("expert_parallel.enabled")
    inside = table.size("expert_parallel.expert_tensor_parallel_size") if expert else None
    said: dict[str, int | None] = {
        "tensor": table.integer(tensor, 1, least=0) or 1,
        "pipeline": table.integer("pipeline.stages", 1),
        "context": table.integer("sequence_parallel_size", 1),
        "expert": table.integer("expert_parallel.autoep_size", 1) if expert else 1,
        "expert_tensor": (inside or 1) if expert else None,
    }
    return {name: options.get(name, size) for name, size in said.items()}


def _model_ranks(degrees: Mapping[str, int | None]) -> int:
    """Ranks that share one replica's batch."""
    return (degrees["tensor"] or 1) * (degrees["pipeline"] or 1) * (degrees["context"] or 1)


BATCH = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps")


def _batches(table: Table, options: Options, hints: Hints, degrees: Mapping[str, int | None]) -> tuple[int, int, int]:
    """Micro-batch, global batch and ranks: any two of DeepSpeed's three sizes give the third.

    What the caller says goes before the file; a size of the file that then contradicts it gives way.
    """
    total, micro, steps = (table.size(name) for name in BATCH)
    micro = options.get("micro_batch", micro if micro is not None else hints.micro_batch)
    if options.get("global_batch", None) is not None:
        total, steps = options.get("global_batch", None), None
    elif "micro_batch" in options.fields and total is not None:
        steps = None
    if steps is None and total is None:
        steps = hints.accumulation
    model = _model_ranks(degrees)
    implied = None
    if total is not None and micro is not None and steps is not None and total % (micro * steps) == 0:
        implied = total // (micro * steps) * model
    ranks = world(table, options, degrees, implied)
    data = max(ranks // model, 1)
    if micro is None:
        micro = _micro(table, total, steps, data)
    elif total is not None:
        _agree(table, total, micro, steps, data)
    return micro, micro * (steps or 1) * data if total is None else total, ranks


def _agree(table: Table, total: int, micro: int, steps: int | None, data: int) -> None:
    """What DeepSpeed asserts of the three sizes (_batch_assertion)."""
    if steps is not None and total != micro * steps * data:
        words = " x ".join((BATCH[1], BATCH[2], "data parallel size"))
        table.problem(
            BATCH[0], f"{total:,} is not {words} = {micro:,} x {steps:,} x {data:,} = {micro * steps * data:,}"
        )
    elif total % (micro * data):
        near = multiples(total, micro * data)
        words = f"{BATCH[1]} x data parallel size = {micro:,} x {data:,}"
        table.problem(BATCH[0], f"{total:,} does not divide by {words}; nearest that do: {near}")


def _micro(table: Table, total: int | None, steps: int | None, data: int) -> int:
    """The micro-batch that the other sizes leave; 1, with a warning, where they are open too."""
    if total is not None:
        each, rest = divmod(total, (steps or 1) * data)
        if rest or not each:
            words = "gradient_accumulation_steps x data parallel size"
            table.problem(BATCH[0], f"{total:,} does not divide by {words} = {steps or 1:,} x {data:,}")
        return max(each, 1)
    if not table.problems:
        table.note(
            BATCH[1], f"{'auto, and the caller does not say' if table.says_auto(BATCH[1]) else 'missing'}; taken as 1"
        )
    return 1


def _zero(table: Table, options: Options, ranks: int) -> Zero:
    """How states are spread. ``ranks`` hold the same weights (sequence parallel ranks among them)."""
    section = "zero_optimization"
    table.table(section)
    stage = table.integer(f"{section}.stage", 0, least=0, most=3)
    bucket = _bucket(table, options, "reduce_bucket_size")
    gather = _bucket(table, options, "allgather_bucket_size")
    if gather != bucket and stage in (1, 2):
        table.unmodelled(f"{section}.allgather_bucket_size", gather, instead="taken as the reduce bucket")
    if table.flag(f"{section}.overlap_comm", stage == 3) != (stage == 3):  # its default; two buckets instead of one
        table.unmodelled(f"{section}.overlap_comm", stage != 3)
    instances, shard = 1, table.integer(f"{section}.mics_shard_size", -1, least=-1)
    if shard > 0 and stage == 3:
        if ranks % shard:
            table.problem(f"{section}.mics_shard_size", f"{shard:,} does not divide the {ranks:,} data parallel ranks")
        instances = max(ranks // shard, 1)
    return Zero(stage, Engine.DEEPSPEED, instances, bucket=bucket, average_in_fp32=_reduces_in_fp32(table))


def _bucket(table: Table, options: Options, key: str) -> int:
    """Elements of a bucket; Hugging Face's "auto" of the reduce bucket is the square of the hidden size."""
    path = f"zero_optimization.{key}"
    if not table.says_auto(path):
        return table.integer(path, Zero.bucket, least=0, most=MOST_ELEMENTS)
    if key == "reduce_bucket_size" and options.hidden_size:
        return options.hidden_size**2
    why = "auto, which follows from the model's hidden size" if key == "reduce_bucket_size" else "auto"
    table.note(path, f"{why}; taken as DeepSpeed's default of {Zero.bucket:,}")
    return Zero.bucket


def _reduces_in_fp32(table: Table) -> bool:
    """Whether gradients are reduced in fp32; by default in the model's type (engine.py, communication_data_type)."""
    said = table.word("communication_data_type", DTYPES, "")
    low = table.flag("bf16.enabled") or table.flag("fp16.enabled") or _low_by_default(table)
    return DTYPES[said] == "fp32" if said else not low


def _low_by_default(table: Table) -> bool:
    return table.says_auto("bf16.enabled") or table.says_auto("fp16.enabled")


def _precision(table: Table, hints: Hints, zero: Zero, kernels: Kernels) -> tuple[Precision, Kernels]:
    """Data types, and kernels that cast where torch.autocast does. ZeRO's optimizers update copies of the weights in
    fp32, of fp32 weights too (stage_1_and_2.py, single_partition_of_fp32_groups).
    """
    bf16, fp16 = table.flag("bf16.enabled"), table.flag("fp16.enabled")
    if bf16 and fp16:
        table.problem("fp16.enabled", "cannot be used along with bf16.enabled")
    name = "bf16" if bf16 else "fp16" if fp16 else _auto(table, hints)
    main = FP32 if zero.stage or name != "fp32" else None
    said = DTYPES[table.word("data_types.grad_accum_dtype", DTYPES, name)]
    if name == "fp32":
        if table.flag("torch_autocast.enabled"):
            low = DTYPES[table.word("torch_autocast.dtype", DTYPES, "bf16")]
            return Precision(DATA_TYPES[low], FP32, DATA_TYPES[said], main), replace(kernels, autocast=True)
        return Precision(FP32, FP32, DATA_TYPES[said], main), kernels
    if table.flag(f"{name}.{name}_master_weights_and_grads"):
        main = DATA_TYPES[name]
        if not zero.stage:
            table.problem(f"{name}.{name}_master_weights_and_grads", "needs zero_optimization.stage 1, 2 or 3")
    if said != name and not zero.stage:
        why = f"{said} along with {name} weights needs zero_optimization.stage 1, 2 or 3"
        table.problem("data_types.grad_accum_dtype", why)
    return replace(mixed(name), gradients=DATA_TYPES[said], main=main, main_gradients=False), kernels


def _auto(table: Table, hints: Hints) -> str:
    """The type where neither is switched on: what the launcher says for "auto", else fp32."""
    autos = [name for name in ("bf16", "fp16") if table.says_auto(f"{name}.enabled")]
    if not autos:
        return "fp32"
    if hints.precision is not None:
        return hints.precision if hints.precision in autos else "fp32"
    table.note(f"{autos[0]}.enabled", f"auto, and the caller does not say; taken as {autos[0]}")
    return autos[0]


def _optimizer(table: Table, hints: Hints) -> Optimizer:
    """Whose states are held; beside main parameters in 16 bits in fp32, unless bf16.bf16_optimizer_states."""
    if not table.has("optimizer.type") and hints.optimizer is not None:
        found = hints.optimizer
    else:
        if not table.has("optimizer.type"):
            table.note("optimizer", "none is named; taken as Adam")
        found = optimizers.chosen(table, "optimizer.type", optimizers.DEEPSPEED)
    momentum = table.value("optimizer.params.momentum")
    if found.name == "sgd" and isinstance(momentum, int | float) and momentum:
        found = optimizers.named("momentum")
    low = table.flag("bf16.bf16_master_weights_and_grads")
    if table.flag("bf16.bf16_optimizer_states"):
        if not low:
            table.problem("bf16.bf16_optimizer_states", "needs bf16.bf16_master_weights_and_grads")
        return found
    return optimizers.in_dtype(found, "fp32") if low else found


DEVICES = ("none", "cpu", "nvme")


def _offload(table: Table, stage: int) -> Offload:
    """What stands in the host's memory; NVMe and the host are the same to the device."""
    optimizer, param = (f"zero_optimization.offload_{what}" for what in ("optimizer", "param"))
    share = 0.0
    if table.table(optimizer) and table.word(f"{optimizer}.device", DEVICES, "none") != "none":
        share = table.share(f"{optimizer}.ratio", 1.0)
        if share < 1 and stage != 3:
            table.problem(f"{optimizer}.ratio", f"{share:g} needs zero_optimization.stage 3; allowed: 1")
    elif table.flag("zero_optimization.cpu_offload"):
        share = 1.0
    if share and not stage:
        table.problem(optimizer, "needs zero_optimization.stage 1, 2 or 3")
    old = table.first("zero_optimization.cpu_offload_params", "zero_optimization.cpu_offload_param")
    weights = table.flag(old)
    if table.table(param):
        weights = table.word(f"{param}.device", DEVICES, "none") != "none"
    if weights and stage != 3:
        table.note(param, "works with zero_optimization.stage 3 only; it is left out")
    kept = ("layers",) if table.flag("activation_checkpointing.cpu_checkpointing") else ()
    return Offload(share, weights and stage == 3, kept)


def _recompute(table: Table, hints: Hints, tensor: int) -> Recompute:
    """What runs again. The section only says how checkpoints are stored: the model calls for them, so that a section
    that says anything is taken for a checkpoint of every layer.
    """
    section = "activation_checkpointing"
    interval = table.integer("pipeline.activation_checkpoint_interval", 0, least=0)
    flags = [table.flag(f"{section}.{key}") for key in ("partition_activations", "cpu_checkpointing")]
    contiguous = table.flag(f"{section}.contiguous_memory_optimization")
    if flags[0] and tensor > 1:
        table.unmodelled(f"{section}.partition_activations", True)
    count = table.size(f"{section}.number_checkpoints")
    if interval:
        return Recompute(Method.UNIFORM, interval)
    if any(flags) or contiguous or count:
        if hints.recompute is None:
            table.note(section, "the model decides what is checkpointed; taken as every layer")
        return Recompute(Method.UNIFORM)
    return hints.recompute or Recompute()
