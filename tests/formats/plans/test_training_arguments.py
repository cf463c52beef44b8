from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.formats.plans.samples import load_json
from weighbridge.errors import InputError
from weighbridge.kernels import Loss, Norm, Pointwise, Rope
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.parallel.zero import Engine
from weighbridge.units import DATA_TYPES

ONE = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "max_length": 2048}


def test_the_whole_of_usual_arguments(tmp_path: Path) -> None:
    table = {
        **ONE,
        "output_dir": "out",
        "learning_rate": 1e-4,
        "bf16": True,
        "gradient_checkpointing": True,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "optim": "adamw_8bit",
        "attn_implementation": "flash_attention_2",
        "model_name_or_path": "Qwen/Qwen3-8B",
    }
    found = load_json(tmp_path, table)
    plan = found.plan
    assert (found.kind, found.model) == ("TrainingArguments", "Qwen/Qwen3-8B")
    assert (plan.micro_batch, plan.global_batch, plan.sequence) == (2, 64, 2048)
    assert (plan.framework.name, plan.zero.stage, plan.zero.engine) == ("hf-flash", 0, Engine.DDP)
    assert (plan.optimizer.name, plan.recompute) == ("adam8bit", Recompute(Method.UNIFORM))
    assert (plan.precision.compute.name, plan.precision.weights.name, plan.kernels.autocast) == ("bf16", "fp32", True)
    assert [line.partition(":")[0] for line in found.warnings] == ["dtype"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, ("fp32", "fp32")),
        ({"bf16": True}, ("bf16", "fp32")),
        ({"fp16": True}, ("fp16", "fp32")),
        ({"bf16": True, "dtype": "bfloat16"}, ("bf16", "bf16")),
        ({"torch_dtype": "torch.bfloat16"}, ("bf16", "bf16")),
        (
            {"bf16": True, "model_init_kwargs": {"torch_dtype": "bfloat16"}, "fsdp": "full_shard auto_wrap"},
            ("bf16", "fp32"),
        ),
    ],
)
def test_data_types(tmp_path: Path, table: dict[str, Any], expected: tuple[str, str]) -> None:
    precision = load_json(tmp_path, {**ONE, **table}).plan.precision
    assert (precision.compute.name, precision.weights.name) == expected


@pytest.mark.parametrize(
    ("table", "stage", "instances", "reshard"),
    [
        ({"fsdp": "full_shard auto_wrap"}, 3, 1, True),
        ({"fsdp": ["shard_grad_op", "auto_wrap"]}, 3, 1, False),
        ({"fsdp": "hybrid_shard auto_wrap"}, 3, 2, True),
        ({"fsdp": True, "fsdp_config": {"version": 2, "reshard_after_forward": False}}, 3, 1, False),
        ({"fsdp": True, "fsdp_config": {"fsdp_reshard_after_forward": "true"}}, 3, 1, True),
        ({"fsdp": "no_shard"}, 0, 1, True),
        ({"fsdp": []}, 0, 1, True),
        ({"fsdp": ""}, 0, 1, True),
    ],
)
def test_sharding(tmp_path: Path, table: dict[str, Any], stage: int, instances: int, reshard: bool) -> None:
    zero = load_json(tmp_path, {**ONE, **table}, 16).plan.zero
    assert (zero.stage, zero.instances, zero.reshard) == (stage, instances, reshard)


def test_fsdp_offloads_and_checkpoints(tmp_path: Path) -> None:
    config = {"transformer_layer_cls_to_wrap": ["Layer"], "activation_checkpointing": True}
    plan = load_json(tmp_path, {**ONE, "fsdp": "full_shard auto_wrap offload", "fsdp_config": config}).plan
    assert (plan.offload.optimizer, plan.offload.weights) == (1.0, True)
    assert plan.recompute.method is Method.UNIFORM


def test_liger(tmp_path: Path) -> None:
    kernels = load_json(tmp_path, {**ONE, "use_liger_kernel": True}).plan.kernels
    assert (kernels.norm, kernels.rope, kernels.pointwise) == (Norm.FUSED, Rope.FUSED, Pointwise.FUSED)
    assert kernels.loss is Loss.IN_PLACE
    some = {"use_liger_kernel": True, "liger_kernel_config": {"fused_linear_cross_entropy": False, "rope": False}}
    kernels = load_json(tmp_path, {**ONE, **some}).plan.kernels
    assert (kernels.rope, kernels.loss) == (Rope.EAGER, Loss.EAGER)


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("adamw_torch_fused", [None, None]),  # as the weights
        ("paged_adamw_32bit", ["fp32", "fp32"]),
        ("adamw_bnb_8bit", ["int8", "int8"]),
        ("adamw_torch_4bit", ["int4", "int4"]),
        ("lion_8bit", ["int8"]),
        ("adafactor", ["fp32"]),
        ("sgd", []),
    ],
)
def test_optimizers(tmp_path: Path, name: str, states: list[str | None]) -> None:
    plan = load_json(tmp_path, {**ONE, "optim": name}).plan
    assert [state.dtype and state.dtype.name for state in plan.optimizer.states] == states


def test_deepspeed_is_filled_from_the_arguments(tmp_path: Path) -> None:
    inside = {
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "bf16": {"enabled": "auto"},
        "fp16": {"enabled": "auto"},
        "zero_optimization": {"stage": 3, "stage3_prefetch_bucket_size": "auto"},
    }
    (tmp_path / "zero3.json").write_text(json.dumps(inside), "utf-8")
    for value in (inside, "zero3.json"):
        table = {**ONE, "bf16": True, "optim": "lion_32bit", "gradient_checkpointing": True, "deepspeed": value}
        found = load_json(tmp_path, table)
        plan = found.plan
        assert (plan.zero.stage, plan.zero.engine) == (3, Engine.DEEPSPEED)
        assert (plan.micro_batch, plan.global_batch, plan.sequence) == (2, 64, 2048)
        assert (plan.precision.weights, plan.optimizer.name) == (DATA_TYPES["bf16"], "lion")
        assert plan.recompute.method is Method.UNIFORM
        assert found.warnings == ()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"per_device_train_batch_size": 0}, "per_device_train_batch_size: got 0; allowed is 1"),
        ({"bf16": "true"}, 'bf16: got "true"; expected true or false'),
        ({"bf16": True, "fp16": True}, "fp16: cannot be used along with bf16"),
        ({"optim": "adamw_torch_fsued"}, "did you mean adamw_torch_fused?"),
        ({"fsdp": "ful_shard"}, 'fsdp: got "ful_shard"; allowed: full_shard'),
        ({"attn_implementation": "flsh"}, 'attn_implementation: got "flsh"; allowed: eager, sdpa'),
        ({"deepspeed": "nowhere.json"}, "deepspeed: nowhere.json cannot be read: No such file"),
        ({"deepspeed": 3}, "deepspeed: got 3; expected a table"),
        (
            {"deepspeed": {"zero_optimization": {"stage": 7}}},
            "deepspeed.zero_optimization.stage: got 7; allowed is 0 to 3",
        ),
        (
            {"deepspeed": {"gradient_accumulation_steps": 8}},
            "deepspeed.gradient_accumulation_steps: 8 differs from gradient_accumulation_steps = 4; give auto instead",
        ),
    ],
)
def test_values_that_cannot_be_used(tmp_path: Path, table: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_json(tmp_path, {**ONE, **table})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_keys_are_named_and_their_values_are_not(tmp_path: Path) -> None:
    found = load_json(tmp_path, {**ONE, "dtype": "bfloat16", "hub_tokn": "a secret"})
    assert found.warnings == ("hub_tokn: TrainingArguments has no such key; it is left out; did you mean hub_token?",)


def test_groups_of_accelerate(tmp_path: Path) -> None:
    groups = {"dp_replicate_size": 2, "dp_shard_size": 2, "tp_size": 2, "cp_size": 2}
    plan = load_json(tmp_path, {**ONE, "fsdp": True, "parallelism_config": groups}, None).plan
    assert (plan.gpus, plan.tensor, plan.context, plan.data) == (16, 2, 2, 4)
    assert (plan.zero.stage, plan.zero.instances) == (3, 2)
