"""Figures of models on one's own devices, explained: each is the plain one, and its symbols evaluate to it."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge import arithmetic
from weighbridge.estimate.inference.local import Host, Option, local
from weighbridge.estimate.inference.local.stored import together
from weighbridge.hardware import catalogue
from weighbridge.report.explanation import as_dict
from weighbridge.report.formula import expression, symbols
from weighbridge.report.local_explained import KNOWN, MADE, explained, figures, meant
from weighbridge.traced import Traced, plain

GIB = 2**30

CPU = catalogue.find("core-i9-13900k")

CASES: dict[str, tuple[str, str | list[str], str, dict[str, Any]]] = {
    "one card": ("llama-3.1-8b", "rtx-3060", "Q4_K_M", {}),
    "two devices and the host": ("llama-3.1-70b", ["rtx-4090", "rtx-3060"], "Q4_K_M", {"host": Host(CPU, 64 * GIB)}),
    "two equal devices": ("gemma-2-9b", ["rtx-4090", "rtx-4090"], "Q8_0", {}),
    "from disk": ("llama-3.1-70b", "rtx-3060", "Q4_K_M", {"host": Host(CPU, 16 * GIB, 7e9)}),
    "experts on the host": ("qwen3-30b-a3b", "rtx-3060", "Q4_K_M", {"host": Host(CPU, 32 * GIB), "host_experts": 24}),
    "k-quants on Apple's": ("llama-3.1-8b", "m1-max", "Q4_K_M", {}),
    "a processor": ("deepseek-v2-lite", "core-i9-13900k", "Q4_K_M", {"host": Host(memory=32 * GIB)}),
    "each head for itself": ("llama-3.1-8b", "l40s", "Q5_K_M", {"build": "llamacpp-2024"}),
    "copied keys": ("mistral-7b", "rtx-4090", "gptq", {"build": "exllama"}),
    "a cache in blocks": ("qwen3-8b", "rtx-3060", "Q4_K_M", {"cache": "q8_0"}),
    "states": ("mamba-130m", "rtx-3060", "F16", {}),
}


def case(name: str) -> Option:
    model, on, quantisation, more = CASES[name]
    return local(model, on, [quantisation], 4096, **more).options[0]


def plain_ones(option: Option) -> dict[str, list[float | None]]:
    """What the answer says, by line."""
    return {
        "weights": [option.bytes],
        "cache": [option.cache],
        "buffers": [option.buffer],
        "needed": [share.needed for share in option.parts if share.needed],
        "speed": [option.tokens_per_second(0), option.tokens_per_second(option.context - 1)],
        "prompt": [option.prompt_rate],
    }


@pytest.mark.parametrize("name", CASES)
def test_every_figure_is_the_plain_one(name: str) -> None:
    option = case(name)
    for line, expected in plain_ones(option).items():
        found = [plain(figure) for figure in figures(option, line)]
        assert found == [value for value in expected if value is not None], line


@pytest.mark.parametrize("name", CASES)
def test_no_symbol_stands_for_two_values(name: str) -> None:
    """And the symbols of a figure, put into its formula, give it."""
    option = case(name)
    for line in MADE:
        for figure in figures(option, line):
            helpers = {
                key: getattr(arithmetic, key) for key in ("ceil_div", "exact_div", "ratio", "maximum", "minimum")
            }
            value = eval(expression(figure), helpers | symbols(figure))
            assert value == pytest.approx(figure.value, rel=1e-12), line


@pytest.mark.parametrize("name", CASES)
def test_what_is_opened_has_one_path_each(name: str) -> None:
    """The page makes a tree of them."""
    option = case(name)
    for line in MADE:
        for figure in figures(option, line):
            paths = [tuple(step["path"]) for step in as_dict(figure)]
            assert len(set(paths)) == len(paths)


def step(figure: Traced, symbol: str) -> dict[str, Any]:
    return next(one for one in as_dict(figure) if one["symbol"] == symbol)


def test_a_token_is_what_every_device_takes() -> None:
    option = case("two devices and the host")
    speed = figures(option, "speed")[0]
    parts = step(speed, "token_seconds")["symbols"]
    assert list(parts) == ["rtx_4090_seconds", "rtx_3060_seconds", "host_seconds", "handovers", "handover_seconds"]
    assert parts["handovers"] == 2
    assert step(speed, "attained_bandwidth")["symbols"] == {"attained_share": 0.93, "rtx_4090_memory_bandwidth": 1008e9}
    both = case("two equal devices").names
    assert both == ["rtx_4090", "rtx_4090_2", "host"]
    slow = step(figures(case("from disk"), "speed")[0], "disk_seconds")["symbols"]
    assert slow["disk_bandwidth"] == 7e9
    assert slow["bytes_beyond_memory"] == case("from disk").parts[-1].beyond


def test_k_quants_have_a_rate_of_their_own_on_apples() -> None:
    speed = figures(case("k-quants on Apple's"), "speed")[0]
    rate = step(speed, "k_quant_rate")
    assert rate["value"] == min(rate["symbols"].values())
    assert {"fp32_read", "q4_k_read", "q6_k_read"} < step(speed, "weights_seconds")["symbols"].keys()


def test_a_file_is_parameters_by_their_bits() -> None:
    """Of 8.03e9 parameters, two thirds of which have 4.5 bits; types without blocks are their bytes."""
    option = case("one card")
    held = {one.kind: one for one in option.layers.file.stored}
    assert sum(one.number for one in held.values()) == 8_030_261_248
    assert held["q4_k"].bytes == held["q4_k"].number * 144 // 256
    assert together([{"int4, groups of 128": 1001}]).bytes == 1001
    assert together([{"q4_k": 1001}]).bytes == 1001  # no whole block


def test_a_device_holds_parameters_of_each_type() -> None:
    """Of experts on the host, what the device has is less by what the host has more; together they are the file."""
    option = case("experts on the host")
    needed = figures(option, "needed")
    card, host = (step(one, "weights")["symbols"] for one in needed)
    whole = step(figures(option, "weights")[0], "weights")["symbols"]
    assert card["q4_k_parameters"] + host["q4_k_parameters"] == whole["q4_k_parameters"]
    assert host["q4_k_parameters"] > card["q4_k_parameters"] / 2


def test_which_option_is_meant() -> None:
    found = local("llama-3.1-8b", "rtx-3060", ["F16", "Q4_K_M", "Q8_0"], 4096)
    assert meant(found, None).name == "Q8_0"
    assert meant(found, "f16").name == "F16"
    nothing = local("llama-3.1-70b", "rtx-3060", ["Q8_0"], 4096, host=Host(memory=GIB))
    assert meant(nothing, None).name == "Q8_0"


def test_what_is_not_known_is_said_and_not_made_up() -> None:
    found = local("llama-3.1-8b", "rtx-3060", ["F16"], 8192)
    option = found.options[0]
    assert figures(option, "speed") == figures(option, "prompt") == []
    text = explained(found, option, ("speed", "prompt"), "text", None)
    assert "speed: some layers run on the host" in text
    assert "prompt: a prompt's speed is left out" in text
    none = local("llama-3.1-8b", "rtx-3060", ["F16"], 8192, host=Host(memory=GIB))
    assert "speed: it does not run" in explained(none, none.options[0], ("speed",), "markdown", None)
    assert explained(none, none.options[0], ("speed",), "latex", None).strip() == ""


def test_a_second_speed_opens_what_is_new() -> None:
    found = local("llama-3.1-8b", "rtx-3060", ["Q4_K_M"], 4096)
    text = explained(found, found.options[0], ("speed",), "text", None)
    assert text.count("attained_share * memory_bandwidth") == 1
    assert text.count("cache_seconds = ") == KNOWN - 1
