"""Error bands: of the framework that was asked for, or said to be of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import weighbridge as wb
from weighbridge.estimate.bands import bands_of, table

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
    return bands_of(training, file)[0].sentence


def test_the_framework_that_was_asked_for(file: Path) -> None:
    own = "measured runs of this kind fell within"
    assert sentence(file, "megatron").startswith(f"half of 200 {own} 0.3 %")
    assert sentence(file, "megatron-local").startswith(f"half of 200 {own} 0.3 %")
    assert sentence(file, "megatron", "llama-3.1-8b").startswith(f"half of 60 {own} 0.2 %")
    assert sentence(file, "torchtitan", "llama-3.1-8b").startswith(f"half of 100 {own} 4.0 %")


def test_other_frameworks_are_named(file: Path) -> None:
    others = "measured runs of other frameworks (megatron, torchtitan) fell within"
    assert sentence(file, "hf-sdpa").startswith(f"half of 300 {others} 0.5 %")
    assert sentence(file, "hf-sdpa", "llama-3.1-8b").startswith(f"half of 90 {others} 0.1 %")
