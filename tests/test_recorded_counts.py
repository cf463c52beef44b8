"""What transformers and PyTorch counted, recorded by tests/oracle/record.py, for machines that have neither."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import from_raw
from weighbridge.models import families

ROWS = json.loads((Path(__file__).parent / "golden" / "counts.json").read_text("utf-8"))


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [f"{row['raw']['model_type']}-{number}" for number, row in enumerate(rows)]


@pytest.mark.parametrize("row", ROWS["parameters"], ids=names(ROWS["parameters"]))
def test_parameters(row: dict[str, Any]) -> None:
    report = params(from_raw("recorded", row["raw"], {}, ""))
    assert {kind.value: count for kind, count in report.by_kind.items()} == row["by_kind"]
    assert report.total == sum(row["by_kind"].values())


@pytest.mark.parametrize("row", ROWS["flops"], ids=names(ROWS["flops"]))
def test_flops(row: dict[str, Any]) -> None:
    model = from_raw("recorded", row["raw"], {}, "")
    report = FlopReport(model, forward_pass(row["sequence"], row["batch"]), "torch")
    assert (report.forward, report.backward) == (row["forward"], row["backward"])


def test_every_type_is_recorded() -> None:
    for rows in ROWS.values():
        recorded = {row["raw"]["model_type"] for row in rows}
        assert recorded == set(families())
