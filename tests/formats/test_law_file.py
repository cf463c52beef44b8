"""Fitted laws in JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.estimate.test_law_fit import runs
from weighbridge.errors import InputError
from weighbridge.estimate.law_fit import fit_law
from weighbridge.formats.law_file import load_law
from weighbridge.report.fitted_schema import fitted


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(fitted(fit_law(runs(0.002), starts=5, bootstrap=20, name="mine"))))
    return found


def test_a_law_comes_back_as_it_was(data: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data), "utf-8")
    law, fit = load_law(path), fit_law(runs(0.002), starts=5, bootstrap=20, name="mine").law
    assert law.constants() == fit.constants()
    assert (law.name, law.covariance) == ("mine", fit.covariance)
    assert law.fitted.compute == fit.fitted.compute


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("constants",), None, "constants: got null; expected what weighbridge scaling fit --json prints"),
        (("constants", "alpha"), {"value": -1}, "constants.alpha: got -1; expected a number above 0"),
        (("constants", "e"), {"value": "x"}, 'constants.e: got "x"'),
        (("constants", "beta"), None, "constants.beta: got null"),
        (("law",), 5, "law: got 5"),
        (("law", "fitted", "tokens"), {"low": 1}, "fitted.tokens.high: got null"),
        (("covariance",), [[1.0]], "covariance: expected five rows of five numbers"),
    ],
)
def test_files_that_hold_no_law(
    data: dict[str, Any], path: tuple[str, ...], value: Any, message: str, tmp_path: Path
) -> None:
    spoiled: Any = json.loads(json.dumps(data))
    inside = spoiled
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(spoiled), "utf-8")
    with pytest.raises(InputError) as error:
        load_law(file)
    assert message in str(error.value)
