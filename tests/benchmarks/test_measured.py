"""Runs measured on GPUs of our own, after the estimator was written: estimates of their memory, row by row."""

from __future__ import annotations

import json
from statistics import median

import pytest

from benchmarks.estimating import answer, estimate
from benchmarks.rows import MEASURED, Row, problems, read

ROWS = [row for rows in read(MEASURED).values() for row in rows]


def errors(counter: str) -> dict[str, float]:
    """Percent by which estimates are off."""
    found = {}
    for row in ROWS:
        if row["counter"] == counter:
            value, needs = estimate(row, answer(row))
            assert value is not None, needs
            assert row["bytes"] is not None
            found[row["id"]] = 100 * (value / row["bytes"] - 1)
    return found


def test_rows_follow_the_schema() -> None:
    assert ROWS
    assert {row["id"]: list(problems(row)) for row in ROWS if list(problems(row))} == {}


@pytest.mark.parametrize(("counter", "half", "every"), [("max_allocated", 0.2, 2), ("allocated", 0.2, 3)])
def test_allocated_memory_is_that_of_the_run(counter: str, half: float, every: float) -> None:
    found = errors(counter)
    assert median(map(abs, found.values())) < half
    assert {name: off for name, off in found.items() if abs(off) > every} == {}


def test_reserved_memory_is_estimated() -> None:
    assert median(map(abs, errors("max_reserved").values())) < 3


def test_cases_are_those_that_the_script_runs() -> None:
    from benchmarks.gpu.train_steps import MODELS, cases

    known = {case.name: case for case in cases()}

    def case_of(row: Row) -> str:
        return row["id"].removeprefix("measured/").rpartition("/")[0]

    for row in ROWS:
        case = known[case_of(row)]
        assert row["plan"] == json.loads(json.dumps(case.plan))
        assert row["model"] == MODELS[case.model]
    assert {case_of(row) for row in ROWS} == known.keys()
