"""``weighbridge compare --cluster``: deployments side by side."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., tuple[int, str, str]]

LLAMA = ("compare", "llama-3.1-8b", "--cluster", "H100")


def test_a_row_is_what_infer_answers(cli: Cli) -> None:
    load = ("--prompt", "2048", "--output", "128", "--batch", "8", "--kv", "fp8")
    row = json.loads(cli(*LLAMA, "--quant", "awq", *load, "--json")[1])["deployments"][0]
    alone = json.loads(cli("infer", *LLAMA[1:], "--quant", "awq", *load, "--json")[1])
    assert row["total_bytes"] == alone["memory"]["total_per_gpu"]
    for name in ("max_batch", "ttft_seconds", "tpot_seconds", "tokens_per_second_per_gpu", "longest_context"):
        assert row[name] == alone[name]
    assert row["dollars_per_million_output"] == alone["cost_per_million_tokens"]["output"]


def test_every_model_stands_on_every_cluster_in_every_format(cli: Cli) -> None:
    out = cli(
        "compare", "gpt2", "llama-3.1-8b", "--cluster", "H100", "--cluster", "T4", "--quant", "bf16, awq", "--csv"
    )[1]
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 8
    assert {(row["model"], row["cluster"], row["quantisation"]) for row in rows} >= {("gpt2", "t4", "awq")}


def test_what_cannot_be_is_a_row_with_its_reason(cli: Cli) -> None:
    status, out, _ = cli("compare", "gpt2", "--cluster", "MI300X", "--quant", "nvfp4")
    assert status == 0
    assert "note: nvfp4 on mi300x: AMD Instinct MI300X has no kernels for it" in out


def test_formats_need_less_the_fewer_their_bits(cli: Cli) -> None:
    found = json.loads(cli(*LLAMA, "--quant", "bf16,fp8-block,awq", "--json")[1])["deployments"]
    weights = [row["weights_bytes"] for row in found]
    assert weights == sorted(weights, reverse=True)


def test_a_picture(tmp_path: Path, cli: Cli) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "served.svg"
    assert cli(*LLAMA, "--quant", "bf16,awq", "--plot", str(picture))[0] == 0
    assert "</svg>" in picture.read_text("utf-8")


MISTAKES = [
    (["compare", "gpt2", "--quant", "awq"], "--quant: of deployments; add --cluster"),
    (["compare", "gpt2", "--batch", "2", "--kv", "fp8"], "--kv, --batch: of deployments; add --cluster"),
    ([*LLAMA, "--seq", "10"], "--seq and --dtype compare models; with --cluster use --prompt"),
    ([*LLAMA, "--quant", "awq,int3"], '--quant: got "int3"; allowed: auto, published'),
    ([*LLAMA, "--engine", "tgi"], '--engine: got "tgi"'),
    ([*LLAMA, "--plot", "x.gif"], '--plot: got "x.gif"; allowed: .svg, .png, .pdf'),
    ([*LLAMA, "--csv", "--json"], "three forms of one output; choose one"),
    (["compare", "gpt2", "--cluster", "8xFoo"], 'device "Foo" is unknown'),
]


@pytest.mark.parametrize(
    ("arguments", "message"), MISTAKES, ids=lambda a: " ".join(a)[-40:] if isinstance(a, list) else ""
)
def test_a_mistake_is_answered_in_one_line(arguments: list[str], message: str, cli: Cli) -> None:
    status, out, err = cli(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
