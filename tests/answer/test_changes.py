"""What is advised can be applied: the options of a change lead to the very figures that it names."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.answer import answer

PLANS: list[tuple[str, dict[str, Any]]] = [
    ("llama-3.1-8b", {"cluster": "64xH100", "tp": 4, "pp": 4, "global_batch": 512}),
    ("llama-3.1-8b", {"cluster": "8xH100", "tp": 1}),
    ("llama-3.1-8b", {"cluster": "8xA100", "micro_batch": 4}),
    ("llama-3.1-70b", {"cluster": "64xH100", "framework": "torchtitan", "zero": 3, "recompute": "full"}),
    ("llama-3.1-70b", {"cluster": "16xH100"}),
    (
        "mixtral-8x7b",
        {"cluster": "64xH100", "tp": 2, "pp": 4, "ep": 8, "etp": 1, "sp": True, "recompute": "selective:moe"},
    ),
    ("gpt2", {"cluster": "1xRTX-4090", "framework": "hf-sdpa", "micro_batch": 64}),
]

SERVED: list[tuple[str, dict[str, Any]]] = [
    ("llama-3.1-8b", {"cluster": "1xH100"}),
    ("llama-3.1-8b", {"cluster": "8xH100", "batch": 64}),
    ("llama-3.1-70b", {"cluster": "1xH100", "quant": "bf16"}),
    ("mixtral-8x7b", {"cluster": "8xH200", "prompt": 4096, "batch": 16}),
    ("llama-3.1-8b", {"cluster": "1xRTX-4090", "prompt": 200_000, "quant": "bf16", "batch": 4}),
]


def applied(options: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The options of a question with those of a change."""
    return {name: value for name, value in (options | change | {"advice": False}).items() if value is not None}


@pytest.mark.parametrize(("model", "options"), PLANS)
def test_changes_of_a_plan_lead_to_what_they_say(model: str, options: dict[str, Any]) -> None:
    found = answer({"ask": "train", "model": model, "options": options})
    changes = [*found["changes"], *(found["time"] or {"changes": []})["changes"]]
    assert changes
    for change in changes:
        then = answer(
            {"ask": "train", "model": model, "options": applied(options, change["options"]) | {"advice": False}}
        )
        assert max(rank["device_total_bytes"] for rank in then["ranks"]) == change["device_total_bytes"], change
        assert then["plan"]["global_batch"] == found["plan"]["global_batch"]
        if "step_seconds" in change:
            assert then["time"]["step_seconds"] == change["step_seconds"], change


@pytest.mark.parametrize(("model", "options"), SERVED)
def test_changes_of_a_deployment_lead_to_what_they_say(model: str, options: dict[str, Any]) -> None:
    found = answer({"ask": "infer", "model": model, "options": options})
    assert found["changes"]
    for change in found["changes"]:
        then = answer(
            {"ask": "infer", "model": model, "options": applied(options, change["options"]) | {"advice": False}}
        )
        assert then["memory"]["total_per_gpu"] == change["total_per_gpu"], change
        for name in ("fits", "max_batch", "ttft_seconds", "tpot_seconds", "tokens_per_second_per_gpu"):
            assert then[name] == change[name], (name, change)


def test_a_module_tree_can_be_asked_for_beside_a_step() -> None:
    found = answer(
        {"ask": "train", "model": "llama-3.1-8b", "options": {"cluster": "1xH200", "advice": False}, "with": ["tree"]}
    )
    assert found["tree"]["parameters"] == found["ranks"][0]["parameters"]
    assert found["tree"]["kept_elements"] > 0
