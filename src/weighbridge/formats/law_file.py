"""A fitted law in a JSON file, as ``weighbridge scaling fit --json`` prints it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from weighbridge.errors import InputError, given, shown
from weighbridge.formats.files import LONGEST_PATH, read_json
from weighbridge.laws.law import Fitted, Span
from weighbridge.laws.parametric import Matrix, Parametric

CONSTANTS = ("e", "a", "b", "alpha", "beta")
SPANS = ("compute", "parameters", "tokens")


def load_law(path: Path) -> Parametric:
    """The law of a file.

    Raises:
        UnreadableError: for a file that cannot be read.
        InputError: for one that holds no fitted law, naming the field.
    """
    data = read_json(path)
    name = shown(str(path), LONGEST_PATH)
    values = {constant: _constant(name, data, constant) for constant in CONSTANTS}
    law = _table(name, data, "law")
    fitted = _table(name, law, "fitted")
    return Parametric(
        name=shown(str(law.get("name", path.stem)), 30),
        title=shown(str(law.get("title", path.stem)), 60),
        source=name,
        data=shown(str(law.get("data", "")), 60),
        fitted=Fitted(name, *(_span(name, fitted, span) for span in SPANS)),
        covariance=_covariance(name, data.get("covariance")),
        e=values["e"],
        a=values["a"],
        b=values["b"],
        alpha=values["alpha"],
        beta=values["beta"],
    )


def _table(name: str, data: dict[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    if not isinstance(found, dict):
        raise InputError(f"{name}: {key}: got {given(found)}; expected what weighbridge scaling fit --json prints")
    return found


def _constant(name: str, data: dict[str, Any], constant: str) -> float:
    entry = _table(name, data, "constants").get(constant)
    value = entry.get("value") if isinstance(entry, dict) else entry
    return _positive(f"{name}: constants.{constant}", value)


def _positive(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InputError(f"{where}: got {given(value)}; expected a number above 0")
    return float(value)


def _span(name: str, fitted: dict[str, Any], key: str) -> Span | None:
    if fitted.get(key) is None:
        return None
    span = _table(name, fitted, key)
    low, high = (_positive(f"{name}: fitted.{key}.{end}", span.get(end)) for end in ("low", "high"))
    return Span(low, high)


def _covariance(name: str, rows: Any) -> Matrix | None:
    if rows is None:
        return None
    square = isinstance(rows, list) and len(rows) == 5 and all(isinstance(row, list) and len(row) == 5 for row in rows)
    if not square or not all(isinstance(v, int | float) and math.isfinite(v) for row in rows for v in row):
        raise InputError(f"{name}: covariance: expected five rows of five numbers, or null")
    return tuple(tuple(float(v) for v in row) for row in rows)
