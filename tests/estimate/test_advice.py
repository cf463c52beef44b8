"""Changes of a plan are weighed, never canned."""

from __future__ import annotations

import weighbridge as wb
from weighbridge.estimate.advice import MOST, advise, in_use


def test_each_change_frees_what_it_says() -> None:
    training = wb.train("llama-3.1-70b", wb.Plan.under(gpus=64, pipeline=8, tensor=2, global_batch=64), "64xH100")
    advice = advise(training)
    assert training.fits is False
    assert 0 < len(advice.changes) <= MOST
    assert not advice.together
    for change in advice.changes:
        assert change.frees == in_use(training) - in_use(change.training)
        again = wb.train(training.model, change.training.plan, training.cluster)
        assert in_use(again) == in_use(training) - change.frees
        assert change.fits is again.fits
        assert again.plan.micro_batches * again.plan.data * again.plan.micro_batch == 64
    assert len({change.group for change in advice.changes}) == len(advice.changes)


def test_where_no_single_change_is_enough_they_stand_on_each_other() -> None:
    training = wb.train("llama-3.1-405b", wb.Plan.under(gpus=128, tensor=8), "128xH100")
    advice = advise(training)
    assert advice.together
    for before, after in zip([training, *(c.training for c in advice.changes)], advice.changes, strict=False):
        assert after.frees == in_use(before) - in_use(after.training)


def test_a_small_model_that_fits_needs_no_device_for_advice() -> None:
    advice = advise(wb.train("gpt2", wb.Plan.under(gpus=4, sequence=1024)))
    assert all(change.fits for change in advice.changes)
