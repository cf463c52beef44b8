"""Error bands: of the framework that was asked for, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import weighbridge as wb
from weighbridge.estimate.bands import band_of, table, too_close

FILE = """
[peak_allocated]
n = 300
median = 0.5
p90 = 3.0
[peak_allocated.above_8_gib]
n = 90
median = 0.1
p90 = 1.0
[peak_allocated.by_framework.megatron]
n = 200
median = 0.3
p90 = 1.2
[peak_allocated.by_framework.megatron.above_8_gib]
n = 60
median = 0.2
p90 = 0.9
[peak_allocated.by_framework.torchtitan]
n = 100
median = 4.0
p90 = 9.0
[static_allocated]
n = 7
median = 1.0
p90 = 2.0
[static_allocated.by_framework.hf]
n = 7
median = 1.0
p90 = 2.0
[peak_reserved]
n = 40
median = 5.0
p90 = 50.0
[peak_reserved.by_framework.hf]
n = 40
median = 5.0
p90 = 50.0
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "bands.toml"
    path.write_text(FILE)
    table.cache_clear()
    yield path
    table.cache_clear()


def sentence(file: Path, framework: str, model: str = "gpt2") -> str:
    training = wb.train(model, wb.Plan.under(framework, gpus=8, sequence=1024), "8xH200")
    band = band_of(training, file)
    return band.sentence if band else ""


def test_the_framework_that_was_asked_for(file: Path) -> None:
    own = "measured runs of this kind fell within"
    assert sentence(file, "megatron").startswith(f"half of 200 {own} 0.3 %")
    assert sentence(file, "megatron-local").startswith(f"half of 200 {own} 0.3 %")
    assert sentence(file, "megatron", "llama-3.1-8b").startswith(f"half of 60 {own} 0.2 %")
    assert sentence(file, "torchtitan", "llama-3.1-8b").startswith(f"half of 100 {own} 4.0 %")


def test_without_runs_of_the_allocated_peak_the_reserved_one_counts(file: Path) -> None:
    said = "half of 40 measured runs of this kind fell within 5.0 % of the reserved peak, nine in ten within 50.0 %"
    assert sentence(file, "hf-sdpa") == said


def test_no_band_of_another_framework_is_given(file: Path) -> None:
    file.write_text(FILE.replace("by_framework.hf", "by_framework.other"))
    table.cache_clear()
    assert sentence(file, "hf-sdpa") == ""


def test_what_is_left_may_be_less_than_estimates_are_off(file: Path) -> None:
    plan = wb.Plan.under("hf-sdpa", gpus=8, sequence=1024)
    assert not too_close(wb.train("gpt2", plan, "8xH200"), file)
    full = wb.train("llama-3.1-8b", wb.Plan.under("hf-sdpa", gpus=8, sequence=1024), "8xH200")
    reserved = full.worst.peak_reserved
    assert too_close(full, file) == (200 * abs(full.worst.free or 0) < 100 * reserved)
    assert not too_close(wb.train("gpt2", plan), file)
