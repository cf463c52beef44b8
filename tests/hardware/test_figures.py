"""Figures of a device: all that are known, each once, with unit and source."""

from __future__ import annotations

import pytest

from weighbridge.hardware import catalogue, figures
from weighbridge.hardware.figures import UNITS


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.device.name)
def test_every_known_figure_is_told_once(entry: catalogue.Entry) -> None:
    told = list(figures(entry.device))
    assert sorted(figure.name for figure in told) == sorted(entry.device.sources)
    assert all(figure.unit == UNITS[figure.name] for figure in told)
    assert {figure.name for figure in told if figure.estimate} == entry.device.estimates


def test_a_figure() -> None:
    told = {figure.name: figure for figure in figures(catalogue.device("h100"))}
    assert told["peak_flops.bf16"].value == 989_400_000_000_000
    assert told["link"].value == "NVLink 4"
    assert "Lambda" in told["price_per_hour"].source
