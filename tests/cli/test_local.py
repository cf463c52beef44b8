"""``weighbridge local``: the table, JSON, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from weighbridge.cli.local import size
from weighbridge.errors import InputError

Cli = Callable[..., tuple[int, str, str]]

CARD = ("local", "llama-3.1-8b", "--on", "RTX 3060")


def test_the_table_says_which_fits_and_how_fast(cli: Cli) -> None:
    status, out, err = cli(*CARD, "--gguf", "Q4_K_M,Q8_0,F16", "--cpu", "13900k", "--ram", "32GiB")
    assert (status, err) == (0, "")
    lines = [line for line in out.splitlines() if " by device" not in line]
    verdicts = {line.split()[0]: line for line in lines if line.startswith(("Q", "F16"))}
    assert " yes " in verdicts["Q4_K_M"]
    assert "33/33" in verdicts["Q8_0"]
    assert "with the host" in verdicts["F16"]
    assert "the largest that fits is Q8_0:" in out
    assert "the fastest is Q4_K_M:" in out


def test_what_is_missing_is_said(cli: Cli) -> None:
    _, out, _ = cli(*CARD, "--gguf", "F16")
    assert "none is on devices alone" in out
    assert "--cpu says how fast" in out
    _, out, _ = cli(*CARD, "--gguf", "F16", "--cpu", "13900k", "--ram", "1GiB")
    assert "none of them fits" in out
    _, out, _ = cli(*CARD, "--gguf", "F16", "--cpu", "13900k", "--ram", "4GiB", "--disk", "3GB/s")
    assert "from disk" in out


def test_several_devices(cli: Cli) -> None:
    _, out, _ = cli("local", "llama-3.1-8b", "--on", "RTX 4090", "--on", "RTX 3060", "--tensor-split", "3,1")
    assert "NVIDIA GeForce RTX 4090 + NVIDIA GeForce RTX 3060 12 GB" in out
    _, out, _ = cli("local", "llama-3.1-8b", "--on", "RTX 4090", "--on", "RTX 4090")
    assert "2 x NVIDIA GeForce RTX 4090" in out


def test_json_has_every_quantisation_and_device(cli: Cli) -> None:
    status, out, _ = cli(*CARD, "--gguf", "Q4_K_M,F16", "--json")
    data = json.loads(out)
    assert status == 0
    assert [option["quantisation"] for option in data["options"]] == ["Q4_K_M", "F16"]
    for option in data["options"]:
        parts = option["by_device"]
        assert [part["device"] for part in parts] == ["rtx-3060", None]
        assert sum(part["weights"] for part in parts) == option["weights"]
        assert all(part["needed"] == sum(part[n] for n in ("weights", "cache", "buffers", "outside")) for part in parts)
    assert data["options"][1]["tokens_per_second"] is None  # some layers are on a host whose speed nobody said


def test_explained_as_data(cli: Cli) -> None:
    """Which quantisation is meant, and every figure of the answer with the value that it has there."""
    status, out, _ = cli(*CARD, "--json", "--explain")
    data = json.loads(out)
    assert (status, data["explained"]) == (0, "Q8_0")
    best = next(option for option in data["options"] if option["quantisation"] == "Q8_0")
    roots = {step["symbol"]: step["value"] for step in data["explanation"] if len(step["path"]) == 1}
    assert roots.pop("rtx_3060_needed") == best["by_device"][0]["needed"]
    assert roots.pop("host_needed") == best["by_device"][1]["needed"]
    assert len(roots) == 6
    assert roots == {name: best[name] for name in roots}
    _, out, _ = cli(*CARD, "--json", "--explain", "--quantisation", "q4_k_m", "--line", "speed")
    data = json.loads(out)
    assert data["explained"] == "Q4_K_M"
    assert {step["path"][0] for step in data["explanation"]} == {"tokens_per_second", "tokens_per_second_full"}


def test_explained_in_every_form(cli: Cli) -> None:
    _, out, _ = cli(*CARD, "--explain", "--line", "speed", "--depth", "1", "--format", "latex")
    assert out.count(r"\begin{align*}") == 2
    _, out, _ = cli(*CARD, "--explain", "--line", "needed", "--format", "markdown")
    assert out.startswith("# llama-3.1-8b in Q8_0 on NVIDIA GeForce RTX 3060 12 GB")
    _, out, _ = cli(*CARD, "--format", "markdown")
    assert "| Q8_0" in out


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("more", [(), ("--explain",)])
def test_no_line_is_wider_than_the_window(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, width: int, more: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = cli(*CARD, "--gguf", "Q4_K_M", *more)
    assert max(len(line) for line in out.splitlines()) <= width


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--gguf", "Q4_K_X"), "Q4_K_S"),
        (("--gguf", ","), "--gguf: got"),
        (("--ram", "64XB"), "--ram: got"),
        (("--disk", "fast"), "--disk: got"),
        (("--cpu", "i99"), 'device "i99" is unknown'),
        (("--cpu", "h100"), "--cpu: h100 is a GPU; expected a processor such as core-i9-13900k"),
        (("--ram", "64"), '--ram: got "64"; expected a size from 1 MiB such as 64GiB'),
        (("--disk", "0GB/s"), "--disk: got"),
        (("--tensor-split", "1,2"), "one for each of 1 devices"),
        (("--tensor-split", "x"), "--tensor-split: got x"),
        (("--line", "speed"), "--line names the line that --explain explains; add --explain"),
        (("--quantisation", "Q8_0"), "--quantisation names what --explain explains; add --explain"),
        (("--depth", "2"), "--depth opens levels of --explain; add --explain"),
        (("--explain", "--quantisation", "Q8"), "Q5_K_M, Q6_K, Q8_0, F16; did you mean Q8_0?"),
        (("--format", "latex"), "formulas only; add --explain"),
        (("--context", "0"), "--context"),
        (("--context", "99999999"), "--context: got 99,999,999"),
        (("--kv", "int4"), "--kv: llama.cpp keeps no int4 cache; allowed: fp32, fp16, bf16, q8_0"),
        (("--n-cpu-moe", "2"), "--n-cpu-moe: got 2, but llama-3.1-8b has no experts"),
    ],
)
def test_what_is_refused(cli: Cli, options: tuple[str, ...], words: str) -> None:
    status, out, err = cli(*CARD, *options)
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_sizes() -> None:
    assert size("--ram", "64GiB", "x") == 64 * 2**30
    assert size("--ram", "1.5 GB", "x") == 1_500_000_000
    with pytest.raises(InputError, match="--ram"):
        size("--ram", "GiB", "64GiB")
    with pytest.raises(InputError, match="from 1 MiB"):
        size("--ram", "1,048,575", "64GiB")
