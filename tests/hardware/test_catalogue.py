"""The catalogue of devices: every file loads, every figure has a source and a size that can be."""

from __future__ import annotations

import tomllib
from collections import Counter

import pytest

from weighbridge.errors import InputError
from weighbridge.hardware import catalogue
from weighbridge.hardware.device import PRECISIONS, Device

GIB = 2**30
GB = 10**9
DEVICES = [entry.device for entry in catalogue.entries()]
each = pytest.mark.parametrize("device", DEVICES, ids=lambda d: d.name)


def test_the_devices_that_people_train_on_are_there() -> None:
    assert len(DEVICES) >= 30
    for name in ("V100", "T4", "A10G", "A100-40GB", "A100 80GB", "L40S", "H100", "H100 NVL", "H20", "B200", "GB300"):
        assert catalogue.find(name) is not None, name


@each
def test_every_figure_has_a_source(device: Device) -> None:
    figures = {*catalogue.FIGURES, "link", "link_bandwidth", "link_gpus"}
    assert set(device.sources) == figures | {f"peak_flops.{name}" for name in device.peak_flops}
    for field, source in device.sources.items():
        assert len(source) >= 10, field
        assert "://" not in source, field
        assert "/work" not in source, field
    assert device.estimates == {"context_bytes"}


@each
def test_the_file_has_nothing_that_is_not_read(device: Device) -> None:
    data = tomllib.loads((catalogue.FOLDER / f"{device.name}.toml").read_text("utf-8"))
    words = {"title", "vendor", "architecture", "capability", "aliases", "link", "peak_flops"}
    assert set(data) <= words | set(catalogue.FIGURES)
    for name in catalogue.FIGURES:
        assert set(data[name]) <= {"value", "source", "estimate"}


@each
def test_memory_is_possible(device: Device) -> None:
    assert not list(device.problems())
    assert 16 * GIB <= device.memory_bytes <= 300 * GIB
    assert 0.91 <= device.usable_bytes / device.memory_bytes < 1
    assert 100 * 2**20 <= device.context_bytes <= GIB


@each
def test_rates_are_possible(device: Device) -> None:
    rates = device.peak_flops.values()
    assert set(device.peak_flops) <= set(PRECISIONS)
    assert {"fp32", "fp16"} <= set(device.peak_flops)
    assert 5e12 <= min(rates) <= max(rates) <= 2e16
    assert device.peak_flops["fp32"] <= device.peak_flops["fp16"]
    assert device.peak_flops["fp16"] == device.peak_flops.get("bf16", device.peak_flops["fp16"])
    for wide, narrow in (("fp16", "fp8"), ("fp8", "fp4")):
        if narrow in device.peak_flops:
            assert 1.9 <= device.peak_flops[narrow] / device.peak_flops[wide] <= 4.1


@each
def test_bandwidths_are_possible(device: Device) -> None:
    assert 300 * GB <= device.memory_bandwidth <= 8000 * GB
    assert 15 * GB <= device.pcie_bandwidth <= 120 * GB
    assert (device.link_bandwidth == 0) == (device.link == "none") == (device.link_gpus == 1)
    assert device.link_bandwidth == 0 or device.link_bandwidth > device.pcie_bandwidth
    assert device.link_bandwidth < device.memory_bandwidth
    assert 1 * GB <= device.network_bandwidth <= 100 * GB


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
