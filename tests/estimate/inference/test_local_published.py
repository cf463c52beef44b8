"""Runs that no constant was read from and no score has: an RTX 2080 of 8 GB beside a Core i9-10900X, Q4_K_M, 2026.

AlexsJones/llmfit pull requests 774 and 778: llama.cpp, context 4,096, one user; averages with a short prompt in them.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from weighbridge.estimate.inference.local import Host, local
from weighbridge.hardware import catalogue
from weighbridge.hardware.device import Device

WHOLE = {
    "llama-3.2-1b": 304.3,
    "gemma-2-2b": 140.3,
    "llama-3.2-3b": 140.3,
    "phi-3.5-mini": 121.5,
    "mistral-7b": 77.8,
    "qwen2.5-7b": 77.0,
    "llama-3.1-8b": 71.7,
}
"""Tokens per second with all layers on the card."""

SPLIT = {"gemma-2-9b": (36, 23.7), "qwen2.5-14b": (42, 20.8), "qwen3-14b": (32, 16.9), "phi-4": (32, 16.7)}
"""Layers on the card (-ngl), and tokens per second."""

EXPERTS = {"qwen3-30b-a3b": (36, 36.7), "deepseek-v2-lite": (16, 49.6)}
"""Layers whose experts are on the processor (--n-cpu-moe), and tokens per second (pull requests 755 and 778)."""

PAST = 200


def card() -> Device:
    """The RTX 3070 of the catalogue has its memory; its rate in fp32 is that of 46 multiprocessors of 64 units."""
    like = catalogue.find("rtx-3070")
    assert like is not None
    return replace(like, capability=(7, 5), peak_flops={**like.peak_flops, "fp32": 10_070_000_000_000})


def host() -> Host:
    """Four channels of DDR4-3200, measured at 102 GB/s by the source."""
    like = catalogue.find("core-i9-13900k")
    assert like is not None
    return Host(replace(like, memory_bandwidth=102_400_000_000), 62 * 2**30)


def error(model: str, ngl: int | None, measured: float, host_experts: int = 0) -> float:
    found = local(model, card(), ["Q4_K_M"], 4096, ngl=ngl, host=host(), host_experts=host_experts).options[0]
    assert found.fits
    speed = found.tokens_per_second(PAST)
    assert speed is not None
    return 100 * (speed / measured - 1)


def test_models_that_the_card_holds() -> None:
    errors = [abs(error(model, None, measured)) for model, measured in WHOLE.items()]
    assert median(errors) < 6
    assert max(errors) < 15


def test_models_that_are_split_between_card_and_processor() -> None:
    errors = [error(model, ngl, measured) for model, (ngl, measured) in SPLIT.items()]
    assert median(abs(one) for one in errors) < 20
    assert max(errors) < 25  # too fast: what threads of the processor wait for one another is not counted
    assert min(errors) > -5


def test_experts_on_the_processor() -> None:
    """Too fast: every layer hands over to the processor's threads and back, and how long they wait is not known."""
    errors = [error(model, None, measured, layers) for model, (layers, measured) in EXPERTS.items()]
    assert all(0 < one < 45 for one in errors)
