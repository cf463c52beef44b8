"""Clusters: their spellings, their tables, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.hardware import Cluster, cluster, from_table


@pytest.mark.parametrize(
    ("text", "device", "gpus", "per_node", "nodes"),
    [
        ("8xH100", "h100", 8, 8, 1),
        ("8 x h100", "h100", 8, 8, 1),
        ("H100", "h100", 1, 1, 1),
        ("4XH100", "h100", 4, 4, 1),
        ("2x8xH100", "h100", 16, 8, 2),
        ("4x4*A100-40GB", "a100-40gb", 16, 4, 4),
        ("64×H200", "h200", 64, 8, 8),
        ("12xH100", "h100", 12, 8, 2),
        ("2x3090", "rtx-3090", 2, 2, 1),
        ("4090", "rtx-4090", 1, 1, 1),
        ("144xGB200", "gb200", 144, 4, 36),
        ("0008xH100", "h100", 8, 8, 1),
    ],
)
def test_spellings(text: str, device: str, gpus: int, per_node: int, nodes: int) -> None:
    made = cluster(text)
    assert (made.device.name, made.gpus, made.gpus_per_node, made.nodes) == (device, gpus, per_node, nodes)


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("64xH100", 8),
        ("4xH100", 4),
        ("2x4xH100", 4),
        ("8xL4", 1),
        ("8xA100-PCIe", 2),
        ("144xGB200", 72),
        ("8xGB200", 8),
    ],
)
def test_gpus_that_a_link_joins(text: str, joined: int) -> None:
    assert cluster(text).link_gpus == joined


REFUSED = [
    "",
    " ",
    "x",
    "8x",
    "0xH100",
    "-8xH100",
    "8.5xH100",
    "2x0xH100",
    "2x2x2xH100",
    "8xH100x8",
    "1000001xH100",
    "1000x1001xH100",
    "9" * 90 + "xH100",
    "9" * 5000 + "xH100",
    "8xH100\n8xA100",
    "\u202e8xH100",
    "8xH100\0",
    "٣xH100",
    "8x" + "h" * 10**6,
    "8xZ9000",
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda t: repr(t[:20]))
def test_what_is_no_cluster_is_one_line(text: str) -> None:
    with pytest.raises(InputError) as caught:
        cluster(text)
    message = str(caught.value)
    assert message.startswith("cluster: ")
    assert message.isprintable()
    assert len(message) < 600


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{0,9}x?[0-9]{0,9}x?[hHaA]?[0-9]{1,3}", fullmatch=True))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_cluster_or_one_line(text: str) -> None:
    refused = ""
    try:
        made = cluster(text)
    except InputError as error:
        refused = str(error)
    assert refused.isprintable()
    if not refused:
        assert 1 <= made.link_gpus <= made.gpus <= made.nodes * made.gpus_per_node
        assert made.gpus > (made.nodes - 1) * made.gpus_per_node


def test_a_table() -> None:
    made = from_table({"device": "H100", "gpus": 64, "gpus_per_node": 4, "network_bandwidth": 25e9})
    assert made == Cluster(cluster("H100").device, 64, 4, 25 * 10**9)
    assert made.network_bandwidth == 25 * 10**9
    assert from_table({"device": "H100", "gpus": 64}).network_bandwidth == 50 * 10**9


def test_overrides() -> None:
    known = cluster("H100").device
    changes = {"usable_bytes": 85 * 10**9, "peak_flops": {"bf16": 8e14}, "link": "NVLink 4", "context_bytes": 0}
    changed = from_table({"device": "H100", "gpus": 8, "device_overrides": changes}).device
    assert (changed.usable_bytes, changed.context_bytes) == (85 * 10**9, 0)
    assert changed.peak_flops == {**known.peak_flops, "bf16": 8 * 10**14}
    assert changed.memory_bandwidth == known.memory_bandwidth
    assert changed.sources == {
        **known.sources,
        **dict.fromkeys(("usable_bytes", "peak_flops.bf16", "link", "context_bytes"), "given"),
    }
    assert changed.estimates == frozenset()
    assert known.peak("bf16") == 989_400_000_000_000


def wrong(**fields: Any) -> dict[str, Any]:
    return {"device": "H100", "gpus": 8, **fields}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({}, "device: missing"),
        ({"device": "H100"}, "gpus: missing"),
        (wrong(device=8), "device: got 8;"),
        (wrong(device="H10O"), "did you mean h100"),
        (wrong(gpus=0), "gpus: got 0; allowed is 1 to 1,000,000"),
        (wrong(gpus=True), "gpus: got true;"),
        (wrong(gpus="8"), 'gpus: got "8";'),
        (wrong(gpus=8.5), "gpus: got 8.5;"),
        (wrong(gpus=float("inf")), "gpus: got inf;"),
        (wrong(gpus=float("nan")), "gpus: got nan;"),
        (wrong(gpus=10**40), "gpus: got a number of 41 digits"),
        (wrong(gpus_per_node=16), "gpus_per_node: got 16; allowed is 1 to gpus, 8"),
        (wrong(gpu=8), "gpu: no such field; allowed: device, gpus"),
        (wrong(network_bandwidth=-1), "network_bandwidth: got -1; allowed is 0"),
        (wrong(device_overrides=[1]), "device_overrides: got a list of 1;"),
        (wrong(device_overrides={"memory": 1}), "device_overrides.memory: no such field"),
        (wrong(device_overrides={"name": "x"}), "device_overrides.name: no such field"),
        (wrong(device_overrides={"usable_bytes": 10**12}), "device_overrides.usable_bytes: got 1,000,000,000,000;"),
        (wrong(device_overrides={"context_bytes": 86 * 10**9}), "device_overrides.context_bytes: got"),
        (wrong(device_overrides={"pcie_generation": 2}), "device_overrides.pcie_generation: got 2; allowed: 3, 4"),
        (wrong(device_overrides={"memory_bandwidth": 0}), "device_overrides.memory_bandwidth: got 0;"),
        (wrong(device_overrides={"peak_flops": 1}), "device_overrides.peak_flops: got 1;"),
        (wrong(device_overrides={"peak_flops": {"bf17": 1}}), "device_overrides.peak_flops.bf17: no such field"),
        (wrong(device_overrides={"peak_flops": {"bf16": "1"}}), 'device_overrides.peak_flops.bf16: got "1";'),
        (wrong(device_overrides={"link": "a\nb"}), "device_overrides.link: got"),
        (wrong(**{"a\nb" * 1000: 1}), "no such field"),
    ],
)
def test_what_a_table_cannot_say_is_one_line(table: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        from_table(table)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_a_cluster_says_what_it_is() -> None:
    assert str(cluster("1024xH100")) == "1,024 x NVIDIA H100 SXM 80 GB"


def test_a_cluster_of_no_text() -> None:
    with pytest.raises(InputError, match=r"^cluster: got 8; expected"):
        cluster(8)  # type: ignore[arg-type]
