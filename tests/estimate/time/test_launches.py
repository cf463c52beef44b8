"""Kernels that are not one, or not as fast as a copy."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from weighbridge.estimate.time.launches import SLOWER, launch, several
from weighbridge.estimate.training import train
from weighbridge.hardware.catalogue import device
from weighbridge.parallel.framework import FRAMEWORKS
from weighbridge.parallel.plan import Plan

MEASURED = Path(__file__).parents[3] / "benchmarks/measured/kernels/h100-80gb-hbm3.jsonl"


@pytest.mark.parametrize(("name", "kernels"), [("cast", ("to fp32",)), ("norm", ("rms norm", "layer norm"))])
def test_slower_kernels_are_as_slow_as_measured(name: str, kernels: tuple[str, ...]) -> None:
    rows = [json.loads(line) for line in MEASURED.read_text().splitlines()[1:]]
    copies = [row["bytes"] / row["seconds"] for row in rows if row.get("kernel") == "copy" and row["bytes"] > 10**8]
    rate = statistics.median(copies)
    large = [row for row in rows if row["kernel"] in kernels and row["bytes"] > 10**8]
    assert statistics.median(rate * row["seconds"] / row["bytes"] for row in large) == pytest.approx(
        SLOWER[name], rel=0.06
    )


def test_operations_that_are_written_out_are_several_kernels() -> None:
    one, many = (train("llama-3.2-1b", Plan.under(name, sequence=64)) for name in ("megatron", "hf-sdpa"))
    for training, kernels in ((one, 1), (many, 5)):
        tape = training.stages[0].runs[0][0].weighed.piece.tape
        rotary = next(operation for operation in tape.operations if operation.name == "rotary")
        assert several(training.kernels, rotary).forward == kernels


def test_the_host_takes_longer_where_operations_are_much_python_and_processors_older() -> None:
    h100, a100 = device("H100"), device("A100")
    assert launch(FRAMEWORKS["hf-sdpa"], h100) == 25e-6
    assert launch(FRAMEWORKS["megatron"], h100) == 120e-6
    assert launch(FRAMEWORKS["megatron"], a100) == pytest.approx(216e-6)
