"""What joins a group of GPUs, and how fast."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.hardware import Fabric, Level, Span, cluster, joints, span

GB = 10**9


@pytest.mark.parametrize(
    ("text", "ranks", "stride", "level", "bandwidth", "near"),
    [
        ("64xH100", 1, 1, Level.LINK, 450 * GB, 1),
        ("64xH100", 8, 1, Level.LINK, 450 * GB, 8),
        ("64xH100", 2, 4, Level.LINK, 450 * GB, 2),
        ("64xH100", 3, 1, Level.NETWORK, 50 * GB, 3),
        ("64xH100", 16, 1, Level.NETWORK, 50 * GB, 8),
        ("64xH100", 8, 8, Level.NETWORK, 50 * GB, 1),
        ("64xH100", 16, 4, Level.NETWORK, 50 * GB, 2),
        ("6xH100", 3, 1, Level.LINK, 450 * GB, 3),
        ("8xA100-PCIe", 2, 1, Level.LINK, 300 * GB, 2),
        ("8xA100-PCIe", 2, 2, Level.NODE, 31_507_692_308, 2),
        ("8xA100-PCIe", 8, 1, Level.NODE, 31_507_692_308, 8),
        ("16xA100-PCIe", 16, 1, Level.NETWORK, 3_125_000_000, 8),
        ("8xL4", 8, 1, Level.NODE, 31_507_692_308, 8),
        ("144xGB200", 72, 1, Level.LINK, 900 * GB, 72),
        ("144xGB200", 8, 1, Level.LINK, 900 * GB, 8),
        ("144xGB200", 144, 1, Level.NETWORK, 50 * GB, 72),
        ("144xGB200", 2, 72, Level.NETWORK, 50 * GB, 1),
        ("4096xTPU v4", 4096, 1, Level.LINK, 300 * GB, 4096),
        ("2xM2 Ultra", 2, 1, Level.NETWORK, 1_250_000_000, 1),
    ],
)
def test_what_joins_a_group(text: str, ranks: int, stride: int, level: Level, bandwidth: int, near: int) -> None:
    found = span(cluster(text), ranks, stride)
    assert (found.level, found.bandwidth, found.near) == (level, bandwidth, near)


def test_latencies_are_those_of_the_level() -> None:
    tpus = cluster("8xTPU v5e")
    assert span(tpus, 8).latency == 1e-6
    assert span(cluster("16xA100"), 16).latency == 6e-7
    assert span(replace(cluster("16xA100"), fabric=Fabric(latency=3e-6)), 16).latency == 3e-6
    assert span(cluster("16xH100"), 16).latency is None


THIN = replace(cluster("512xH100"), fabric=Fabric(oversubscription=4.0, pod_gpus=128))


@pytest.mark.parametrize(
    ("ranks", "stride", "bandwidth"),
    [(8, 1, 450 * GB), (16, 1, 50 * GB), (128, 1, 50 * GB), (16, 8, 50 * GB), (256, 1, 12.5e9), (64, 8, 12.5e9)],
)
def test_pods_are_not_oversubscribed(ranks: int, stride: int, bandwidth: float) -> None:
    assert span(THIN, ranks, stride).bandwidth == bandwidth


def test_without_pods_oversubscription_begins_at_the_server() -> None:
    assert span(replace(cluster("512xH100"), fabric=Fabric(oversubscription=4.0)), 16).bandwidth == 12.5e9


def test_rails() -> None:
    railed = replace(cluster("64xH100"), fabric=Fabric(rails=8))
    assert span(railed, 8, 8).one_rail
    assert not span(railed, 16, 1).one_rail
    assert span(cluster("64xH100"), 16, 1).one_rail


@given(
    text=st.sampled_from(["64xH100", "64xA100-PCIe", "144xGB200", "64xL4", "64xMI210", "64xGaudi 3"]),
    ranks=st.integers(1, 64),
    stride=st.integers(1, 64),
)
def test_a_wider_group_is_never_nearer(text: str, ranks: int, stride: int) -> None:
    made = cluster(text)
    order = list(Level)
    found, wider = span(made, ranks, stride), span(made, 2 * ranks, stride)
    assert order.index(found.level) <= order.index(wider.level)
    assert 1 <= found.near <= ranks
    assert found.bandwidth > 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("H100", []),
        ("8xH100", [("NVLink 4", 8)]),
        ("64xH100", [("NVLink 4", 8), ("InfiniBand", 64)]),
        ("16xA100-PCIe", [("NVLink 3 bridge", 2), ("PCIe 4", 8), ("network", 16)]),
        ("144xGB200", [("NVLink 5", 72), ("InfiniBand", 144)]),
        ("8xL4", [("PCIe 4", 8)]),
        ("2xM2 Ultra", [("Ethernet", 2)]),
    ],
)
def test_what_joins_a_cluster(text: str, told: list[tuple[str, int]]) -> None:
    assert [(joint.name, joint.gpus) for joint in joints(cluster(text))] == told


def test_what_joins_pods() -> None:
    assert [(joint.name, joint.gpus, joint.bandwidth) for joint in joints(THIN)] == [
        ("NVLink 4", 8, 450 * GB),
        ("InfiniBand, a pod", 128, 50 * GB),
        ("InfiniBand, 4 times oversubscribed", 512, 12.5e9),
    ]


@pytest.mark.parametrize("text", ["64xH100", "144xGB200", "16xA100-PCIe", "8xL4", "256xTPU v6e"])
def test_joints_are_spans(text: str) -> None:
    made = cluster(text)
    for joint in joints(made):
        found = span(made, joint.gpus)
        assert found == Span(joint.level, joint.bandwidth, joint.latency, found.near, found.one_rail)
