"""Networks of one's own, as TOML."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.hardware import Cluster, Fabric, cluster, from_table


def with_network(**fields: Any) -> Cluster:
    return from_table({"device": "H100", "gpus": 64, "network": fields})


def test_a_network() -> None:
    made = with_network(
        kind="roce",
        nics_per_node=4,
        nic_bandwidth=50e9,
        rails=4,
        oversubscription=2,
        pod_gpus=32,
        latency=3e-6,
    )
    assert made.fabric == Fabric("RoCE", 4, 4, 2.0, 32, 3e-6)
    assert made.network_bandwidth == 25 * 10**9
    assert (made.network_kind, made.network_latency) == ("RoCE", 3e-6)


def test_what_a_network_leaves_out_is_the_device_s() -> None:
    made = with_network(oversubscription=1.5)
    assert made.network_bandwidth == 50 * 10**9
    assert made.network_kind == "InfiniBand"
    assert made.fabric == Fabric(oversubscription=1.5)
    assert with_network() == cluster("64xH100")


def test_bandwidth_is_said_in_three_ways() -> None:
    plain = from_table({"device": "H100", "gpus": 64, "network_bandwidth": 25e9})
    assert (
        plain
        == with_network(bandwidth_per_gpu=25e9)
        == with_network(nics_per_node=8, nic_bandwidth=25e9).__class__(plain.device, 64, 8, 25 * 10**9)
    )
    assert with_network(nics_per_node=8, nic_bandwidth=25e9).network_bandwidth == 25 * 10**9
    assert with_network(bandwidth_per_gpu=0).network_bandwidth == 0


def test_new_figures_of_a_device() -> None:
    changes = {"tdp_watts": 650, "price_per_hour": 1.85, "link_gpus": 16, "link_latency": 2e-6, "network_kind": "efa"}
    made = from_table({"device": "H100", "gpus": 64, "device_overrides": changes})
    device = made.device
    assert (device.tdp_watts, device.price_per_hour, device.link_latency) == (650, 1.85, 2e-6)
    assert (made.link_gpus, made.network_kind) == (16, "EFA")
    assert {device.sources[name] for name in changes} == {"given"}
    assert (made.tdp_watts, made.price_per_hour) == (64 * 650, 64 * 1.85)


def test_a_device_without_power_has_clusters_without() -> None:
    made = cluster("4xTPU v6e")
    assert (made.tdp_watts, made.price_per_hour) == (None, None)
    assert made.memory_bytes == 4 * 32 * 2**30


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "Token Ring"}, 'network.kind: got "Token Ring"; allowed: InfiniBand, RoCE'),
        ({"kind": "infini-band"}, "did you mean InfiniBand?"),
        ({"kind": 5}, "network.kind: got 5;"),
        ({"speed": 5}, "network.speed: no such field; allowed: kind, bandwidth_per_gpu"),
        ({"bandwidth_per_gpu": -1}, "network.bandwidth_per_gpu: got -1; allowed is 0 to"),
        ({"bandwidth_per_gpu": "400G"}, 'network.bandwidth_per_gpu: got "400G"; expected a whole number'),
        ({"nic_bandwidth": 50e9}, "network.nics_per_node: missing"),
        (
            {"nic_bandwidth": 50e9, "nics_per_node": 8, "bandwidth_per_gpu": 50e9},
            "network: the bandwidth is given twice",
        ),
        ({"nics_per_node": 0}, "network.nics_per_node: got 0; allowed is 1 to 1,000"),
        ({"nics_per_node": 8, "rails": 3}, "network.rails: got 3; allowed are divisors of nics_per_node, 8"),
        ({"oversubscription": 0.5}, "network.oversubscription: got 0.5; allowed is a number of 1 to 1,000"),
        ({"oversubscription": float("nan")}, "network.oversubscription: got nan;"),
        ({"oversubscription": True}, "network.oversubscription: got true;"),
        ({"pod_gpus": 12}, "network.pod_gpus: got 12; allowed are multiples of gpus_per_node, 8"),
        ({"latency": -1e-6}, "network.latency: got -1e-06; allowed is a number of 0 to 1"),
        ({"latency": 5}, "network.latency: got 5; allowed is a number of 0 to 1"),
    ],
)
def test_what_a_network_cannot_be_is_one_line(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        with_network(**fields)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"price_per_hour": -2.5}, "device_overrides.price_per_hour: got -2.5; allowed is a number of 0 to 100,000"),
        ({"tdp_watts": 0}, "device_overrides.tdp_watts: got 0; allowed is 1 to"),
        ({"link_latency": "1us"}, 'device_overrides.link_latency: got "1us"; allowed is a number'),
        ({"network_kind": "IB"}, 'device_overrides.network_kind: got "IB"; allowed: InfiniBand'),
    ],
)
def test_new_figures_that_cannot_be(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        from_table({"device": "H100", "gpus": 8, "device_overrides": changes})
    assert says in str(caught.value)


def test_a_network_is_a_table() -> None:
    with pytest.raises(InputError, match="network: got 5; expected a table"):
        from_table({"device": "H100", "gpus": 8, "network": 5})


def test_bandwidth_beside_a_network_that_says_it() -> None:
    with pytest.raises(InputError, match="network: the bandwidth is given twice"):
        from_table({"device": "H100", "gpus": 8, "network_bandwidth": 1e9, "network": {"bandwidth_per_gpu": 1e9}})
