"""The Python interface: what it takes, and that every mistake that input can cause is a WeighbridgeError."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import weighbridge as wb
from weighbridge.models import family
from weighbridge.tree import stored


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wb.flops("gpt2", sequence=-5), "sequence: got -5"),
        (lambda: wb.flops("gpt2", batch=0), "batch: got 0"),
        (lambda: wb.flops("gpt2", sequence=5.5), "sequence: got 5.5"),  # type: ignore[arg-type]
        (lambda: wb.flops("gpt2", sequence="5"), 'sequence: got "5"'),  # type: ignore[arg-type]
        (lambda: wb.flops("gpt2", convention="intel"), 'convention: got "intel"'),
        (lambda: wb.flops("gpt2").explained("all"), 'quantity: got "all"'),
        (lambda: wb.generate("gpt2", 10, 5, convention="palm"), 'convention: got "palm"'),
        (lambda: wb.generate("gpt2", 10, 0), "tokens: got 0"),
        (lambda: wb.params("gpt2").explained("model"), 'quantity: got "model"; allowed: total'),
        (lambda: wb.params("gpt2").explained("prediction"), "gpt2 has no multi-token prediction"),
        (lambda: wb.params("gpt2", dtype=5), "dtype: got 5"),  # type: ignore[arg-type]
        (lambda: wb.params("gpt2", dtype=""), 'data type "" is unknown'),
        (lambda: wb.params(None), "MODEL: got null"),  # type: ignore[arg-type]
        (lambda: wb.load("gpt2", {1: "x"}), "field names as strings"),  # type: ignore[dict-item]
        (lambda: wb.explain(5), "figure: got 5"),
        (lambda: wb.compare([]), "models: got none"),
    ],
)
def test_mistakes_are_weighbridge_errors(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(wb.WeighbridgeError) as error:
        call()
    assert message in str(error.value)


def test_one_name_is_one_model() -> None:
    assert [row[0] for row in wb.compare("gpt2").rows] == ["gpt2"]


def test_a_report_explains_its_main_figure() -> None:
    assert wb.explain(wb.params("gpt2")) == wb.explain(wb.params("gpt2").explained())


def test_names_that_do_not_exist_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'weigh'"):
        _ = wb.weigh
    assert set(wb.__all__) <= set(dir(wb))


def test_widths_that_heads_do_not_divide_are_masked_in_arrays() -> None:
    model = wb.load("gpt2")
    swept = family("gpt2").build(replace(model.config, hidden_size=np.array([768.0, 770.0])))
    found: Any = swept.node().sum(lambda node: sum(w.count for w in node.weights.values()), stored)
    assert found[0] == wb.params("gpt2").total
    assert np.isnan(found[1])


def test_prediction_joins_both_sides_of_palm_and_6nd() -> None:
    from weighbridge.estimate.compute import forward_pass
    from weighbridge.estimate.conventions import training_flops

    model = wb.load("deepseek-v3")
    for convention in ("palm", "6nd"):
        without, with_it = (training_flops(model, forward_pass(8, prediction=p), convention) for p in (False, True))
        assert with_it - without >= 6 * 8 * wb.params(model).prediction_active


@pytest.mark.parametrize("example", ["own_module.py", "own_module_training.py"])
def test_an_example_ends_quietly_when_its_reader_does(example: str) -> None:
    path = Path(__file__).parents[1] / "examples" / example
    with subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == b""
