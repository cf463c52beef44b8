from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.formats.plans.samples import load_json
from weighbridge.errors import InputError
from weighbridge.formats.plans import load_plan
from weighbridge.parallel.optimizer import OPTIMIZERS
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.parallel.zero import Engine
from weighbridge.units import DATA_TYPES

BF16, FP16, FP32 = (DATA_TYPES[name] for name in ("bf16", "fp16", "fp32"))
ONE = {"train_micro_batch_size_per_gpu": 1, "optimizer": {"type": "AdamW"}}


def test_the_whole_of_a_usual_configuration(tmp_path: Path) -> None:
    found = load_json(
        tmp_path,
        {
            "train_batch_size": 64,
            "train_micro_batch_size_per_gpu": 2,
            "gradient_accumulation_steps": 4,
            "gradient_clipping": 1.0,
            "bf16": {"enabled": True},
            "zero_optimization": {
                "stage": 3,
                "reduce_bucket_size": 2e8,
                "overlap_comm": True,
                "contiguous_gradients": True,
                "offload_param": {"device": "cpu", "pin_memory": True},
                "offload_optimizer": {"device": "nvme", "nvme_path": "/local"},
            },
            "optimizer": {"type": "AdamW", "params": {"lr": 1e-4}},
            "scheduler": {"type": "WarmupLR"},
        },
        gpus=8,
        sequence=2048,
    )
    plan = found.plan
    assert found.kind == "DeepSpeed"
    assert found.model is None
    assert (plan.gpus, plan.micro_batch, plan.global_batch, plan.sequence) == (8, 2, 64, 2048)
    assert (plan.zero.stage, plan.zero.engine, plan.zero.bucket) == (3, Engine.DEEPSPEED, 200_000_000)
    assert (plan.precision.weights, plan.precision.gradients, plan.precision.main) == (BF16, BF16, FP32)
    assert (plan.offload.optimizer, plan.offload.weights) == (1.0, True)
    assert plan.optimizer is OPTIMIZERS["adam"]
    assert found.warnings == ()
    assert not list(plan.problems())


@pytest.mark.parametrize(
    ("batch", "gpus", "expected"),
    [
        ({"train_batch_size": 32}, 8, (4, 32)),
        ({"train_batch_size": 32, "train_micro_batch_size_per_gpu": 2}, 8, (2, 32)),
        ({"train_batch_size": 32, "gradient_accumulation_steps": 2}, 8, (2, 32)),
        ({"train_micro_batch_size_per_gpu": 3, "gradient_accumulation_steps": 2}, 8, (3, 48)),
        ({"train_micro_batch_size_per_gpu": 3}, 8, (3, 24)),
        (
            {"train_batch_size": 32, "train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": 4},
            None,
            (2, 32),
        ),
    ],
)
def test_two_of_the_batch_sizes_give_the_third(
    tmp_path: Path, batch: dict[str, int], gpus: int | None, expected: tuple[int, int]
) -> None:
    plan = load_json(tmp_path, batch, gpus).plan
    assert (plan.micro_batch, plan.global_batch) == expected
    if gpus is None:
        assert plan.gpus == 4


def test_what_the_caller_says_fills_and_goes_before(tmp_path: Path) -> None:
    auto: dict[str, Any] = {
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "bf16": {"enabled": "auto"},
    }
    auto["zero_optimization"] = {"stage": 2, "reduce_bucket_size": "auto"}
    plan = load_json(tmp_path, auto, 4, micro_batch=3, hidden_size=1024, optimizer="lion", framework="hf-flash").plan
    assert (plan.micro_batch, plan.global_batch, plan.zero.bucket) == (3, 12, 1024**2)
    assert (plan.optimizer.name, plan.framework.name) == ("lion", "hf-flash")
    given = {"train_batch_size": 32, "train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": 4}
    plan = load_json(tmp_path, given, 4, micro_batch=4).plan
    assert (plan.micro_batch, plan.global_batch, plan.micro_batches) == (4, 32, 2)
    assert load_json(tmp_path, given, 4, global_batch=64).plan.micro_batches == 8


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"bf16": {"enabled": True}}, (BF16, BF16, BF16, FP32)),
        ({"bfloat16": {"enabled": True}}, (BF16, BF16, BF16, FP32)),
        ({"bf16": {"enabled": True}, "data_types": {"grad_accum_dtype": "fp32"}}, (BF16, BF16, FP32, FP32)),
        ({"fp16": {"enabled": True, "initial_scale_power": 12}}, (FP16, FP16, FP16, FP32)),
        ({"bf16": {"enabled": True, "bf16_master_weights_and_grads": True}}, (BF16, BF16, BF16, BF16)),
        ({}, (FP32, FP32, FP32, FP32)),
        ({"torch_autocast": {"enabled": True, "dtype": "bfloat16"}}, (BF16, FP32, FP32, FP32)),
    ],
)
def test_data_types(tmp_path: Path, table: dict[str, Any], expected: tuple[object, ...]) -> None:
    precision = load_json(tmp_path, {**ONE, "zero_optimization": {"stage": 1}, **table}).plan.precision
    assert (precision.compute, precision.weights, precision.gradients, precision.main) == expected


def test_without_zero_fp32_has_no_copy(tmp_path: Path) -> None:
    assert load_json(tmp_path, ONE).plan.precision.main is None


def test_groups_beside_data_parallelism(tmp_path: Path) -> None:
    table = {
        **ONE,
        "tensor_parallel": {"autotp_size": 2},
        "sequence_parallel_size": 2,
        "pipeline": {"stages": 2, "activation_checkpoint_interval": 2},
        "expert_parallel": {"enabled": True, "autoep_size": 4},
    }
    plan = load_json(tmp_path, table, 16).plan
    assert (plan.tensor, plan.context, plan.pipeline, plan.data) == (2, 2, 2, 2)
    assert (plan.expert, plan.expert_tensor) == (4, 1)
    assert plan.kernels.exchanges_heads
    assert plan.recompute == Recompute(Method.UNIFORM, 2)


def test_old_names(tmp_path: Path) -> None:
    assert load_json(tmp_path, {**ONE, "zero_optimization": True}).plan.zero.stage == 1
    old = {"stage": 2, "cpu_offload": True, "stage3_gather_fp16_weights_on_model_save": True}
    found = load_json(tmp_path, {**ONE, "zero_optimization": old}, sequence=1)
    assert found.plan.offload.optimizer == 1.0
    assert found.warnings == ()


def test_shards_smaller_than_all_ranks(tmp_path: Path) -> None:
    table = {**ONE, "zero_optimization": {"stage": 3, "mics_shard_size": 4}}
    assert load_json(tmp_path, table, 8).plan.zero.instances == 2


def test_checkpoints_on_the_host(tmp_path: Path) -> None:
    plan = load_json(tmp_path, {**ONE, "activation_checkpointing": {"cpu_checkpointing": True}}).plan
    assert plan.offload.activations == ("layers",)
    assert plan.recompute.method is Method.UNIFORM
    idle = {"partition_activations": False, "cpu_checkpointing": False}
    assert load_json(tmp_path, {**ONE, "activation_checkpointing": idle}).plan.recompute == Recompute()


def test_what_is_unknown_or_not_modelled_is_named(tmp_path: Path) -> None:
    table = {
        **ONE,
        "optimizer": {"type": "OneBitAdam"},
        "wall_clock_brakdown": True,
        "zero_optimization": {"stage": 3, "sub_group_size": 1e9, "stage3_max_live_parameters": 1e8, "bucket": 1},
    }
    found = load_json(tmp_path, table, sequence=1)
    assert found.warnings == (
        "wall_clock_brakdown: DeepSpeed has no such key; it is left out; did you mean wall_clock_breakdown?",
        "not modelled: zero_optimization.stage3_max_live_parameters = 100,000,000 bears on memory",
        "zero_optimization.bucket: DeepSpeed has no such key; it is left out; did you mean reduce_bucket_size?",
        'not modelled: optimizer.type = "OneBitAdam" bears on memory; taken as Adam; '
        "the buffers of its compressed communication are not modelled",
    )


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"zero_optimization": {"stage": 4}}, "zero_optimization.stage: got 4; allowed is 0 to 3"),
        ({"zero_optimization": {"stage": "3"}}, 'zero_optimization.stage: got "3"; expected a whole number'),
        ({"zero_optimization": 3}, "zero_optimization: got 3; expected a table"),
        ({"train_batch_size": 7}, "train_batch_size: 7 does not divide by train_micro_batch_size_per_gpu"),
        ({"train_batch_size": 64, "gradient_accumulation_steps": 2}, "64 is not train_micro_batch_size_per_gpu"),
        ({"bf16": {"enabled": 1}}, "bf16.enabled: got 1; expected true or false"),
        (
            {"bf16": {"enabled": True}, "fp16": {"enabled": True}},
            "fp16.enabled: cannot be used along with bf16.enabled",
        ),
        ({"optimizer": {"type": "Adm"}}, 'optimizer.type: got "Adm"; allowed: adam,'),
        ({"data_types": {"grad_accum_dtype": "fp8"}}, 'data_types.grad_accum_dtype: got "fp8"; allowed: fp32, fp16'),
        (
            {"zero_optimization": {"stage": 1, "offload_optimizer": {"device": "disk"}}},
            'offload_optimizer.device: got "disk"; allowed: none, cpu, nvme',
        ),
        ({"zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu", "ratio": 0.5}}}, "ratio: 0.5 needs"),
        ({"zero_optimization": {"reduce_bucket_size": float("nan")}}, "reduce_bucket_size: got nan; expected a whole"),
        (
            {"tensor_parallel": {"autotp_size": 3}},
            "gpus: 8 do not divide by tensor x pipeline x context = 3 x 1 x 1 = 3",
        ),
    ],
)
def test_values_that_cannot_be_used(tmp_path: Path, table: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_json(tmp_path, {**ONE, **table})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    table = {"train_batch_size": -1, "bf16": {"enabled": "yes"}, "zero_optimization": {"stage": 9}}
    with pytest.raises(InputError, match=r"train_batch_size: .*; .*zero_optimization.stage: .*; .*bf16.enabled: "):
        load_json(tmp_path, table)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    path.write_text('{"train_batch_size": 8, "zero_optimization": {"stage": 1, "stage": 2}}', "utf-8")
    with pytest.raises(InputError, match=r"^stage: given twice in one table$"):
        load_plan(path, 8)
