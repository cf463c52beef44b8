"""The curves on file are what the fit writes, and their errors are what the tables say."""

from __future__ import annotations

import tomllib

import pytest

pytest.importorskip("scipy", reason="the dependency group fit is not installed")
pytest.importorskip("pyarrow", reason="the dependency group fit is not installed")
pytest.importorskip("aiconfigurator_core", reason="the measured tables (weighbridge[silicon]) are not installed")

from tools import published_attention
from tools.fit_speeds import curves, streaming, written
from tools.problems import problems, trained
from tools.tables import SYSTEMS, System
from weighbridge.hardware.catalogue import device
from weighbridge.hardware.speeds.reading import FOLDER, names, parts

EACH = [pytest.param(system, id=system.device) for system in SYSTEMS]


def on_file(system: System) -> dict[str, dict[str, object]]:
    """The parts of a device's file, nested names joined."""
    return parts(tomllib.loads((FOLDER / f"{system.device}.toml").read_text("utf-8")))


def test_every_system_has_its_file() -> None:
    assert {system.device for system in SYSTEMS} == set(names())


@pytest.mark.parametrize("system", EACH)
def test_errors_on_file_are_those_of_the_curves_on_file(system: System) -> None:
    known = on_file(system)
    for name, problem in problems(system, known["stream"]):
        values = {r.name: known[name][r.name] for r in problem.ranges}
        fit = problem.fit(values)  # type: ignore[arg-type]
        published = {"published": published_attention.source(system.device)} if name == "attention" else {}
        assert known[name]["fit"] == {**fit, **published}, name
        if name == "attention":
            assert trained(system, device(system.device), values).items() <= known[name].items()  # type: ignore[arg-type]


@pytest.mark.parametrize("system", [p for p in EACH if p.id != "a100"])
def test_streams_on_file_are_read_off_the_tables(system: System) -> None:
    assert streaming(system) == on_file(system)["stream"]


def test_a_fit_again_writes_the_same() -> None:
    system = next(system for system in SYSTEMS if system.device == "a100")
    assert written(system, curves(system)) == (FOLDER / "a100.toml").read_text("utf-8")
