"""Figures of a deployment explained: a formula comes to the figure, whatever the model, the ranks, the cache."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.cli.infer import LINES, LONG
from weighbridge.estimate.inference.deployment import Deployment, deploy
from weighbridge.report import explanation
from weighbridge.report.inference_explained import MEMORY, TIMES, explained, figures, shown
from weighbridge.report.inference_schema import deployment
from weighbridge.report.serving_curves import contexts_as_data
from weighbridge.units import DATA_TYPES

DEPLOYMENTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "two ranks": ("llama-3.1-8b", "2xH100", {"batch": 32}),
    "windows": ("gemma-2-2b", "L40S", {"batch": 4}),
    "latents, experts": ("deepseek-v3", "8xH200", {}),
    "drafted": ("llama-3.1-8b", "H100", {"batch": 8, "drafted": 2, "accepted": 1.2}),
    "replicas": ("llama-3.1-8b", "2xH100", {"tensor": 1, "data": 2}),
    "stages": ("llama-3.1-8b", "2xH100", {"tensor": 1, "pipeline": 2, "batch": 8}),
    "scales": ("llama-3.1-8b", "H100", {"batch": 8, "cache": DATA_TYPES["int4"]}),
    "states": ("mamba-130m", "A100", {"batch": 8}),
    "states and keys": ("qwen3-next-80b-a3b", "8xH100", {"batch": 8}),
    "too large": ("llama-3.1-70b", "H100", {"quantisation": "bf16"}),
}


@pytest.fixture(params=DEPLOYMENTS)
def found(request: pytest.FixtureRequest) -> Deployment:
    model, cluster, options = DEPLOYMENTS[request.param]
    return deploy(model, cluster, **options)


def values(found: Deployment, *lines: str) -> dict[str, Any]:
    """Figures by name."""
    made = [figure for line in lines for figure in figures(found.inference, line)]
    return {figure.label.symbol: figure.value for figure in made if figure.label}


def test_memory_comes_to_what_is_weighed(found: Deployment) -> None:
    plain, explained = deployment(found, advised=False), values(found, *MEMORY)
    memory = plain["memory"]
    assert explained["kv_cache_of_a_gpu"] == memory["kv_cache"]
    assert explained["kv_cache_bytes_per_token"] == plain["kv_cache_bytes_per_token"]
    assert explained["activations"] == memory["activations"]
    assert explained["context"] == memory["overhead"]
    assert explained["needed"] == memory["total_per_gpu"]
    assert explained["engine_takes"] == memory["engine_takes"]
    assert explained["left_for_cache"] == found.inference.memory.pool
    name, more = ("reserved", 1) if plain["fits"] else ("missing", -1)
    assert memory["total_per_gpu"] + more * explained[name] == memory["engine_takes"]


def test_contexts_come_to_what_is_weighed(found: Deployment) -> None:
    explained = values(found, "contexts")
    for one in contexts_as_data(found.inference):
        assert explained[f"kv_cache_of_{one['tokens']}_tokens"] == one["kv_cache_bytes_per_sequence"]
        assert explained[f"sequences_of_{one['tokens']}_tokens"] == one["sequences"]


def test_the_longest_context_is_what_there_is_room_for(found: Deployment) -> None:
    most, memory = found.inference.memory.longest_context, found.inference.memory
    explained = values(found, "longest_context")
    if not most:
        assert explained == {}
        return
    assert explained.keys() == {f"needed_with_{most}_tokens"}
    assert memory.capacity is not None
    room = memory.capacity - explained[f"needed_with_{most}_tokens"]
    assert 0 <= room < memory.cache_of(1, most + 1) - memory.cache_of(1, most)


def test_times_come_to_what_is_timed(found: Deployment) -> None:
    plain, explained = deployment(found, advised=False), values(found, *TIMES)
    joules, cost = plain["joules_per_million_tokens"], plain["cost_per_million_tokens"]
    assert joules is not None
    assert cost is not None
    assert explained == pytest.approx(
        {
            "ttft": plain["ttft_seconds"],
            "ttft_alone_seconds": plain["ttft_alone_seconds"],
            "tpot": plain["tpot_seconds"],
            "inter_token_seconds": plain["inter_token_seconds"],
            "end_to_end_seconds": plain["end_to_end_seconds"],
            "tokens_per_second_per_gpu": plain["tokens_per_second_per_gpu"],
            "tokens_per_second_per_user": plain["tokens_per_second_per_user"],
            "dollars_per_million_input": cost["input"],
            "dollars_per_million_output": cost["output"],
            "joules_per_million_input": joules["input"],
            "joules_per_million_output": joules["output"],
        }
    )


@pytest.mark.parametrize("line", ["ttft_alone", "itl"])
def test_a_pass_opens_down_to_its_operations(line: str) -> None:
    inference = deploy("llama-3.1-8b", "2xH100", batch=32).inference
    (figure,) = figures(inference, line)
    opened = {step.label.symbol: step for step in explanation.steps(figure)}
    parts = inference.prefill if line == "ttft_alone" else inference.decode
    matmuls = sum(span.seconds for span in parts.spans if span.kind.value == "mlp" and span.name == "matmul")
    assert opened["mlp"].value > matmuls > 0
    assert f"{matmuls:g}" in explanation.as_text(figure)


def test_what_passes_make_is_listed_tensor_by_tensor() -> None:
    inference = deploy("deepseek-v3", "8xH200").inference
    document = shown(inference, "activations")
    assert document is not None
    *rows, whole = document.tables[0].rows
    assert sum(int(row.cells[-1].replace(",", "")) for row in rows) == inference.memory.activations
    assert int(whole.cells[-1].replace(",", "")) == inference.memory.activations


def test_every_line_can_be_asked_for() -> None:
    assert {*LINES, *LONG} == {*MEMORY, *TIMES}


def test_a_table_is_said_once() -> None:
    inference = deploy("gpt2", "H100", batch=4).inference
    said: set[str] = set()
    first, again = shown(inference, "ttft", said), shown(inference, "ttft_alone", said)
    assert first is not None
    assert again is None


def test_without_a_known_power_energy_has_no_formula() -> None:
    assert figures(deploy("gpt2", "M2-Max", batch=1).inference, "energy") == []


def test_a_line_with_nothing_to_open_says_why() -> None:
    grows_not = deploy("mamba-1.4b", "1xH100").inference
    assert explained(grows_not, ("longest_context",), "text", None).strip() == (
        "longest_context: nothing grows with the context, or not one token fits"
    )


def test_an_operation_is_not_called_as_the_part_that_it_stands_in() -> None:
    text = explained(deploy("llama-3.1-8b", "1xH100").inference, ("itl",), "text", None)
    assert "attention = attention_kernel + " in text
