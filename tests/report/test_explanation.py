"""Explanations read level by level and never wider than the window."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.estimate.compute import flops
from weighbridge.estimate.parameters import params
from weighbridge.models import catalogue
from weighbridge.report.explanation import as_dict, as_latex, as_markdown, as_text, steps


def test_levels_open_one_by_one() -> None:
    figure = params("llama-3.1-8b").explained()
    assert [step.label.symbol for step in steps(figure, 1)] == ["total_parameters"]
    second = [step.label.symbol for step in steps(figure, 2)]
    assert second == ["total_parameters", "embedding", "layer", "final_norm", "head"]
    third = [step.label.symbol for step in steps(figure, 3)]
    assert third[:4] == ["total_parameters", "embedding", "layer", "attention_norm"]
    assert "q_proj" in [step.label.symbol for step in steps(figure, 4)]


def test_by_default_single_projections_are_written_out() -> None:
    found = {step.label.symbol: step for step in steps(params("llama-3.1-8b").explained())}
    assert "q_proj" not in found
    assert " ".join(as_text(params("llama-3.1-8b").explained()).split()).count("mlp = 3 *") == 1
    assert found["mlp"].value == 176_160_768


def test_a_quantity_that_comes_again_is_explained_once() -> None:
    text = as_text(params("deepseek-v3").explained())
    assert text.count("\nattention = ") == 1
    assert "attention: see above" in text


@pytest.mark.parametrize("name", [entry.name for entry in catalogue.entries()])
@pytest.mark.parametrize("width", [60, 100])
def test_no_line_is_wider_than_the_window(name: str, width: int) -> None:
    figures: list[Any] = [params(name).explained(), flops(name).explained("training")]
    for figure in figures:
        assert max(len(line) for line in as_text(figure, width=width).splitlines()) <= width


def test_every_step_carries_its_value_in_every_form() -> None:
    figure = params("gpt2").explained()
    for step in as_dict(figure):
        assert f"{step['value']:,}" in as_text(figure)
        assert f"{step['value']:,}".replace(",", "{,}") in as_latex(figure)
        assert f"{step['value']:,}".replace(",", "{,}") in as_markdown(figure)
    assert as_latex(figure).count(r"\begin{align*}") == as_latex(figure).count(r"\end{align*}") == len(as_dict(figure))
    assert as_markdown(figure).count("$$") == 2 * len(as_dict(figure))
