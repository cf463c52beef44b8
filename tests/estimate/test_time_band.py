"""The error band of a step's time: of the narrowest kind of run that enough were measured of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.estimate.time.steps import DATA, EXPERTS, ONE, SHARDED
from weighbridge.estimate.time_band import sentence, time_band
from weighbridge.estimate.training import train
from weighbridge.formats.loading import load
from weighbridge.models.tuning import Lora, Tuning
from weighbridge.parallel.plan import Plan

TABLE = """
[step_seconds]
n = 400
median = 20.0
p90 = 50.0
[step_seconds.by_framework.megatron]
n = 200
median = 10.04
p90 = 30.0
[step_seconds.by_framework.megatron.several_gpus]
n = 150
median = 9.0
p90 = 25.0
[step_seconds.by_framework.megatron.several_gpus.experts]
n = 60
median = 12.0
p90 = 28.0
[step_seconds.by_framework.megatron.one_gpu]
n = 2
median = 1.0
p90 = 1.0
"""


def test_the_narrowest_kind_with_enough_runs(tmp_path: Path) -> None:
    file = tmp_path / "bands.toml"
    file.write_text(TABLE, "utf-8")
    kinds = {name: time_band(step, file) for name, step in {"data": DATA, "experts": EXPERTS, "one": ONE}.items()}
    assert {name: band and band.kind for name, band in kinds.items()} == {
        "data": "step_seconds.by_framework.megatron.several_gpus",
        "experts": "step_seconds.by_framework.megatron.several_gpus.experts",
        "one": "step_seconds.by_framework.megatron",
    }
    one, other = kinds["one"], time_band(SHARDED, file)
    assert one is not None
    assert sentence(one) == (
        "half of 200 measured step times (Megatron-LM) fell within 10.0 % of the estimate, nine in ten within 30.0 %"
    )
    assert other is not None
    assert other.kind == "step_seconds"
    assert "400 measured step times (any framework)" in sentence(other)


def test_none_where_none_were_measured(tmp_path: Path) -> None:
    assert time_band(DATA, tmp_path / "nothing.toml") is None
    band = time_band(DATA)
    assert band is not None
    assert band.n > 0


def test_adapters_are_a_kind_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "bands.toml"
    file.write_text(f"{TABLE}\n[step_seconds.fine_tuning.by_framework.megatron]\nn = 72\nmedian = 22.0\np90 = 90.0\n")
    model = replace(load("llama-3.1-8b"), tuning=Tuning(Lora(16)))
    band = time_band(train(model, Plan.under("megatron"), "8xH100"), file)
    assert band is not None
    assert sentence(band).startswith("half of 72 measured step times (fine-tuning, Megatron-LM) fell within 22.0 %")
    assert time_band(train(model, Plan.under("hf-sdpa"), "8xH100"), file) is None
