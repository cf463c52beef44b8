"""The loss: kernels over a rank's logits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from weighbridge.estimate.training import train
from weighbridge.kernels import Loss
from weighbridge.parallel.plan import Plan


def seconds(loss: Loss, framework: str = "megatron", **plan: Any) -> float:
    """Of the loss's kernels in one micro-batch, on the last stage."""
    chosen = Plan.under(framework, gpus=8, sequence=4096, **plan)
    training = train("llama-3.1-8b", replace(chosen, kernels=replace(chosen.kernels, loss=loss)), "8xH100")
    assert training.time is not None
    runs = [run for own in training.time.stages[-1].passes for run in own.runs]
    names = ("cross-entropy", "to fp32", "log softmax", "negative log-likelihood", "loss")
    return float(sum(k.seconds * n for doing, n in runs for k in doing.kernels if k.name in names))


def test_fewer_passes_over_the_logits_take_less_time() -> None:
    written_out, compiled = seconds(Loss.VOCABULARY_PARALLEL), seconds(Loss.COMPILED)
    assert written_out > seconds(Loss.NATIVE) > compiled > 0
    assert written_out > seconds(Loss.IN_PLACE) > compiled  # one kernel, at a third of the bandwidth


def test_ranks_share_the_vocabulary() -> None:
    whole = seconds(Loss.VOCABULARY_PARALLEL)
    assert seconds(Loss.VOCABULARY_PARALLEL, tensor=8) == pytest.approx(whole / 8, rel=0.1)
