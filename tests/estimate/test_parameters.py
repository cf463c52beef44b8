"""Totals and their parts."""

from __future__ import annotations

import pytest

from weighbridge import arithmetic
from weighbridge.errors import InputError
from weighbridge.estimate.parameters import parameters_of, params
from weighbridge.models import catalogue
from weighbridge.report.formula import expression, symbols
from weighbridge.tree import Kind, placed, stored

HELPERS = ("exact_div", "ceil_div", "floor_div", "minimum", "maximum", "scale", "where")
"""What written formulas call, beside the operators."""


@pytest.mark.parametrize("name", [entry.name for entry in catalogue.entries()])
def test_parts_add_up_and_derivations_agree(name: str) -> None:
    report = params(name)
    assert sum(report.by_kind.values()) == report.total
    assert report.embedding + report.non_embedding == report.total
    assert report.active <= report.total
    for quantity in ("total", "active", "bytes", "embedding", "non_embedding"):
        traced = report.explained(quantity)
        plain = report.bytes() if quantity == "bytes" else getattr(report, quantity)
        value = getattr(traced, "value", traced)
        assert value == plain
    total = report.explained()
    helpers = {name: getattr(arithmetic, name) for name in HELPERS}
    assert eval(expression(total), helpers, symbols(total)) == report.total


@pytest.mark.parametrize("name", ["deepseek-v3", "qwen3-next-80b-a3b", "qwen3-vl-8b", "gpt2"])
def test_every_kind_and_every_module_is_explained(name: str) -> None:
    report = params(name)
    for kind, count in report.by_kind.items():
        assert getattr(report.explained(f"kind {kind}"), "value", None) == count
    for path, node, times in placed(report.tree):
        if path and not node.apart and (each := node.sum(parameters_of, stored)):
            assert report.explained(f"each {path}").value == each
            assert report.explained(f"all {path}").value == times * each


def test_a_module_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"did you mean each layers\.attention"):
        params("gpt2").explained("each layers.atention")


def test_active_parameters_leave_out_experts_that_a_token_does_not_meet() -> None:
    report = params("mixtral-8x7b")
    expert = 3 * 4096 * 14336
    assert report.total - report.active == 32 * 6 * expert
    assert params("llama-7b").active == params("llama-7b").total


def test_the_router_has_a_data_type_of_its_own() -> None:
    report = params("qwen1.5-moe-a2.7b-padded", "bf16", "fp32")
    assert report.bytes() == 28_638_515_200
    assert params("qwen1.5-moe-a2.7b-padded", "bf16").bytes() == 28_632_616_960


def test_learned_positions_count_as_embedding_and_tied_heads_not_at_all() -> None:
    report = params("gpt2")
    assert report.embedding == (50257 + 1024) * 768
    assert Kind.HEAD not in report.by_kind


def test_four_bits_round_up_per_tensor() -> None:
    odd = params("gpt2").bytes("int4")
    assert odd >= params("gpt2").total / 2
    assert params("llama-3.1-8b").bytes("int4") == 4_015_130_624


def test_data_types_come_from_the_configuration_or_are_bf16() -> None:
    assert params("gpt2").dtype.name == "fp32"
    assert params("llama-3.1-8b").dtype.name == "bf16"
    with pytest.raises(InputError, match='data type "fp7" is unknown'):
        params("gpt2", "fp7")
