"""Floating-point operations of passes and of generation."""

from __future__ import annotations

import pytest

from weighbridge import arithmetic
from weighbridge.errors import InputError
from weighbridge.estimate.comparison import compare
from weighbridge.estimate.compute import FlopReport, flops, forward_pass
from weighbridge.estimate.generation import generate
from weighbridge.formats import load
from weighbridge.models import catalogue
from weighbridge.report.formula import expression, symbols
from weighbridge.tape import Phase
from weighbridge.tree import Kind, run

NAMES = [entry.name for entry in catalogue.entries()]


HELPERS = ("exact_div", "ceil_div", "floor_div", "minimum", "maximum", "scale", "where")
"""What written formulas call, beside the operators."""


@pytest.mark.parametrize("name", NAMES)
def test_children_sum_to_parents_and_derivations_agree(name: str) -> None:
    report = flops(name, 512)
    for node in report.tree.walk():
        below = sum(run(child) * report.of(child, "forward") for child in node.children)
        assert report.of(node, "forward") == report.own("forward")(node) + below
    for quantity in ("forward", "backward", "training"):
        assert report.explained(quantity).value == getattr(report, quantity)
    figure = report.explained()
    helpers = {name: getattr(arithmetic, name) for name in HELPERS}
    assert eval(expression(figure), helpers, symbols(figure)) == report.forward


@pytest.mark.parametrize("name", NAMES)
def test_masks_only_take_away(name: str) -> None:
    seen, unmasked, counted = flops(name, 512), flops(name, 512, causal=False), flops(name, 512, convention="torch")
    assert seen.forward <= unmasked.forward
    recurrent = {Kind.STATE_SPACE, Kind.LINEAR_ATTENTION}  # PyTorch counts another form of these
    assert unmasked.forward <= counted.forward or recurrent & {node.kind for node in seen.tree.walk()}


@pytest.mark.parametrize("name", NAMES)
def test_decoding_is_the_same_in_one_sum_as_step_by_step(name: str) -> None:
    model = load(name)
    for convention in ("exact", "torch"):
        whole = FlopReport(model, forward_pass(20, 2, phase=Phase.DECODE, past=130), convention).forward
        steps = [forward_pass(1, 2, phase=Phase.DECODE, past=130 + i) for i in range(20)]
        assert whole == sum(FlopReport(model, step, convention).forward for step in steps)


def test_a_prompt_makes_logits_of_one_position() -> None:
    training, generated = flops("llama-3.1-8b", 100), generate("llama-3.1-8b", 100, 1)
    assert training.forward - generated.prefill.forward == 2 * 99 * 4096 * 128_256


def test_multi_token_prediction_runs_when_asked() -> None:
    model = load("deepseek-v3")
    with_it = FlopReport(model, forward_pass(64, prediction=True)).forward
    assert with_it > FlopReport(model, forward_pass(64)).forward


def test_sequences_end_where_learned_positions_do() -> None:
    with pytest.raises(InputError, match="gpt2 has learned positions for at most 1,024"):
        flops("gpt2", 1025)
    with pytest.raises(InputError, match="1,030 tokens"):
        generate(load("gpt2"), 1000, 30)
    assert generate("gpt2", 900, 100).decode.explained().label.symbol == "decode_flops"
    with pytest.raises(InputError, match="generation has no backward pass"):
        generate("gpt2", 10, 10).decode.explained("training")
    with pytest.raises(InputError, match="learned positions"):
        compare(["gpt2"], 2000)
    assert flops("gpt2").work.sequence == 1024


def test_uncounted_operations_are_listed_with_what_they_make() -> None:
    found = flops("llama-3.1-8b", 10).uncounted()
    assert found["norm"] == (2 * 32 + 1) * 10 * 4096
    assert found["lookup"] == 10 * 4096
    assert set(found) == {"lookup", "norm", "rotary", "silu", "multiply", "add"}


def test_comparison_lists_models_in_the_order_given() -> None:
    report = compare(["gpt2", "mamba-codestral-7b", "deepseek-v3"], 128)
    assert [row[0] for row in report.rows] == ["gpt2", "mamba-codestral-7b", "deepseek-v3"]
    heads = [row[report.columns.index("kv heads")] for row in report.rows]
    assert heads == [12, None, None]
