"""Seconds of kernels: what holds for every curve, and what was measured."""

from __future__ import annotations

import csv
import math
import statistics
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import speed_tables, truth
from weighbridge.errors import InputError
from weighbridge.hardware.catalogue import device, entries
from weighbridge.hardware.speeds import Heat, Speeds, speeds
from weighbridge.hardware.speeds.matmul import INPUT_BITS
from weighbridge.hardware.speeds.reading import linked, measured, names, nearest, rate
from weighbridge.traced import Traced, symbol

TRUTH = truth.TRUTH / "hardware_microbench.csv"

DEVICES = [entry.device.name for entry in entries()]

chosen = st.sampled_from(DEVICES)
sizes = st.integers(1, 60_000)


def of(name: str) -> tuple[Speeds, str]:
    """Speeds of a device, and a type of 16 bits, or 32, that it has."""
    found = device(name)
    return speeds(found), next(kind for kind in ("bf16", "fp16", "tf32", "fp32") if kind in found.peak_flops)


def value(number: Any) -> float:
    """A plain float."""
    return float(number.value if isinstance(number, Traced) else number)


# What holds for every curve


@settings(max_examples=200, deadline=None)
@given(chosen, sizes, sizes, sizes, st.integers(1, 64))
def test_no_multiplication_beats_peak_or_bandwidth(
    name: str, rows: int, columns: int, depth: int, products: int
) -> None:
    found, precision = of(name)
    seconds = found.matmul(rows, columns, depth, precision, products)
    assert seconds > 2 * products * rows * columns * depth / found.device.peak(precision)
    moved = INPUT_BITS[precision] / 8 * products * (rows * depth + depth * columns + rows * columns)
    assert seconds > moved / found.device.memory_bandwidth
    assert seconds > found.curve(precision).launch


@settings(max_examples=200, deadline=None)
@given(chosen, sizes, sizes, sizes)
def test_more_depth_or_more_tiles_never_take_less_time(name: str, rows: int, columns: int, depth: int) -> None:
    found, precision = of(name)
    least = found.matmul(rows, columns, depth, precision)
    for more in ((rows + 256, columns, depth), (rows, columns + 256, depth), (rows, columns, depth + 1)):
        assert found.matmul(*more, precision) >= least * (1 - 1e-12)
    assert found.matmul(rows, columns, depth, precision, products=2) >= least


@settings(max_examples=100, deadline=None)
@given(chosen, sizes, sizes, sizes)
def test_numbers_traced_numbers_and_arrays_agree_on_multiplications(
    name: str, rows: int, columns: int, depth: int
) -> None:
    found, precision = of(name)
    plain = found.matmul(rows, columns, depth, precision)
    traced = found.matmul(symbol("m", rows), symbol("n", columns), symbol("k", depth), precision)
    array: Any = found.matmul(np.array([float(rows), 77.0]), columns, depth, precision)  # type: ignore[arg-type]
    assert isinstance(traced, Traced)
    assert value(traced) == pytest.approx(plain, rel=1e-12)
    assert array[0] == pytest.approx(plain, rel=1e-12)
    assert array[1] == pytest.approx(found.matmul(77, columns, depth, precision), rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(chosen, st.integers(1, 16), st.sampled_from([1, 4, 8]), st.integers(1, 40_000), st.sampled_from([64, 128, 192]))
def test_attention(name: str, batch: int, groups: int, length: int, dim: int) -> None:
    found, _ = of(name)
    heads = groups * 4

    def run(*sizes: Any, causal: bool = True) -> Any:
        b, h, kv, q, k = sizes
        return found.attention(b, h, kv, q, k, dim, dim, causal=causal)

    plain = run(batch, heads, groups, length, length)
    start = run(batch, heads, groups, 1, 1)  # what masking costs each head before it spares anything
    assert plain < run(batch, heads, groups, length, length, causal=False) + start
    assert run(batch, heads, groups, length + 128, length + 128) >= plain
    assert run(batch + 1, heads, groups, length, length) >= plain
    assert value(run(symbol("b", batch), heads, groups, symbol("s", length), length)) == pytest.approx(plain, rel=1e-12)
    array = run(np.array([batch, 3.0]), heads, groups, float(length), float(length))
    assert array[0] == pytest.approx(plain, rel=1e-12)
    flops = 2 * batch * heads * length * (length + 1) * dim
    assert flops / plain < rate(found.device) * found.curves.attention.training
    back = found.attention_backward(batch, heads, groups, length, length, dim, dim)
    assert back == pytest.approx(plain * 2.5 / found.curves.attention.backward)


def test_a_window_takes_less_than_all_pairs() -> None:
    found = speeds(device("h100"))
    window = 4096 * 1024 - 1024 * 1023 // 2
    short = found.attention(2, 32, 8, 4096, 4096, 128, 128, pairs=window)
    assert short < found.attention(2, 32, 8, 4096, 4096, 128, 128)
    assert short < found.attention(2, 32, 8, 4096, 4096, 128, 128, causal=False)


@given(chosen, st.integers(0, 10**11))
def test_streams_add_up(name: str, moved: int) -> None:
    found, _ = of(name)
    assert found.stream(moved) >= found.launch
    assert found.stream(2 * moved) - found.stream(moved) == pytest.approx(found.stream(moved) - found.launch)
    assert value(found.stream(symbol("b", moved))) == pytest.approx(found.stream(moved))
    assert moved / found.stream(moved) < found.device.memory_bandwidth


@pytest.mark.parametrize("rows", [10**5, 10**6])
@pytest.mark.parametrize("name", ["a100", "h100", "b200", "gb300"])
def test_shapes_of_training_beyond_the_tables_run_at_the_rate_of_large_ones(name: str, rows: int) -> None:
    found = speeds(device(name))
    attained = [2 * rows * n * k / found.matmul(rows, n, k) for n, k in ((4096, 4096), (50_000, 8192), (8192, 50_000))]
    large = 2 * 16384**3 / found.matmul(16384, 16384, 16384)
    assert all(0.9 * large < rate < 1.1 * large for rate in attained)


def test_experts_as_one_kernel_fill_the_device_that_one_alone_cannot() -> None:
    found = speeds(device("h100"))
    assert found.matmul(512, 2048, 4096, products=64) < 64 * found.matmul(512, 2048, 4096)


def test_the_power_limit_holds_the_clock_of_long_work() -> None:
    short, own, steady = (speeds(device("h100"), heat=heat) for heat in Heat)
    first, long = (128, 8192, 8192), (16384, 16384, 16384)
    assert short.matmul(*first) <= own.matmul(*first) < steady.matmul(*first)
    assert short.matmul(*long) < own.matmul(*long) == pytest.approx(steady.matmul(*long))
    assert steady.matmul(*long) / short.matmul(*long) == pytest.approx(1 / steady.curve("bf16").sustained, rel=0.01)


def test_types() -> None:
    h100, a100 = speeds(device("h100")), speeds(device("a100"))
    assert h100.matmul(8192, 8192, 8192, "fp8") < h100.matmul(8192, 8192, 8192) < h100.matmul(8192, 8192, 8192, "tf32")
    assert h100.matmul(8192, 8192, 8192, "fp16") == h100.matmul(8192, 8192, 8192)
    with pytest.raises(InputError, match=r'^precision: NVIDIA A100 SXM 80 GB has no rate for "fp8"'):
        a100.matmul(8, 8, 8, "fp8")


# Where a device's curves come from


def test_devices_that_were_not_measured_scale_from_the_nearest() -> None:
    like = {"h20": "h100", "gh200": "h100", "l4": "l40s", "rtx-4090": "l40s", "rtx-5090": "rtx-pro-6000"}
    like |= {"a100-40gb": "a100", "v100-32gb": "a100", "t4": "a100", "a10": "l40s", "mi300x": "h200"}
    assert {name: nearest(device(name)) for name in like} == like
    assert {name: nearest(device(name)) for name in names()} == {name: name for name in names()}
    assert linked(device("a40")) == linked(device("v100-32gb")) == "a100"
    assert linked(device("l40s")) == linked(device("rtx-4090")) == "rtx-pro-6000"


def test_the_basis_says_what_was_measured() -> None:
    own = speeds(device("h100"))
    rows = measured("h100").fits["matmul.bf16"]
    assert own.basis.startswith(
        f"measured on NVIDIA H100 SXM 80 GB: {rows.rows:,} matrix multiplications in bf16, half"
    )
    assert speeds(device("l4")).basis.startswith("scaled from NVIDIA L40S by datasheet rates (")
    assert "and its best published matrix multiplication" in speeds(device("mi300x")).basis


def test_attention_of_relatives_attains_what_their_multiplications_do() -> None:
    """The best published multiplication of an MI300X attains 0.64 of its peak of what that of an H200 does."""
    shape = (4, 32, 8, 8192, 8192, 128, 128)
    known = device("mi300x")
    of_its_peak = speeds(replace(known, name="nobody's"))
    assert speeds(known).attention(*shape) > 1.2 * of_its_peak.attention(*shape)


def test_slower_relatives_are_slower_by_their_datasheets() -> None:
    sxm, pcie = speeds(device("h100")), speeds(device("h100-pcie"))
    ratio = device("h100").peak("bf16") / device("h100-pcie").peak("bf16")
    assert pcie.matmul(16384, 16384, 16384) / sxm.matmul(16384, 16384, 16384) == pytest.approx(ratio, rel=0.03)
    assert pcie.stream(10**10) / sxm.stream(10**10) == pytest.approx(3.35 / 2, rel=0.01)


# What was measured


@pytest.mark.parametrize("name", ["a100", "h100", "h200", "b200", "gb200", "gb300"])
def test_long_multiplications_are_met_within_eight_percent_on_the_median(name: str) -> None:
    fits = measured(name).fits
    assert all(fits[f"matmul.{kind}"].long_median < 0.08 for kind in ("bf16", "fp8") if f"matmul.{kind}" in fits)


NAMED = {
    "NVIDIA A100 SXM": "a100",
    "NVIDIA A100 PCIe": "a100-pcie",
    "NVIDIA H100 SXM": "h100",
    "NVIDIA H200 SXM": "h200",
    "NVIDIA B200 SXM": "b200",
    "NVIDIA B300 SXM": "b300",
    "NVIDIA GB200 SXM": "gb200",
    "AMD MI300X": "mi300x",
    "AMD MI325X": "mi325x",
    "AMD MI355X": "mi355x",
}


def microbench() -> list[Any]:
    """Published best shapes of multiplications."""
    if not TRUTH.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason="../shared/truth is not here"))]
    rows = [row for row in csv.DictReader(TRUTH.open()) if row["kind"] == "matmul" and row["accelerator"] in NAMED]
    return [pytest.param(row, id=f"{row['accelerator']} {row['dtype']}") for row in rows]


@pytest.mark.parametrize("row", microbench())
def test_the_best_published_multiplications(row: dict[str, str]) -> None:
    """The best of a search over shapes: no slower than the curve by more than 12 %, no faster by more than 35 %."""
    rows, columns, depth = map(int, row["shape"].split("x"))
    seconds = speeds(device(NAMED[row["accelerator"]])).matmul(rows, columns, depth, row["dtype"])
    attained = 2 * rows * columns * depth / seconds / 1e12
    assert 1 / 1.35 < attained / float(row["measured_tflops"]) < 1.12


PUBLISHED = [
    ("h200", 4096, 616),
    ("h200", 8192, 655),
    ("gb200", 4096, 1319),
    ("gb200", 16384, 1609),
    ("gb300", 8192, 1886),
    ("a100-pcie", 8192, 217),
]
"""TFLOP/s of causal attention in training: device, length, rate; 2 sequences, 64 heads of 128 with 8 of keys. Source:
NVIDIA/cudnn-frontend, benchmark/attention_training/results/llama3.1, runs of 28 September 2026."""


@pytest.mark.parametrize(("name", "length", "rate"), PUBLISHED)
def test_published_attention_in_training(name: str, length: int, rate: float) -> None:
    seconds = speeds(device(name)).attention(2, 64, 8, length, length, 128, 128)
    assert 2 * 2 * 64 * length * length * 128 / seconds / 1e12 == pytest.approx(rate, rel=0.1)


def test_kernels_measured_by_this_project() -> None:
    """Nothing is fitted to them: multiplications and copies of more than 50 microseconds on an H100."""
    known = speeds(device("h100"))
    found = [(speed_tables.by_curve(known, row), row["seconds"]) for row in speed_tables.ran_here()]
    kinds = {"multiplication, bf16": (0.1, 0.25), "copy, addition, SiLU": (0.02, 0.05)}
    for kind, (median, worst) in kinds.items():
        errors = [abs(curve[1] / seconds - 1) for curve, seconds in found if curve is not None and curve[0] == kind]
        assert len(errors) >= 9
        assert statistics.median(errors) < median
        assert max(errors) < worst


# The tables themselves


def installed() -> bool:
    try:
        speeds(device("h100"), raw=True)
    except InputError:
        return False
    return True


silicon = pytest.mark.skipif(not installed(), reason="weighbridge[silicon] is not installed")


@pytest.mark.skipif(installed(), reason="weighbridge[silicon] is installed")
def test_raw_without_the_package_is_one_line() -> None:
    with pytest.raises(
        InputError, match=r"^raw: measured tables are not installed; pip install 'weighbridge\[silicon\]'"
    ):
        speeds(device("h100"), raw=True)


@silicon
def test_raw_of_a_device_that_is_not_measured_is_one_line() -> None:
    with pytest.raises(InputError, match=r"^raw: NVIDIA L4 is not in the measured tables; allowed: a100, b200"):
        speeds(device("l4"), raw=True)


@silicon
def test_raw_answers_are_between_their_neighbours() -> None:
    raw = speeds(device("h100"), raw=True)
    assert "interpolated between measurements" in raw.basis
    low, middle, high = (raw.matmul(rows, 8192, 8192) for rows in (8192, 12_000, 16_384))
    assert low < middle < high
    assert math.log(middle / low) / math.log(high / low) == pytest.approx(math.log(12_000 / 8192) / math.log(2))
    assert raw.matmul(8192, 8192, 8192) == pytest.approx(speeds(device("h100")).matmul(8192, 8192, 8192), rel=0.1)


@silicon
def test_raw_answers_fall_back_to_the_curve() -> None:
    raw, curve = speeds(device("h100"), raw=True), speeds(device("h100"))
    assert raw.matmul(10**6, 8192, 8192) == curve.matmul(10**6, 8192, 8192)
    assert raw.matmul(512, 2048, 4096, products=8) == curve.matmul(512, 2048, 4096, products=8)
    many: Any = raw.matmul(np.array([4096.0, 1e6]), 4096, 4096)  # type: ignore[arg-type]
    assert many.tolist() == [raw.matmul(4096, 4096, 4096), curve.matmul(10**6, 4096, 4096)]
    assert raw.attention(3, 7, 7, 4096, 4096, 128, 128) == curve.attention(3, 7, 7, 4096, 4096, 128, 128)
    near = curve.attention(2, 32, 8, 4096, 4096, 128, 128)
    assert raw.attention(2, 32, 8, 4096, 4096, 128, 128) == pytest.approx(near, rel=0.2)
