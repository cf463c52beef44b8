from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.formats.plans import samples
from weighbridge import catalogue, load, params, train
from weighbridge.errors import InputError
from weighbridge.formats import megatron
from weighbridge.formats.megatron.arguments import parse
from weighbridge.formats.megatron.check import problems
from weighbridge.formats.plans import KINDS, emit, load_plan
from weighbridge.formats.plans.emit import differences
from weighbridge.parallel.execution import Execution
from weighbridge.parallel.layout import placed
from weighbridge.parallel.plan import Offload, Plan

FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
"""Few, for two cores are shared; each draws a whole configuration."""


FOLDER = tempfile.TemporaryDirectory(prefix="plans")
"""One for all examples, which write the same names again; it goes when the process ends."""


def folder() -> Path:
    return Path(FOLDER.name)


def runs(plan: Plan) -> bool:
    return not list(plan.problems())


@FEW
@given(samples.deepspeed())
def test_deepspeed_comes_back(drawn: tuple[dict[str, object], int]) -> None:
    table, gpus = drawn
    plan = samples.load_json(folder(), table, gpus, sequence=8192).plan
    if runs(plan):
        out = emit(plan, kind="deepspeed")
        assert [line.partition(":")[0] for line in out.warnings] == ["sequence"]
        assert samples.load_json(folder(), out.data, gpus, sequence=8192).plan == plan


@FEW
@given(samples.torchtitan())
def test_torchtitan_comes_back(drawn: tuple[str, int]) -> None:
    text, gpus = drawn
    plan = samples.load_toml(folder(), text, gpus).plan
    if runs(plan):
        out = emit(plan, kind="torchtitan")
        assert [line.partition(":")[0] for line in out.warnings] == ["model"]
        assert samples.load_toml(folder(), out.text, gpus).plan == plan


@FEW
@given(samples.megatron())
def test_megatron_comes_back(drawn: tuple[list[str], int]) -> None:
    words, gpus = drawn
    plan = megatron.load([*samples.MODEL, *words], gpus, environment={}).plan
    if not runs(plan):
        return
    out = emit(plan, kind="megatron")
    assert out.warnings == ()
    again = megatron.load([*samples.MODEL, *out.data], gpus, environment={}).plan
    assert again == plan
    assert shlex.split(out.text.replace("\\\n", " ")) == out.data


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A plan from any of the three."""
    kind = draw(st.sampled_from(KINDS))
    if kind == "megatron":
        words, gpus = draw(samples.megatron())
        return megatron.load([*samples.MODEL, *words], gpus, environment={}).plan
    if kind == "deepspeed":
        table, gpus = draw(samples.deepspeed())
        return samples.load_json(folder(), table, gpus, sequence=8192).plan
    text, gpus = draw(samples.torchtitan())
    return samples.load_toml(folder(), text, gpus).plan


@settings(FEW, max_examples=100)
@given(plans(), st.sampled_from(("deepspeed", "torchtitan")))
def test_warnings_name_every_field_that_is_lost(plan: Plan, kind: str) -> None:
    if not runs(plan):
        return
    out = emit(plan, kind=kind)
    path = folder() / "emitted"
    path.write_text(out.text, "utf-8")
    named = {line.partition(":")[0].partition(".")[0] for line in out.warnings} - {"model"}
    if "framework" in named:  # which brings these
        named |= {"kernels", "accumulation_fusion", "expandable_segments"}
    gpus = plan.gpus
    assert isinstance(gpus, int)
    again = load_plan(path, gpus, {name: getattr(plan, name) for name in named}).plan
    assert list(differences(plan, again)) == []


@settings(FEW, max_examples=100)
@given(plans())
def test_every_plan_can_be_said_to_megatron(plan: Plan) -> None:
    if runs(plan):
        assert all(": " in line for line in emit(plan, kind="megatron").warnings)


@pytest.mark.parametrize(
    ("name", "gpus", "plan"),
    [
        ("gpt2", 8, {}),
        ("llama-3.1-8b", 8, {"tensor": 2, "sequence_parallel": True}),
        ("qwen2.5-7b", 8, {}),
        ("mixtral-8x7b", 16, {"tensor": 2, "expert": 4, "sequence_parallel": True}),
        ("deepseek-v3", 64, {"pipeline": 2, "expert": 8, "layout": placed([31, 30], 1)}),
    ],
)
def test_a_model_comes_back_with_its_plan(name: str, gpus: int, plan: dict[str, Any]) -> None:
    asked, model = Plan.under(gpus=gpus, sequence=1024, **plan), load(name)
    out = emit(asked, model, "megatron")
    again = megatron.load(out.data, gpus, environment={})
    wanted, found = train(model, asked, "H100" if gpus == 1 else f"{gpus}xH100"), train(again.model, again.plan)
    assert params(again.model).total == params(model).total
    assert len(found.stages) == len(wanted.stages)
    differing = {line.partition(":")[0] for line in out.warnings}
    assert differing <= {"kernels.routing.scores"}
    wanted_states = [stage.states.weights for stage in wanted.stages]
    assert [stage.states.weights for stage in found.stages] == wanted_states


def test_a_model_that_has_no_arguments_is_named() -> None:
    for name, what in (("gemma-2-2b", "its layers"), ("mamba-codestral-7b", "Mamba2"), ("gpt-oss-20b", "gpt-oss")):
        if name not in {entry.name for entry in catalogue()}:
            continue
        out = emit(Plan.under(gpus=8, sequence=1024), load(name), "megatron")
        own = [line for line in out.warnings if line.startswith("model: Megatron-LM has no arguments for ")]
        assert own or what == "gpt-oss"
        assert not own or "its script must bring the model's arguments" in own[0]


MODELS = ("gpt2", "mixtral-8x7b", "deepseek-v3")


@st.composite
def megatron_plans(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a plan of Megatron's, sound or not."""
    virtual = draw(st.sampled_from((1, 1, 2)))
    gpus = draw(st.sampled_from((1, 2, 8, 32)))
    return {
        "framework": draw(st.sampled_from(("megatron", "megatron", "megatron-local"))),
        "gpus": gpus,
        "virtual": virtual,
        **({"global_batch": 16 * gpus} if virtual > 1 else {}),
        **{name: draw(st.sampled_from((1, 1, 2, 4))) for name in ("tensor", "pipeline", "expert")},
        "context": draw(st.sampled_from((1, 2))),
        "sequence_parallel": draw(st.booleans()),
        "sequence": 1024,
        "zero": draw(st.sampled_from((0, 1, 2, 3))),
        "optimizer": draw(st.sampled_from(("adam", "sgd", "lion", "muon"))),
        "precision": draw(st.sampled_from(("bf16", "fp16", "fp32", "fp8-delayed", "mxfp8"))),
        "recompute": draw(st.sampled_from(("none", "full", "selective:layernorm", "selective:shared_experts"))),
        "offload": draw(st.sampled_from((Offload(), Offload(0.5), Offload(activations=("core_attn",))))),
        "execution": draw(st.builds(Execution, *[st.booleans()] * 5)),
    }


@settings(FEW, max_examples=150)
@given(st.sampled_from(MODELS), megatron_plans())
def test_what_megatrons_door_rejects_of_a_plan_is_noted_by_train(name: str, fields: dict[str, Any]) -> None:
    model = load(name)
    try:
        training = train(model, Plan.under(**fields))
    except InputError:
        return
    words = emit(training.plan, model, "megatron").data
    if list(problems(parse(words), fields["gpus"])):
        assert any(note.startswith("Megatron-LM itself does not run this plan") for note in training.notes)
