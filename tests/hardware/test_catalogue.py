"""The catalogue of devices: every file loads, every figure has a source and a size that can be."""

from __future__ import annotations

import re
import tomllib
from collections import Counter

import pytest

from weighbridge.errors import InputError
from weighbridge.hardware import catalogue
from weighbridge.hardware.device import KINDS, PRECISIONS, Device
from weighbridge.hardware.fabric import KINDS as NETWORKS

GIB = 2**30
GB = 10**9
DEVICES = [entry.device for entry in catalogue.entries()]
each = pytest.mark.parametrize("device", DEVICES, ids=lambda d: d.name)


def test_the_devices_that_people_train_on_are_there() -> None:
    assert len(DEVICES) >= 45
    for name in (
        "V100",
        "T4",
        "A10G",
        "A100-40GB",
        "A100 80GB",
        "A800",
        "L40S",
        "H100",
        "H100 NVL",
        "H20",
        "B200",
        "GB300",
    ):
        assert catalogue.find(name) is not None, name
    for name in ("MI210", "MI355X", "Gaudi 3", "TPU v4", "Ironwood", "Trainium2", "M2 Ultra", "EPYC 9654", "DGX Spark"):
        assert catalogue.find(name) is not None, name
    assert {device.vendor for device in DEVICES} == {"NVIDIA", "AMD", "Intel", "Google", "AWS", "Apple"}


@each
def test_every_figure_has_a_source(device: Device) -> None:
    figures = {*catalogue.NEEDED, "link", "link_bandwidth", "link_gpus"} | {
        f"peak_flops.{n}" for n in device.peak_flops
    }
    assert figures <= set(device.sources) <= figures | set(catalogue.FIGURES)
    for field, source in device.sources.items():
        assert len(source) >= 10, field
        assert "://" not in source, field
        assert "/work" not in source, field
    assert device.estimates <= {"context_bytes", "usable_bytes"}
    assert ("context_bytes" in device.estimates) == ("context_bytes" in device.sources)


@each
def test_what_has_no_source_is_neutral(device: Device) -> None:
    neutral = dict.fromkeys(catalogue.FIGURES) | {"usable_bytes": device.memory_bytes, "context_bytes": 0}
    for field in set(catalogue.FIGURES) - set(device.sources):
        assert getattr(device, field) == neutral[field], field


@each
def test_the_file_has_nothing_that_is_not_read(device: Device) -> None:
    data = tomllib.loads((catalogue.FOLDER / f"{device.name}.toml").read_text("utf-8"))
    words = {"title", "vendor", "kind", "architecture", "capability", "aliases", "link", "peak_flops"}
    assert set(data) <= words | set(catalogue.FIGURES)
    for name in set(data) & set(catalogue.FIGURES):
        assert set(data[name]) <= {"value", "source", "estimate"}


@each
def test_it_is_one_of_its_kind(device: Device) -> None:
    assert device.kind in KINDS
    assert device.network_kind is None or device.network_kind in NETWORKS
    assert (device.capability is not None) == (device.vendor == "NVIDIA")
    assert device.architecture.startswith("gfx") == (device.vendor == "AMD" and device.kind == "GPU")


@each
def test_memory_is_possible(device: Device) -> None:
    assert not list(device.problems())
    most = {"CPU": 6144, "system on a chip": 512}.get(device.kind, 300)
    assert 8 * GIB <= device.memory_bytes <= most * GIB
    least = 0.75 if device.vendor == "Apple" else 0.91
    assert least <= device.usable_bytes / device.memory_bytes <= 1
    assert device.context_bytes == 0 or 100 * 2**20 <= device.context_bytes <= GIB


@each
def test_rates_are_possible(device: Device) -> None:
    rates = device.peak_flops
    assert set(rates) <= set(PRECISIONS)
    assert list(rates) == sorted(rates, key=PRECISIONS.index)
    assert {"bf16", "fp16", "fp4"} & set(rates) or device.kind == "CPU"
    assert 1e12 <= min(rates.values()) <= max(rates.values()) <= 2e16
    assert rates.get("bf16", 0) in (0, rates.get("fp16", rates.get("bf16", 0)))
    wide = [rates[name] for name in ("fp32", "tf32", "bf16", "fp8", "fp6", "fp4") if name in rates]
    assert wide == sorted(wide)
    for wider, narrower in (("bf16", "fp8"), ("fp8", "fp4")):
        if narrower in rates and wider in rates:
            assert 1 <= rates[narrower] / rates[wider] <= 4.1


@each
def test_bandwidths_are_possible(device: Device) -> None:
    assert 60 * GB <= device.memory_bandwidth <= 8000 * GB
    assert device.pcie_bandwidth == 0 or 15 * GB <= device.pcie_bandwidth <= 120 * GB
    assert (device.link_bandwidth == 0) == (device.link == "none") == (device.link_gpus == 1)
    assert device.link_bandwidth == 0 or device.link_bandwidth > device.pcie_bandwidth
    assert device.link_bandwidth < device.memory_bandwidth
    assert 0.1 * GB <= device.network_bandwidth <= 100 * GB
    assert 1 <= device.gpus_per_node <= 16
    for latency in (device.link_latency, device.network_latency):
        assert latency is None or 1e-7 <= latency <= 1e-4


@each
def test_power_and_price_are_possible(device: Device) -> None:
    assert device.tdp_watts is None or 50 <= device.tdp_watts <= 1500
    assert device.price_per_hour is None or 0.05 <= device.price_per_hour <= 20
    if device.price_per_hour is not None:
        said = device.sources["price_per_hour"]
        assert re.search(r"20[0-9]{2}-[0-9]{2}|undated", said), "who asked it, and when"


def test_names_are_unique() -> None:
    names = [
        catalogue.key(name)
        for entry in catalogue.entries()
        for name in {catalogue.key(n): n for n in (entry.device.name, entry.device.title, *entry.aliases)}.values()
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_every_name_finds_its_device() -> None:
    for entry in catalogue.entries():
        for name in (entry.device.name, entry.device.title, *entry.aliases):
            assert catalogue.find(name.upper().replace("-", " ")) is entry.device


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("Tesla T4", "t4"),
        ("a100", "a100"),
        ("A100-SXM4-40GB", "a100-40gb"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("AMD Instinct MI300X", "mi300x"),
    ],
)
def test_names_as_pytorch_prints_them(name: str, found: str) -> None:
    assert catalogue.device(name).name == found


@pytest.mark.parametrize("name", ["", " ", "h", "H10O", "nvidia", "../models/catalogue/gpt2", "a\0", "x" * 10**6, "٣"])
def test_an_unknown_device_is_one_line(name: str) -> None:
    with pytest.raises(InputError) as caught:
        catalogue.device(name)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_the_nearest_device_is_named() -> None:
    with pytest.raises(InputError, match=r"did you mean h100"):
        catalogue.device("h10")


def test_what_people_have_themselves_is_told_from_servers() -> None:
    own = {device.name for device in DEVICES if device.own}
    assert {"rtx-3060", "rtx-4090", "rtx-6000-ada", "rtx-a6000", "rx-7900-xtx", "m4-max", "gb10"} <= own
    assert own.isdisjoint({"h100", "l4", "a10", "mi300x", "tpu-v5e", "gh200", "core-i9-13900k", "t4"})
