"""``weighbridge clusters``: the table, one device, one cluster, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from weighbridge.hardware import catalogue

Cli = Callable[..., tuple[int, str, str]]


def test_the_table_has_every_device(cli: Cli) -> None:
    status, out, err = cli("clusters")
    assert (status, err) == (0, "")
    first = {line.split()[0] for line in out.splitlines() if line.strip()}
    assert {entry.device.name for entry in catalogue.entries()} <= first
    assert "80 devices" in out


@pytest.mark.parametrize("width", [20, 40, 80, 100, 120])
@pytest.mark.parametrize("words", [[], ["h100"], ["64xH200"], ["examples/cluster.toml"]])
def test_no_line_is_wider_than_the_window(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, width: int, words: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    status, out, _ = cli("clusters", *words)
    assert status == 0
    assert max(len(line) for line in out.splitlines()) <= width


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["apple", "ultra"], {"m1-ultra", "m2-ultra", "m3-ultra"}),
        (["cpu"], {"epyc-9654", "xeon-8480", "core-i9-13900k", "ryzen-9-7950x"}),
        (["tpu"], {"tpu-v4", "tpu-v5e", "tpu-v5p", "tpu-v6e", "tpu-v7"}),
        (["GFX942"], {"mi300a", "mi300x", "mi325x"}),
        (["gb2"], {"gb200"}),
        (["NVIDIA", "GH"], {"gh200", "gh200-141gb"}),
    ],
)
def test_words_narrow_the_table(cli: Cli, words: list[str], names: set[str]) -> None:
    data = json.loads(cli("clusters", "--json", *words)[1])
    assert {device["name"] for device in data["devices"]} == names
    assert data["cluster"] is None


@pytest.mark.parametrize("name", ["h100", "NVIDIA H100 80GB HBM3", "4090", "NVIDIA A800-SXM4-80GB", "Ironwood"])
def test_one_device_shows_every_figure_and_source(cli: Cli, name: str) -> None:
    status, out, _ = cli("clusters", *name.split())
    device = catalogue.device(name)
    assert status == 0
    assert out.startswith(device.name)
    flat = " ".join(out.split())
    assert all(" ".join(source.split()) in flat for source in device.sources.values())


def test_what_no_source_says_is_said(cli: Cli) -> None:
    assert "no source was found for: power, price" in cli("clusters", "tpu-v6e")[1]


def test_a_cluster_in_json(cli: Cli) -> None:
    data = json.loads(cli("clusters", "2x8xH100", "--json")[1])
    made = data["cluster"]
    assert (made["device"], made["devices"], made["nodes"], made["devices_per_node"]) == ("h100", 16, 2, 8)
    assert made["memory_bytes"] == 16 * 80 * 2**30
    assert made["peak_flops"]["bf16"] == 16 * 989_400_000_000_000
    assert made["tdp_watts"] == 16 * 700
    assert [level["name"] for level in made["levels"]] == ["NVLink 4", "InfiniBand"]


def test_a_file_gives_figures_anew(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'device = "H100"\ngpus = 16\n[network]\nkind = "Ethernet"\nbandwidth_per_gpu = 12.5e9\n'
        "[device_overrides]\nprice_per_hour = 1.5\n",
        "utf-8",
    )
    status, out, _ = cli("clusters", str(file))
    assert status == 0
    assert "$24.00 an hour" in out
    assert "Ethernet" in out
    assert "InfiniBand" not in out
    data = json.loads(cli("clusters", str(file), "--json")[1])
    assert data["devices"][0]["figures"]["price_per_hour"] == {
        "value": 1.5,
        "unit": "dollars per hour",
        "source": "given",
        "estimate": False,
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["h10o"], 'WORDS: no device or cluster matches "h10o"; did you mean h100'),
        (["8xh10o"], 'device "h10o" is unknown; weighbridge clusters lists the 80 that are known; did you mean h100'),
        (["0xH100"], "cluster: got 0; allowed is 1 to 1,000,000 GPUs"),
        (["no", "such", "thing"], 'no device or cluster matches "no such thing"'),
        (["missing.toml"], "missing.toml cannot be read"),
        (["x" * 10_000], "no device or cluster matches"),
        (["h100\n"], "h100"),
        (["\u202e"], "no device or cluster matches"),
    ],
)
def test_what_is_none_is_one_line(cli: Cli, words: list[str], says: str) -> None:
    status, out, err = cli("clusters", *words)
    if status == 0:
        assert says in out
        return
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
