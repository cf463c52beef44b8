"""Error bands: of the narrowest kind of run that enough were measured of, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weighbridge as wb
from weighbridge.estimate.bands import Band, band_of, bands_of, percent, table, too_close

FILE = """
[peak_allocated]
n = 300
median = 0.5
p90 = 3.0
several_gpus = { n = 250, median = 0.6, p90 = 3.1, dense = { n = 31, median = 0.61, p90 = 3.2 } }
[peak_allocated.by_framework.megatron]
n = 200
median = 0.3
p90 = 1.2
[peak_allocated.by_framework.megatron.several_gpus]
n = 190
median = 0.4
p90 = 1.3
above_8_gib = { n = 60, median = 0.2, p90 = 0.9 }
dense = { n = 90, median = 0.45, p90 = 1.4, above_8_gib = { n = 29, median = 0.1, p90 = 0.2 } }
experts = { n = 30, median = 0.46, p90 = 1.5 }
[peak_allocated.by_framework.torchtitan.several_gpus]
n = 20
median = 4.0
p90 = 9.0
[peak_allocated.by_framework.hf.one_gpu]
n = 50
median = 0.02
p90 = 1.0
[static_allocated.by_framework.hf.one_gpu]
n = 7
median = 1.0
p90 = 2.0
[peak_reserved]
n = 40
median = 5.0
p90 = 50.0
[peak_reserved.by_framework.hf.one_gpu]
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


def sentence(file: Path, framework: str, model: str = "gpt2", gpus: int = 8) -> str:
    training = wb.train(model, wb.Plan.under(framework, gpus=gpus, sequence=1024), "8xH200")
    band = next((band for band in bands_of(training, file) if band.attribute == "peak_allocated"), None)
    return band.sentence if band else ""


def test_the_kind_of_run_that_was_asked_for(file: Path) -> None:
    """The narrowest of which 30 were measured: 29 large dense runs are too few, 60 large runs of all models are not."""
    own = "measured runs of this kind (Megatron-LM, several GPUs"
    assert sentence(file, "megatron") == (
        f"half of 90 {own}, dense models) fell within 0.5 % of the allocated peak, nine in ten within 1.4 %"
    )
    assert sentence(file, "megatron-local").startswith(f"half of 90 {own}, dense models)")
    assert sentence(file, "megatron", "llama-3.1-8b").startswith(f"half of 60 {own}, above 8 GiB) fell within 0.2 %")
    moe = wb.Plan.under(gpus=8, sequence=128, expert=8)
    tiny = wb.load("mixtral-8x7b", {"num_hidden_layers": 1, "hidden_size": 1024, "intermediate_size": 256})
    found = bands_of(wb.train(tiny, moe), file)
    assert found[0].sentence.startswith(f"half of 30 {own}, models with experts) fell")


def test_runs_on_one_gpu_stand_for_none_on_several(file: Path) -> None:
    alone = sentence(file, "hf-sdpa", gpus=1)
    assert alone.startswith("half of 50 measured runs of this kind (transformers, one GPU) fell under 0.1 % from the")
    several = sentence(file, "hf-sdpa", gpus=8)
    assert several.startswith("half of 31 measured runs of this kind (any framework, several GPUs, dense models) fell")


def test_fewer_than_thirty_runs_are_no_kind_of_their_own(file: Path) -> None:
    assert sentence(file, "torchtitan").startswith("half of 31 measured runs of this kind (any framework, several")
    assert sentence(file, "megatron", gpus=1).startswith("half of 300 measured runs of this kind (any framework) fell")


def test_no_band_is_given_of_a_framework_without_runs(file: Path) -> None:
    file.write_text(FILE.replace("by_framework.hf", "by_framework.other"))
    table.cache_clear()
    assert sentence(file, "hf-sdpa", gpus=1) == ""


def test_a_band_is_never_nothing() -> None:
    said = [percent(value) for value in (0.0, 0.049, 0.05, 1.25)]
    assert said == ["under 0.1 %", "under 0.1 %", "within 0.1 %", "within 1.2 %"]
    assert Band("peak_reserved", 40, 0.0, 0.01).sentence == (
        "half of 40 measured runs of this kind (any framework) fell under 0.1 % from the reserved peak, "
        "nine in ten under 0.1 %"
    )


def with_memory(training: wb.Training, room: int) -> Any:
    from dataclasses import replace

    assert training.cluster is not None
    device = replace(training.cluster.device, usable_bytes=room)
    return replace(training, cluster=replace(training.cluster, device=device))


def test_what_is_left_may_be_less_than_estimates_are_off(file: Path) -> None:
    """The band is that of the reserved peak, where one is known, and not the narrower one of the allocated peak."""
    small = wb.train("gpt2", wb.Plan.under("hf-sdpa", gpus=1, sequence=1024), "1xH200")
    band = band_of(small, file)
    assert band is not None
    assert (band.attribute, band.p90_percent) == ("peak_reserved", 50.0)
    total, reserved = int(small.worst.device_total), int(small.worst.peak_reserved)
    assert too_close(with_memory(small, total + reserved * 2 // 5), file)
    assert too_close(with_memory(small, total - reserved * 2 // 5), file)
    assert not too_close(with_memory(small, total + reserved * 3 // 5), file)
    assert not too_close(wb.train("gpt2", wb.Plan.under("hf-sdpa", gpus=1, sequence=1024)), file)
    megatron = wb.train("gpt2", wb.Plan.under(gpus=8, sequence=1024), "8xH200")
    own = band_of(megatron, file)
    assert own is not None
    assert own.attribute == "peak_allocated"
