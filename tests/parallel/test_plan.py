"""Plans: derived sizes, and every problem at once in words."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge import load
from weighbridge.errors import InputError
from weighbridge.estimate.training import train
from weighbridge.parallel.framework import FRAMEWORKS, framework
from weighbridge.parallel.optimizer import OPTIMIZERS, optimizer
from weighbridge.parallel.plan import Offload, Plan
from weighbridge.parallel.precision import Precision, Recipe, mixed, pure, single, stored_in_fp32
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.parallel.schedule import Schedule
from weighbridge.parallel.zero import Engine, Zero

GPT2 = load("gpt2")


def stage(**plan: Any) -> Any:
    return train(GPT2, Plan.under(**({"gpus": 8, "sequence": 128} | plan))).stages[0]


def test_derived_sizes() -> None:
    plan = Plan(gpus=64, tensor=4, pipeline=2, context=2, expert=8, expert_tensor=1, global_batch=32, micro_batch=2)
    assert (plan.data, plan.data_ranks, plan.expert_data_ranks, plan.micro_batches) == (4, 8, 4, 4)
    assert Plan(gpus=8, tensor=2).inside_experts == 2
    assert Plan(gpus=8, pipeline=4).micro_batches == 4
    assert Plan(gpus=8, pipeline=4).order is Schedule.ONE_F_ONE_B
    assert Plan(gpus=8, pipeline=4, virtual=2).order is Schedule.INTERLEAVED


@pytest.mark.parametrize(
    ("plan", "field", "words"),
    [
        ({"gpus": 6, "tensor": 4}, "gpus", "6 do not divide by tensor x pipeline x context = 4 x 1 x 1 = 4"),
        ({"tensor": 0}, "tensor", "0 is less than 1"),
        ({"gpus": 8, "expert": 3}, "gpus", "8 do not divide by expert_tensor x expert x pipeline = 1 x 3 x 1 = 3"),
        ({"gpus": 8, "global_batch": 12}, "global_batch", "12 does not divide by micro_batch x data = 1 x 8"),
        ({"gpus": 2, "context": 2, "sequence": 6}, "sequence", "6 tokens do not divide by 2 x context = 4"),
        ({"gpus": 4, "pipeline": 4, "virtual": 2, "global_batch": 2}, "micro_batches", "2"),
    ],
)
def test_a_problem_names_its_field_and_what_is_wrong(plan: dict[str, Any], field: str, words: str) -> None:
    found = list(Plan(**plan).problems())
    assert any(name == field and words in text for name, text in found), found


def test_a_sound_plan_has_no_problems() -> None:
    assert not list(Plan(gpus=64, tensor=8, pipeline=4, global_batch=64, sequence_parallel=True).problems())


@given(st.sampled_from([1, 2, 4, 8]), st.sampled_from(list(FRAMEWORKS)))
def test_more_sharding_never_holds_more(gpus: int, name: str) -> None:
    held = []
    for number in (0, 1, 2, 3):
        states = stage(gpus=gpus, name=name, zero=Zero(number), precision=FRAMEWORKS[name].precision).states
        held.append(states.weights + states.gradients + states.main + states.optimizer)
    assert all(more <= fewer + 2**22 for fewer, more in pairwise(held))  # blocks of 2 MiB are rounded one by one
    if gpus == 1:
        assert max(held) < 1.01 * min(held)


@pytest.mark.parametrize(
    ("precision", "bytes_per_parameter"),
    [(mixed(), 2 + 4 + 4 + 8), (mixed("fp16"), 2 + 2 + 4 + 8), (single(), 16), (stored_in_fp32(), 16), (pure(), 8)],
    ids=["mixed", "fp16", "fp32", "stored in fp32", "pure bf16"],
)
def test_bytes_of_a_parameter(precision: Precision, bytes_per_parameter: int) -> None:
    states = stage(gpus=1, zero=Zero(0), precision=precision).states
    held = states.weights + states.gradients + states.main + states.optimizer
    blocks = held - bytes_per_parameter * states.parameters  # what the allocator's blocks are larger than tensors
    assert 0 <= blocks < 0.02 * held


def test_fp16_gradients_are_copied_to_fp32_for_the_step() -> None:
    states = stage(gpus=8, precision=mixed("fp16"), zero=Zero(1)).states
    assert 0 <= states.main_gradients - 4 * -(-states.parameters // 8) < 2**21
    assert stage(precision=mixed()).states.main_gradients == 0


STATES = {"adam": 8, "adam-foreach": 8, "sgd": 0, "momentum": 4, "lion": 4}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_states_of_optimizers(name: str) -> None:
    states = stage(gpus=1, optimizer=optimizer(name)).states
    n = states.parameters
    if name in STATES:
        assert STATES[name] * n <= states.optimizer < 1.03 * STATES[name] * n + 1
    elif name == "adam8bit":
        exact = 2 * n + 2 * 4 * -(-n // 256)
        assert exact <= states.optimizer < 1.03 * exact
    elif name == "adafactor":
        assert states.optimizer < n / 10
    else:  # momentum alone for matrices; what is no matrix has two states
        assert 4 * n < states.optimizer < 8 * n


def test_offloading_takes_the_optimizers_share_off_the_device() -> None:
    whole, half, none = (stage(offload=Offload(optimizer=share)).states for share in (0.0, 0.5, 1.0))
    assert whole.optimizer + whole.main == pytest.approx(2 * (half.optimizer + half.main), rel=0.01)
    assert none.optimizer == none.main == 0
    assert stage(offload=Offload(weights=True), zero=Zero(3)).states.weights == 0


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(
        InputError, match=r'framework: "megatorn" is unknown; allowed: megatron, .* did you mean megatron'
    ):
        framework("megatorn")
    with pytest.raises(InputError, match=r'optimizer: "adan" is unknown; allowed: adam, .* did you mean adam'):
        optimizer("adan")


def test_an_optimizer_of_ones_own_is_a_list_of_states() -> None:
    states = stage(gpus=1, optimizer=optimizer("m=fp32, v=bf16")).states
    assert 6 * states.parameters <= states.optimizer < 6.2 * states.parameters
    with pytest.raises(InputError, match="expected a state with its data type, such as momentum=fp32"):
        optimizer("m=fp32,v")
    with pytest.raises(InputError, match=r'optimizer: m: data type "fp33" is unknown'):
        optimizer("m=fp33")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"tensor": 0}, "tensor: 0 is less than 1"),
        ({"tensor": "2"}, 'tensor: got "2"; expected a whole number from 1'),
        ({"gpus": None}, "gpus: got null; expected a whole number from 1"),
        ({"tensor": 2.0}, "tensor: got 2.0; expected a whole number from 1"),
        ({"expert_tensor": 0}, "expert_tensor: 0 is less than 1"),
        ({"recompute": "ful"}, 'recompute: got "ful"; allowed: none, full, selective'),
        ({"precision": "bf61"}, 'precision: "bf61" is unknown; allowed: bf16'),
        ({"schedule": "1f2b"}, 'schedule: "1f2b" is unknown; allowed: gpipe'),
        ({"framework": "hf-spda"}, 'framework: "hf-spda" is unknown; allowed: megatron'),
        ({"recompute": 3}, "recompute: got 3; expected a Recompute"),
        ({"precision": "mxfp8", "framework": "hf-sdpa"}, "hf-sdpa has no recipe mxfp8"),
        ({"precision": "fp8-delayed", "framework": "torchtitan"}, "torchtitan has no recipe delayed"),
        ({"expert": 2}, "expert: got 2; the model has no experts to spread"),
        ({"expert_tensor": 1}, "expert_tensor: got 1; the model has no experts to spread"),
        ({"recompute": "selective:moe"}, "recompute: gpt2 has no moe to recompute; it has core_attn"),
        ({"offload": Offload(activations=("expert_fc1",))}, "offload_activations: gpt2 has no expert_fc1 to offload"),
        ({"recompute": Recompute(Method.UNIFORM, 0)}, "recompute_layers: 0 is less than 1"),
        ({"recompute": Recompute(modules=("foo",))}, 'recompute: no module "foo"; allowed: core_attn'),
        ({"offload": Offload(activations=("foo",))}, 'offload_activations: no module "foo"'),
        ({"offload": Offload(2.0)}, "offload_optimizer: got 2.0; allowed is a share from 0 to 1"),
        ({"imbalance": 0.0}, "imbalance: got 0.0; allowed is above 0"),
        ({"imbalance": float("nan")}, "imbalance: got nan; allowed is above 0"),
        ({"zero": Zero(7)}, "zero: stage 7 is none; allowed: 0, 1, 2, 3"),
        ({"zero": Zero(1, instances=3)}, "replicas: 8 data-parallel ranks do not divide by 3"),
        ({"offload": Offload(weights=True)}, "offload_weights: takes sharded weights, but ZeRO stage 1 shards none"),
    ],
)
def test_plans_that_cannot_be_are_refused_in_a_line(plan: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as error:
        train(GPT2, Plan.under(**({"gpus": 8, "sequence": 128} | plan)))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_fields_that_a_plan_does_not_have_are_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r'"tensr" is no field of a plan; allowed: gpus, .* did you mean tensor'):
        Plan.under(tensr=2)


def test_names_and_stages_stand_for_what_they_mean() -> None:
    plan = Plan.under("hf-sdpa", optimizer="lion", zero=2)
    assert plan.optimizer is OPTIMIZERS["lion"]
    assert (plan.zero.stage, plan.zero.engine) == (2, Engine.DEEPSPEED)
    assert plan.precision.main is not None


def test_a_device_must_have_the_types_that_a_plan_multiplies_in() -> None:
    low = replace(mixed(), recipe=Recipe.NVFP4)
    with pytest.raises(InputError, match=r"precision: .*A100.* multiplies nothing in fp4; it has"):
        train(GPT2, Plan.under(sequence=128, precision=low), "1xA100")
    with pytest.raises(InputError, match=r"precision: .*V100.* multiplies nothing in bf16"):
        train(GPT2, Plan.under(sequence=128), "1xV100-32GB")
    train(GPT2, Plan.under(sequence=128, precision=low), "1xB200")


def test_choices_may_be_given_by_their_names() -> None:
    plan = Plan.under(framework="hf-sdpa", recompute="full", schedule="1f1b", precision="pure-bf16", optimizer="lion")
    assert plan.framework is framework("hf-sdpa")
    assert plan.kernels is framework("hf-sdpa").kernels
    assert (plan.recompute, plan.schedule) == (Recompute(Method.UNIFORM), Schedule.ONE_F_ONE_B)
    assert (plan.precision, plan.optimizer) == (pure(), optimizer("lion"))
    assert Plan.under(precision="mxfp8").precision.recipe is Recipe.MXFP8
    assert Plan.under("torchtitan", precision="fp8-tensorwise").precision.recipe is Recipe.TENSORWISE
    assert Plan.under("hf-sdpa", zero=2, precision="bf16").precision == framework("hf-sdpa").mixes("bf16", 2)


def test_a_name_where_a_choice_stands_says_who_takes_names() -> None:
    found = list(Plan(precision="mxfp8").problems())  # type: ignore[arg-type]
    assert found == [("precision", 'got "mxfp8"; expected a Precision; Plan.under takes names')]


def test_all_problems_are_said_at_once() -> None:
    plan = Plan(gpus=6, tensor=4, virtual=2, context=2, sequence=4095, layout=(), zero=Zero(1, Engine.FSDP2))
    found = list(plan.problems(GPT2.tree, 12))
    assert len(found) == len({*found})
    assert {field for field, _ in found} == {"gpus", "stages", "sequence", "layout", "zero"}
    assert any("4,092 or 4,096" in text for _, text in found)
    dualpipe = Plan(gpus=7, pipeline=3, virtual=2, schedule=Schedule.DUALPIPE)
    assert {"gpus", "stages"} == {field for field, _ in dualpipe.problems()}


def test_mx_scaling_is_asked_of_the_device() -> None:
    plan = Plan.under(precision="mxfp8", sequence=128)
    for device, capability in (("H100", "9.0"), ("A100", "8.0")):
        with pytest.raises(InputError, match=r"does not scale blocks of 32 elements \(MX\)") as error:
            train(GPT2, plan, device)
        assert f"compute capability 10.0 or higher; it has {capability}" in str(error.value)
    assert train(GPT2, plan, "B200").fits
    with pytest.raises(InputError, match="multiplies nothing in fp4"):
        train(GPT2, Plan.under(precision="nvfp4", sequence=128), "H100")


def test_a_plan_prints_what_is_not_usual() -> None:
    assert repr(Plan.under()) == "Plan.under('megatron')"
    plan = Plan.under("torchtitan", gpus=8, zero=2, recompute="full", optimizer="lion")
    assert repr(plan) == (
        "Plan.under('torchtitan', gpus=8, zero=Zero(stage=2), optimizer='lion', recompute=Recompute(method='uniform'))"
    )
    chunks = repr(Plan.under(layout=Plan(pipeline=8).even_layout(12)))
    assert chunks.endswith("... 8))")
    assert len(repr(train(GPT2, Plan(sequence=128)).traced.plan)) < 2000


@pytest.mark.parametrize(
    ("model", "plan", "words"),
    [
        ("mixtral-8x7b", {"gpus": 2, "tensor": 2}, "experts along with tensor parallelism need sequence parallelism"),
        ("gpt2", {"gpus": 5, "pipeline": 5}, "12 layers do not divide over 5 virtual stages"),
        ("gpt2", {"gpus": 2, "pipeline": 2, "schedule": "gpipe"}, "it has no GPipe"),
        ("gpt2", {"offload": Offload(0.5), "zero": 0}, "precision-aware optimizer only"),
        ("gpt2", {"zero": 3, "optimizer": "lion"}, "Megatron-FSDP works with Adam or SGD, not Lion"),
        ("gpt2", {"offload": Offload(activations=("attn_proj",))}, "attn_proj needs core_attn too"),
    ],
)
def test_what_megatron_itself_would_not_run_is_noted(model: str, plan: dict[str, Any], words: str) -> None:
    notes = train(model, Plan.under(sequence=1024, **plan)).notes
    assert any(note.startswith("Megatron-LM itself does not run this plan: ") and words in note for note in notes)
    other = {name: value for name, value in plan.items() if name not in ("offload", "zero", "optimizer")}
    assert not any("Megatron" in note for note in train(model, Plan.under("hf-sdpa", sequence=1024, **other)).notes)
