"""What would shorten a step: every change is timed, fits and computes the same."""

from __future__ import annotations

import pytest

import weighbridge as wb
from tests.estimate.time.steps import DATA, EXPERTS, LONG, PIPED, SHARDED, STEPS
from weighbridge.estimate.quicker import WORTH, quicker


@pytest.mark.parametrize("name", STEPS)
def test_every_change_is_quicker_fits_and_computes_the_same(name: str) -> None:
    training = STEPS[name]
    assert training.time is not None
    found = quicker(training)
    assert [change.step_seconds for change in found] == sorted(change.step_seconds for change in found)
    assert len({change.group for change in found}) == len(found) <= 3
    for change in found:
        changed = change.training
        assert changed.fits
        assert changed.time is not None
        assert changed.time.step_seconds == change.step_seconds
        if training.fits:
            assert change.saves is not None
            assert change.saves == pytest.approx(1 - change.step_seconds / training.time.step_seconds)
            assert change.saves > WORTH
        assert changed.plan.sequences == training.plan.sequences
        assert changed.plan.precision.compute == training.plan.precision.compute
        each = changed.time.tokens_per_second_per_gpu
        assert change.tokens_per_second_per_gpu == pytest.approx(each)


def test_overlap_and_more_chunks_are_found() -> None:
    assert {change.group for change in quicker(PIPED, 20)} >= {"pipeline", "graphs"}
    assert {change.group for change in quicker(LONG, 20)} >= {"overlap tensor", "micro-batch"}
    assert {change.group for change in quicker(EXPERTS, 20)} >= {"virtual"}


def test_recomputation_is_given_up_where_memory_allows() -> None:
    full = wb.Plan.under(gpus=8, tensor=4, sequence_parallel=True, global_batch=32, recompute=wb_recompute())
    groups = {change.group: change for change in quicker(wb.train("llama-3.1-8b", full, "8xH100"), 20)}
    assert groups["recompute"].title == "no recomputation"
    assert groups["recompute"].saves == pytest.approx(0.25, abs=0.08)  # a forward pass of three and one


def wb_recompute() -> object:
    from weighbridge.parallel.recompute import Method, Recompute

    return Recompute(Method.UNIFORM)


def test_of_a_step_that_does_not_fit_the_quickest_that_fits() -> None:
    unfit = wb.train("llama-3.1-8b", wb.Plan.under(gpus=8, global_batch=64), "8xH100")
    assert unfit.fits is False
    found = quicker(unfit)
    assert found
    assert all(change.training.fits and change.saves is None for change in found)


def test_nothing_without_a_cluster() -> None:
    assert quicker(wb.train("gpt2", wb.Plan.under(gpus=2, sequence=1024))) == ()
    assert DATA.time is not None
    assert SHARDED.time is not None
