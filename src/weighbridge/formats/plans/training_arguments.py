"""Hugging Face: the JSON of TrainingArguments (or of TRL's SFTConfig) becomes a plan.

Sources: transformers/training_args.py (__post_init__, _process_fsdp_args), transformers/trainer.py,
transformers/integrations/deepspeed.py (trainer_config_process), accelerate/utils/dataclasses.py, TRL's
trl/trainer/sft_config.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from weighbridge.errors import InputError, given
from weighbridge.formats import door
from weighbridge.formats.files import read_json
from weighbridge.formats.plans import deepspeed, optimizers
from weighbridge.formats.plans.options import Options, Read, world
from weighbridge.formats.plans.table import Table
from weighbridge.formats.plans.trainer_keys import KEYS
from weighbridge.kernels import Kernels, Loss, Norm, Pointwise, Rope
from weighbridge.parallel.framework import Framework
from weighbridge.parallel.optimizer import Optimizer
from weighbridge.parallel.plan import Offload, Plan
from weighbridge.parallel.precision import Precision, pure, single, stored_in_fp32
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.parallel.zero import Engine, Zero
from weighbridge.units import DATA_TYPES

NODE = 8
"""Ranks of a node, over which FSDP's hybrid sharding divides weights."""

LENGTHS = ("max_length", "max_seq_length", "max_seq_len", "block_size", "model_max_length")

ATTENTION = {
    "eager": "hf-eager",
    "sdpa": "hf-sdpa",
    "flash_attention_2": "hf-flash",
    "flash_attention_3": "hf-flash",
    "flash_attention_4": "hf-flash",
    "flex_attention": "hf-sdpa",
}
"""Names that ``attn_implementation`` takes, and the frameworks that they mean."""

DTYPES = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16", "auto": "auto"}
STRATEGIES = ("full_shard", "shard_grad_op", "no_shard", "hybrid_shard", "hybrid_shard_zero2")
"""Sharding strategies of FSDP (accelerate/utils/constants.py, FSDP_SHARDING_STRATEGY)."""


CALLED: dict[str, str | tuple[str, ...]] = {
    "tensor": "parallelism_config.tp_size",
    "context": "parallelism_config.cp_size",
    "micro_batch": ("per_device_train_batch_size", "per_gpu_train_batch_size"),
    "micro_batches": "gradient_accumulation_steps",
    "global_batch": "per_device_train_batch_size x gradient_accumulation_steps",
    "sequence": ("max_length", "max_seq_length", "max_seq_len", "block_size", "model_max_length"),
    "zero": "fsdp or deepspeed",
    "replicas": "parallelism_config.dp_replicate_size",
    "precision": "bf16 or fp16",
    "optimizer": "optim",
    "recompute": "gradient_checkpointing",
    "offload_weights": "fsdp",
    "offload_optimizer": "fsdp or deepspeed",
}
"""What the file calls fields of the plan, where a problem of the plan is said; after a newer name the older ones."""


def read(raw: Mapping[str, Any], options: Options, folder: Path | None = None) -> Read:
    """The plan of training arguments.

    Args:
        raw: their contents.
        options: what the caller says.
        folder: where the file stands, from which paths in it are followed.

    Raises:
        InputError: one line with everything that is wrong.
    """
    table = Table("TrainingArguments", raw, KEYS)
    chosen = options.framework(_framework(table))
    own: dict[str, Any] = {"kernels": _kernels(table, chosen), "sequence": _sequence(table, options)}
    model = table.text(table.first("model_name_or_path", "model", "_name_or_path", "model_id"))
    optimizer = _optimizer(table)
    if table.has("deepspeed"):
        found = _deepspeed(table, options, chosen, optimizer, own, folder)
        return Read(found.plan, model, (*table.warnings, *found.warnings))
    plan = _plan(table, options, chosen, own | {"optimizer": optimizer})
    table.check()
    return Read(plan, model, tuple(table.warnings))


def _plan(table: Table, options: Options, chosen: Framework, own: Mapping[str, Any]) -> Plan:
    """The plan under FSDP or DistributedDataParallel."""
    degrees = _degrees(table, options)
    ranks = world(table, options, degrees, _implied(table, degrees))
    data = max(ranks // ((degrees["tensor"] or 1) * (degrees["context"] or 1)), 1)
    strategy = _strategy(table)
    steps = table.integer("gradient_accumulation_steps", 1)
    micro = options.get("micro_batch", _micro(table) or 8)
    precision, kernels = _precision(table, strategy is not None, own["kernels"])
    fields: dict[str, Any] = {
        **own,
        **degrees,
        "gpus": ranks,
        "micro_batch": micro,
        "global_batch": micro * steps * data,
        "zero": _zero(table, strategy, data * (degrees["context"] or 1)),
        "precision": precision,
        "recompute": _recompute(table),
        "offload": _offload(table, strategy),
        "kernels": replace(kernels, exchanges_heads=table.integer("parallelism_config.sp_size", 1) > 1),
    }
    return options.plan(chosen, **fields)


def _micro(table: Table) -> int | None:
    return table.size(table.first("per_device_train_batch_size", "per_gpu_train_batch_size"))


def _framework(table: Table) -> str:
    """Whose attention runs; transformers takes SDPA where nothing is said."""
    path = table.first("attn_implementation", "_attn_implementation", "model_init_kwargs.attn_implementation")
    text = table.text(path)
    if text is not None and ("flash" in text and "/" in text):
        return "hf-flash"  # kernels-community/flash-attn and its like
    name = table.word(path, ATTENTION, "sdpa")
    if name == "flex_attention":
        table.unmodelled(path, name, instead="taken as SDPA")
    return ATTENTION[name]


def _kernels(table: Table, chosen: Framework) -> Kernels:
    """Kernels that Liger or torch.compile put in the place of transformers' own."""
    kernels = chosen.kernels
    if table.flag("torch_compile"):
        table.unmodelled("torch_compile", True, instead="pointwise operations and normalisations are taken as fused")
        kernels = replace(kernels, pointwise=Pointwise.FUSED, norm=Norm.FUSED, compiled=True)
    if not table.flag(table.first("use_liger_kernel", "use_liger")):
        return kernels
    on = {part: table.flag(f"liger_kernel_config.{part}", default) for part, default in _LIGER.items()}
    if on["fused_linear_cross_entropy"] or on["cross_entropy"]:
        kernels = replace(kernels, loss=Loss.IN_PLACE)
    if on["fused_linear_cross_entropy"]:
        path = table.first("use_liger_kernel", "use_liger")
        table.unmodelled(path, True, instead="its loss, which makes logits in chunks, is taken as one in place")
    return replace(
        kernels,
        norm=Norm.FUSED if on["rms_norm"] else kernels.norm,
        rope=Rope.FUSED if on["rope"] else kernels.rope,
        pointwise=Pointwise.FUSED if on["swiglu"] else kernels.pointwise,
    )


_LIGER = {"rope": True, "swiglu": True, "rms_norm": True, "cross_entropy": False, "fused_linear_cross_entropy": True}
"""What Liger replaces by default (liger_kernel/transformers/monkey_patch.py)."""


def _sequence(table: Table, options: Options) -> int:
    """Tokens per sequence, which only TRL's arguments say."""
    path = table.first(*LENGTHS)
    found = table.size(path)
    if found is None and "sequence" not in options.fields:
        table.note("max_length", f"missing; sequences taken as {Plan.sequence:,} tokens")
    return Plan.sequence if found is None else found


def _optimizer(table: Table) -> Optimizer:
    """Whose states are held."""
    if table.flag("adafactor") and not table.has("optim"):
        return optimizers.named("adafactor")
    found = optimizers.chosen(table, "optim", optimizers.TRAINER)
    text = table.text("optim") if isinstance(table.value("optim"), str) else None
    if text and text.startswith("paged_"):
        table.unmodelled("optim", text, instead="its states are taken as kept on the device")
    return found


def _recompute(table: Table) -> Recompute:
    """Gradient checkpointing runs every decoder layer again (transformers/modeling_layers.py)."""
    flags = ("gradient_checkpointing", "activation_checkpointing")
    sharded = table.first("fsdp_config.activation_checkpointing", "fsdp_config.fsdp_activation_checkpointing")
    on = [table.flag(name) for name in flags]
    if any(on) or (table.has("fsdp_config") and _loose(table, sharded)):
        return Recompute(Method.UNIFORM)
    return Recompute()


def _loose(table: Table, path: str) -> bool:
    """A yes or no, which ``fsdp_config`` may hold as a word."""
    value = table.value(path)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return table.flag(path)


def _low(table: Table) -> str | None:
    """The 16-bit type of mixed precision."""
    bf16, fp16 = table.flag("bf16"), table.flag("fp16")
    if bf16 and fp16:
        table.problem("fp16", "cannot be used along with bf16")
    return "bf16" if bf16 else "fp16" if fp16 else None


def _precision(table: Table, sharded: bool, kernels: Kernels) -> tuple[Precision, Kernels]:
    """Data types: torch.autocast over weights as they were loaded; FSDP casts weights of 16 bits up before it shards
    them (accelerate/accelerator.py, prepare_model).
    """
    low = _low(table)
    path = table.first("dtype", "torch_dtype", "model_init_kwargs.dtype", "model_init_kwargs.torch_dtype")
    text = table.text(path)
    said = (
        table.word(path, (*DTYPES, *(f"torch.{name}" for name in DTYPES if name != "auto")), "auto") if text else "auto"
    )
    stored = DTYPES[said.removeprefix("torch.")]
    if stored == "auto":
        stored = "fp32"
        if not (sharded and low):
            table.note("dtype", 'missing; weights taken as loaded in fp32 (give dtype, such as "bfloat16", where not)')
    if low and (sharded or stored == "fp32"):
        return stored_in_fp32(low), kernels if sharded else replace(kernels, autocast=True)
    if low is None:
        return (single() if stored == "fp32" else pure(stored)), kernels
    return replace(pure(stored), compute=DATA_TYPES[low]), kernels


def _degrees(table: Table, options: Options) -> dict[str, int | None]:
    """Sizes of the parallel groups (accelerate/parallelism_config.py)."""
    if not isinstance(table.value("parallelism_config"), str):
        table.table("parallelism_config")
    section = "parallelism_config"
    context = table.integer(f"{section}.cp_size", 1) * table.integer(f"{section}.sp_size", 1)
    said = {"tensor": table.integer(f"{section}.tp_size", 1), "context": context}
    fixed = {name: options.get(name, 1) for name in ("pipeline", "expert")}
    return {name: options.get(name, size) for name, size in said.items()} | fixed


def _implied(table: Table, degrees: Mapping[str, int | None]) -> int | None:
    """Ranks that follow from the sizes of accelerate's groups, where it spreads data over several."""
    data = 1
    for name in ("dp_replicate_size", "dp_shard_size"):
        data *= table.integer(f"parallelism_config.{name}", 1)
    return data * (degrees["tensor"] or 1) * (degrees["context"] or 1) if data > 1 else None


def _strategy(table: Table) -> str | None:
    """FSDP's sharding strategy; ``None`` without FSDP. ``fsdp`` is true, or words (transformers before 5)."""
    value = table.value("fsdp")
    if isinstance(value, bool) or value is None or value in ("", []):
        words: tuple[str, ...] = ()
        on = bool(value)
    else:
        words = tuple(value.replace(",", " ").split()) if isinstance(value, str) else table.words("fsdp")
        on = bool(words) and words != ("False",)
    if not on and table.integer("parallelism_config.dp_shard_size", 1) == 1:
        return None
    known = (*STRATEGIES, "offload", "auto_wrap", "true", "True")
    for word in words:
        if word not in known:
            table.problem("fsdp", f"got {given(word)}; allowed: {', '.join(known[:-2])}")
    if words and "auto_wrap" not in words and not table.table("fsdp_config"):
        table.unmodelled("fsdp", " ".join(words), instead="without auto_wrap; layers are taken as wrapped one by one")
    named = next((word for word in words if word in STRATEGIES), None)
    return named or _configured(table)


def _configured(table: Table) -> str:
    """The strategy that ``fsdp_config`` says: a name, or whether weights are freed after the forward pass."""
    section = "fsdp_config"
    path = table.first(
        *(
            f"{section}.{prefix}{key}"
            for key in ("reshard_after_forward", "sharding_strategy")
            for prefix in ("", "fsdp_")
        )
    )
    value = table.value(path)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        value = value.lower() == "true"
    if isinstance(value, bool):
        return "full_shard" if value else "shard_grad_op"
    if isinstance(value, str) and value.lower() in STRATEGIES:
        return value.lower()
    if value is not None:
        table.problem(path, f"got {given(value)}; allowed: true, false, {', '.join(STRATEGIES)}")
    return "full_shard"


def _zero(table: Table, strategy: str | None, ranks: int) -> Zero:
    """How states are spread. Between steps shard_grad_op's weights are sharded too; they are not freed in between."""
    if strategy is None or strategy == "no_shard":
        return Zero(0, Engine.DDP)
    replicas = table.integer("parallelism_config.dp_replicate_size", 1)
    if strategy.startswith("hybrid") and replicas == 1:
        replicas = max(ranks // NODE, 1)
        table.note("fsdp", f"{strategy} shards within a node, taken as {min(NODE, ranks)} of the {ranks:,} ranks")
    if ranks % replicas:
        table.problem("parallelism_config.dp_replicate_size", f"{replicas:,} does not divide the {ranks:,} ranks")
    return Zero(3, Engine.FSDP2, replicas, reshard=strategy in ("full_shard", "hybrid_shard"))


def _offload(table: Table, strategy: str | None) -> Offload:
    """FSDP's offload of weights, gradients and states."""
    value = table.value("fsdp")
    words = value if isinstance(value, str) else " ".join(table.words("fsdp")) if isinstance(value, list) else ""
    path = table.first(
        *(f"fsdp_config.{prefix}{key}" for key in ("cpu_offload", "offload_params") for prefix in ("", "fsdp_"))
    )
    on = "offload" in words.replace(",", " ").split() or _loose(table, path)
    return Offload(1.0, True) if on and strategy is not None else Offload()


def _deepspeed(
    table: Table, options: Options, chosen: Framework, optimizer: Optimizer, own: Mapping[str, Any], folder: Path | None
) -> Read:
    """The plan under DeepSpeed, whose "auto" values these arguments fill."""
    value = table.value("deepspeed")
    if isinstance(value, str):
        value = _file(value, folder)
    inside = table.table("deepspeed") if not isinstance(value, Mapping) else value
    _matches(table, inside)
    recompute = _recompute(table)
    hints = deepspeed.Hints(
        _micro(table) or 8,
        table.integer("gradient_accumulation_steps", 1),
        _low(table) or "fp32",
        optimizer,
        recompute,
    )
    table.check()
    named = Options(options.gpus, {"framework": chosen, **options.fields}, options.hidden_size, options.layers)
    return deepspeed.read(inside, named, hints, "deepspeed.", **own)


def _matches(table: Table, inside: Mapping[str, Any]) -> None:
    """What both files say must be the same, as transformers demands (trainer_config_process)."""
    pairs = {
        "train_micro_batch_size_per_gpu": table.first("per_device_train_batch_size", "per_gpu_train_batch_size"),
        "gradient_accumulation_steps": "gradient_accumulation_steps",
    }
    for key, path in pairs.items():
        theirs, own = inside.get(key), table.value(path)
        if type(theirs) is int and type(own) is int and theirs != own:
            table.problem(f"deepspeed.{key}", f"{theirs:,} differs from {path} = {own:,}; give auto instead")
    for name in ("bf16", "fp16"):
        section = inside.get(name)
        theirs = section.get("enabled") if isinstance(section, Mapping) else None
        if isinstance(theirs, bool) and table.has(name) and theirs != table.flag(name):
            own = given(table.flag(name))
            table.problem(
                f"deepspeed.{name}.enabled", f"{given(theirs)} differs from {name} = {own}; give auto instead"
            )


def _file(text: str, folder: Path | None) -> Mapping[str, Any]:
    """The configuration at a path, which may stand beside the arguments.

    Raises:
        InputError: if it cannot be read.
    """
    if "\0" in text:
        raise InputError(f"deepspeed: got {given(text)}; expected a path or a table")
    try:
        beside = None if folder is None else folder / text
        path = beside if beside is not None and door.exists(beside) else door.path_of(text)
    except (OSError, RuntimeError):
        path = Path(text)
    try:
        return read_json(path)
    except InputError as error:
        raise type(error)(f"deepspeed: {error}") from None
