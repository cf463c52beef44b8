"""CLUSTER, in every form."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.errors import InputError, UnreadableError
from weighbridge.formats.cluster import load_cluster
from weighbridge.hardware import cluster


def write(folder: Path, text: str) -> Path:
    path = folder / "ours.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_spelling() -> None:
    assert load_cluster("2x8xH100") == cluster("2x8xH100")


@pytest.mark.parametrize("as_text", [True, False])
def test_a_file(tmp_path: Path, as_text: bool) -> None:
    path = write(
        tmp_path,
        """
        device = "H100"
        gpus = 64
        gpus_per_node = 4
        network_bandwidth = 25e9
        [device_overrides]
        usable_bytes = 84_000_000_000
        [device_overrides.peak_flops]
        bf16 = 800e12
        """,
    )
    made = load_cluster(str(path) if as_text else path)
    assert (made.device.name, made.gpus, made.gpus_per_node, made.nodes) == ("h100", 64, 4, 16)
    assert (made.network_bandwidth, made.device.usable_bytes) == (25 * 10**9, 84 * 10**9)
    assert made.device.peak("bf16") == 800 * 10**12


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('device = "H10O"\ngpus = 8', 'device: device "H10O" is unknown'),
        ('device = "H100"\ngpus = 0', "gpus: got 0;"),
        ('device = "H100"\ngpus = 8\n[device_overrides]\nmemory = 1', "device_overrides.memory: no such field"),
    ],
)
def test_what_a_file_says_wrong_names_the_file(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_cluster(path)
    assert f"{path}: {says}" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["device = ", "a" + ".a" * 1000 + " = 1", "gpus = " + "9" * 5000, "x = 1\n" * 20_000])
def test_what_is_no_description_is_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        load_cluster(write(tmp_path, text))
    assert str(caught.value).isprintable()


def test_files_that_are_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.toml", "absent.toml", "a/b", "/" + "x" * 5000):
        with pytest.raises(UnreadableError) as caught:
            load_cluster(path)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize("text", ["a\0.toml", "a\n/b", "\ud800.toml", 8, None])
def test_what_is_no_text_is_one_line(text: str) -> None:
    with pytest.raises(InputError, match=r"^cluster: got .*; expected 8xH100") as caught:
        load_cluster(text)
    assert str(caught.value).isprintable()
