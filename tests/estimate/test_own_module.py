"""A module of one's own, written outside the package, is weighed in training like the package's own."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

import weighbridge as wb
from weighbridge.estimate.memory.inside import Inside, inside
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.moment import tensors
from weighbridge.parallel.recompute import Method, Recompute

EXAMPLE = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "own_module_training.py"))
HIDDEN, FFN, TOKENS, CONVOLUTIONS, ATTENTIONS = 2048, 8192, 4096, 10, 6


@pytest.fixture(scope="module")
def model() -> wb.Model:
    return wb.Model.of(EXAMPLE["network"](), "lfm2-1.2b")


def weighed(model: wb.Model, **fields: Any) -> wb.Training:
    return wb.train(model, wb.Plan.under(**fields), "8xH100")


def mixer(training: wb.Training) -> Inside:
    found: Inside = EXAMPLE["own"](inside(training.worst))
    return found


def test_parameters_are_those_of_the_sizes(model: wb.Model) -> None:
    found = mixer(weighed(model, gpus=8))
    assert found.all_parameters == 3 * HIDDEN * HIDDEN + 3 * HIDDEN + HIDDEN * HIDDEN
    assert found.copies == 1  # of one layer; the layers are the copies
    assert wb.params(model).by_kind["other"] == CONVOLUTIONS * found.all_parameters  # type: ignore[index]


def test_what_it_keeps_is_what_it_records_and_what_its_projections_keep(model: wb.Model) -> None:
    given, joined, mixed = 1, 3, 1
    assert mixer(weighed(model, gpus=8)).all_kept.bytes == 2 * TOKENS * HIDDEN * (given + joined + mixed)


def test_flops_are_recorded_by_itself(model: wb.Model) -> None:
    step = wb.flops(model, sequence=TOKENS)
    per_token = 2 * 4 * HIDDEN * HIDDEN + (2 * 3 + 2) * HIDDEN
    without = 2 * 3 * HIDDEN * FFN
    visible = TOKENS * (TOKENS + 1) // 2
    attention = 2 * HIDDEN * (2 * HIDDEN + 2 * 8 * 64) * TOKENS + 2 * visible * 2 * HIDDEN
    head = 2 * HIDDEN * 65_536 * TOKENS
    layers = 16 * without * TOKENS + CONVOLUTIONS * per_token * TOKENS + ATTENTIONS * attention
    assert step.forward == layers + head


@pytest.mark.parametrize("tensor", [2, 4, 8])
def test_tensor_parallelism_divides_its_channels(model: wb.Model, tensor: int) -> None:
    whole = mixer(weighed(model, gpus=8))
    shared = mixer(weighed(model, gpus=8, tensor=tensor, sequence_parallel=True))
    assert shared.all_parameters * tensor == whole.all_parameters
    assert shared.all_kept.bytes * tensor == whole.all_kept.bytes


def test_without_sequence_parallelism_its_input_stays_whole(model: wb.Model) -> None:
    shared = mixer(weighed(model, gpus=8, tensor=4))
    assert shared.all_kept.bytes == 2 * TOKENS * (HIDDEN + (3 + 1) * HIDDEN // 4)


def test_its_tensors_stand_in_the_ledger_by_name(model: wb.Model) -> None:
    training = weighed(model, gpus=8, pipeline=2)
    kept = tensors(training.stages[0], Line.ACTIVATIONS)
    assert "mixed" in {one.name for one in kept}
    for stage in training.stages:
        assert stage.ledger.total == stage.peak_allocated


def test_recomputed_layers_keep_their_input_only(model: wb.Model) -> None:
    again = weighed(model, gpus=8, recompute=Recompute(Method.UNIFORM))
    assert mixer(again).all_kept.bytes == 0
    assert "mixed" not in {one.name for one in tensors(again.worst, Line.ACTIVATIONS) if one.kept}


def test_its_ledger_explains_itself(model: wb.Model) -> None:
    assert "hidden" in wb.explain(weighed(model, gpus=8, tensor=2).worst.explained(Line.WEIGHTS))


def test_the_example_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "own_module_training.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "tensor parallel size 4: 4,195,840 parameters, keeps 41,943,040 bytes per layer" in printed
    assert "Ledger of any rank" in printed
