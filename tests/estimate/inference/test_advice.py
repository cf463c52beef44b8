"""What would help a deployment: each change is a deployment of its own, and keeps what it promises."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.estimate.inference.advice import MOST, WORTH, better, runs
from weighbridge.estimate.inference.deployment import deploy

CASES = [
    ("llama-3.1-8b", "H100", {"batch": 4}),
    ("llama-3.1-70b", "8xH100", {"batch": 64, "prompt": 4096}),
    ("mixtral-8x7b", "8xA100", {"batch": 64}),
    ("deepseek-v3", "8xH200", {"batch": 32}),
]


@pytest.mark.parametrize(("model", "cluster", "load"), CASES)
def test_what_is_named_helps_and_fits(model: str, cluster: str, load: dict[str, Any]) -> None:
    inference = deploy(model, cluster, **load).inference
    found = better(inference)
    assert 0 < len(found) <= MOST
    assert len({change.group for change in found}) == len(found)
    for change in found:
        assert change.fits
        assert runs(change.inference)
        assert change.gains is not None
        assert change.gains > WORTH
        assert change.inference.per_gpu == pytest.approx((1 + change.gains) * inference.per_gpu)
    assert [change.gains for change in found] == sorted((change.gains or 0 for change in found), reverse=True)


def test_what_does_not_fit_is_made_to_fit() -> None:
    inference = deploy("deepseek-v3", "8xH200", quantisation="published").inference
    assert inference.memory.fits is False
    found = {change.group: change for change in better(inference)}
    assert found["weights"].title == "weights in fp8-block"
    assert found["GPUs"].title == "16 GPUs: tensor parallel 8, pipeline parallel 2"
    assert all(change.fits for change in found.values())


def test_too_many_users_are_made_fewer() -> None:
    inference = deploy("llama-3.1-8b", "RTX-4090", batch=500, quantisation="bf16").inference
    found = {change.group: change for change in better(inference)}
    most = inference.memory.max_batch
    assert found["batch"].title == f"{most:,} at once instead of 500"


def test_nothing_is_said_of_speed_where_there_is_none() -> None:
    assert better(deploy("gpt2", "core-i9-13900k", batch=1).inference) == ()
