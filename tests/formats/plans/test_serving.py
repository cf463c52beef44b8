"""Deployments as commands: every choice stands in them, and what has no place is said."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from weighbridge.formats.plans.emit_serving import LAUNCHED, Launch, launch
from weighbridge.parallel.engine import ENGINES
from weighbridge.parallel.serving import Serving
from weighbridge.units import DATA_TYPES

LOAD = Serving(tensor=4, prompt=4096, output=512, batch=32, memory_share=0.8, chunk=2048)


def words(text: str) -> dict[str, str]:
    """Options of a command with their values."""
    parts = shlex.split(text.replace("\\\n", " "))
    return {a: b for a, b in zip(parts, [*parts[1:], ""], strict=True) if a.startswith("--")}


def command(kind: str, quantisation: str | None = None, sparse: bool = False, **changes: object) -> tuple[str, str]:
    serving = replace(LOAD, engine=ENGINES[kind], **changes)  # type: ignore[arg-type]
    text, warnings = launch(Launch("me/model", serving, 8, sparse, quantisation))
    return text, "\n".join(warnings)


def test_vllm() -> None:
    found = words(command("vllm", pipeline=2)[0])
    assert found["--tensor-parallel-size"] == "4"
    assert found["--pipeline-parallel-size"] == "2"
    assert "--data-parallel-size" not in found
    assert (found["--max-model-len"], found["--max-num-seqs"]) == ("4608", "32")
    assert (found["--max-num-batched-tokens"], found["--gpu-memory-utilization"]) == ("2048", "0.8")


def test_sglang_counts_all_ranks_that_share_experts() -> None:
    text, _ = command("sglang", sparse=True, data=2, expert=8)
    found = words(text)
    assert (found["--tp-size"], found["--dp-size"], found["--ep-size"]) == ("8", "2", "8")
    assert "--enable-dp-attention" in found
    assert words(command("sglang", data=2)[0])["--tp-size"] == "4"


def test_tensorrt_llm_takes_the_cache_from_a_file() -> None:
    text, warnings = command("trtllm", cache=DATA_TYPES["fp8"])
    assert text.startswith("printf 'kv_cache_config:\\n  dtype: fp8\\n' > options.yaml\ntrtllm-serve")
    assert words(text)["--max_batch_size"] == "32"
    assert "memory_share" in warnings


@pytest.mark.parametrize("kind", LAUNCHED)
def test_what_has_no_place_is_said(kind: str) -> None:
    assert "must be a checkpoint in awq" in command(kind, "awq")[1]
    assert "3 servers" in command(kind, data=5)[1]
    assert "cache: fp32 has no place" in command(kind, cache=DATA_TYPES["fp32"])[1]


def test_vllm_spreads_experts_over_all_ranks() -> None:
    assert "what was weighed, over 2" in command("vllm", sparse=True, expert=2)[1]
    assert not command("vllm", sparse=True, expert=4)[1]


def test_formats_that_engines_make_while_loading() -> None:
    text, warnings = command("vllm", "nf4")
    assert words(text)["--quantization"] == "bitsandbytes"
    assert not warnings


@pytest.mark.parametrize(
    ("kind", "cache", "argument"),
    [
        ("vllm", "int8", "--kv-cache-dtype int8_per_token_head"),
        ("vllm", "int4", "--kv-cache-dtype int4_per_token_head"),
        ("vllm", "nvfp4", "--kv-cache-dtype nvfp4"),
        ("sglang", "nvfp4", "--kv-cache-dtype fp4_e2m1"),
        ("trtllm", "nvfp4", "dtype: nvfp4"),
    ],
)
def test_the_cache_has_the_name_that_the_engine_gives_it(kind: str, cache: str, argument: str) -> None:
    assert argument in command(kind, cache=DATA_TYPES[cache])[0]
