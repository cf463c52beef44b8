"""Training memory: folded layers against layers written out, ledgers that add up, and what plans do to a rank."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.estimate.training import Training, train
from weighbridge.models import Model
from weighbridge.nn import (
    CausalLM,
    DecoderLayer,
    Embedding,
    GatedMLP,
    GroupedQueryAttention,
    Head,
    Mamba2,
    MixtureOfExperts,
    Repeat,
    RMSNorm,
)
from weighbridge.parallel.framework import FRAMEWORKS
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.recompute import Method, Recompute

H = 64


def attention() -> GroupedQueryAttention:
    return GroupedQueryAttention(H, 8, 4, 8)


MIXERS: dict[str, Any] = {
    "attention": lambda: DecoderLayer(H, attention(), GatedMLP(H, 96)),
    "moe": lambda: DecoderLayer(H, attention(), MixtureOfExperts(H, 32, 4, 2)),
    "mamba": lambda: DecoderLayer(H, Mamba2(H, 8, 8, 4, 4, 4)),
}


def network(layers: tuple[Repeat, ...], tied: bool = False) -> CausalLM:
    return CausalLM(Embedding(500, H), layers, RMSNorm(H), Head(H, 500, tied))


def of(layers: tuple[Repeat, ...], **plan: Any) -> Training:
    name = plan.pop("framework", "megatron")
    return train(Model.of(network(layers)), Plan.under(name, sequence=32, micro_batch=2, **plan))


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("recompute", [Recompute(), Recompute(Method.UNIFORM), Recompute(modules=("core_attn", "mlp"))])
def test_folded_layers_weigh_as_layers_written_out(mixer: str, count: int, recompute: Recompute) -> None:
    make = MIXERS[mixer]
    there = {"attention": ("core_attn", "mlp"), "moe": ("core_attn", "moe"), "mamba": ("attention",)}
    recompute = replace(recompute, modules=there[mixer] if recompute.modules else ())
    folded = of((Repeat(make(), count),), recompute=recompute).stages[0]
    written = of(tuple(Repeat(make(), 1, name=f"layer_{i}") for i in range(count)), recompute=recompute).stages[0]
    assert folded.peak_allocated == written.peak_allocated
    assert folded.ledger.lines == written.ledger.lines


PLANS = st.fixed_dictionaries(
    {
        "tensor": st.sampled_from([1, 2, 4]),
        "pipeline": st.sampled_from([1, 2, 4]),
        "context": st.sampled_from([1, 2]),
        "micro_batch": st.integers(1, 3),
        "sequence_parallel": st.booleans(),
        "framework": st.sampled_from(list(FRAMEWORKS)),
    }
)


def plan(choices: dict[str, Any], **more: Any) -> Plan:
    choices = dict(choices)
    name = choices.pop("framework")
    return Plan.under(name, gpus=64, sequence=64, **choices, **more)


@settings(max_examples=60, deadline=None)
@given(PLANS, st.sampled_from(list(MIXERS)))
def test_every_ledger_adds_up_to_the_peak(choices: dict[str, Any], mixer: str) -> None:
    training = train(Model.of(network((Repeat(MIXERS[mixer](), 8),))), plan(choices), "64xH100")
    for stage in training.stages:
        assert stage.peak_allocated >= stage.static_allocated >= 0
        if stage.peak_allocated > stage.static_allocated:
            assert stage.ledger.total == stage.peak_allocated


@settings(max_examples=40, deadline=None)
@given(PLANS, st.sampled_from(list(MIXERS)))
def test_traced_ledgers_have_the_values_of_plain_ones(choices: dict[str, Any], mixer: str) -> None:
    training = train(Model.of(network((Repeat(MIXERS[mixer](), 8),))), plan(choices), "64xA100")
    for stage in training.stages[:2]:
        for line, bytes in stage.ledger.lines.items():
            explained = stage.explained(line)
            assert getattr(explained, "value", explained) == bytes


@settings(max_examples=40, deadline=None)
@given(PLANS)
def test_more_tensor_parallelism_never_adds_weights(choices: dict[str, Any]) -> None:
    parameters = []
    for tensor in (1, 2, 4):
        training = train(Model.of(network((Repeat(MIXERS["attention"](), 8),))), plan(choices | {"tensor": tensor}))
        parameters.append([stage.states.parameters for stage in training.stages])
    for stage in zip(*parameters, strict=True):
        assert list(stage) == sorted(stage, reverse=True)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([1, 2, 4, 8]), st.booleans(), st.sampled_from(list(MIXERS)))
def test_stages_hold_all_layers_once(pipeline: int, tied: bool, mixer: str) -> None:
    model = Model.of(network((Repeat(MIXERS[mixer](), 8),), tied))
    one = train(model, Plan.under(gpus=8)).stages[0].states.parameters
    several = train(model, Plan.under(gpus=8, pipeline=pipeline)).stages
    copies = 512 * H if tied and pipeline > 1 else 0  # the last stage has a table of its own, padded to 128 rows
    assert sum(stage.states.parameters for stage in several) == one + copies


def test_full_recomputation_keeps_the_input_of_every_layer() -> None:
    training = of((Repeat(MIXERS["attention"](), 6),), recompute=Recompute(Method.UNIFORM))
    layer = next(run for run in training.stages[0].runs[0] if run.count == 6)
    assert layer.kept == 6 * 2 * 32 * H * 2


def test_groups_of_recomputed_layers_keep_one_input_each() -> None:
    peaks = {n: of((Repeat(MIXERS["attention"](), 6),), recompute=Recompute(Method.UNIFORM, n)) for n in (1, 2, 3, 6)}
    kept = {n: sum(run.kept for run in t.stages[0].runs[0]) for n, t in peaks.items()}
    one = 2 * 32 * H * 2
    assert [kept[1] - kept[n] for n in (2, 3, 6)] == [3 * one, 4 * one, 5 * one]


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(InputError) as error:
        train("llama-3.1-8b", Plan.under(gpus=24, tensor=3, pipeline=5, micro_batch=1, global_batch=7))
    message = str(error.value)
    assert (
        "gpus: 24 do not divide by tensor x pipeline x context = 3 x 5 x 1 = 15; nearest that do: 15 or 30" in message
    )
    assert "tensor: 32 heads do not divide by tensor = 3; nearest that do: 2 or 4" in message


def test_a_plan_larger_than_the_cluster_is_refused() -> None:
    with pytest.raises(InputError, match=r"gpus: 16 are more than the cluster's 8"):
        train("llama-3.1-8b", Plan.under(gpus=16), "8xH100")


def test_learned_positions_bound_the_sequence() -> None:
    with pytest.raises(InputError, match=r"sequence: 2,048 tokens; gpt2 has learned positions for at most 1,024"):
        train("gpt2", Plan.under(gpus=1, sequence=2048))
    assert train("gpt2").plan.sequence == 1024
