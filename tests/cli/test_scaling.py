"""``weighbridge scaling``: questions, forms of output, pictures, a law of one's own, mistakes."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from weighbridge.laws import LAWS
from weighbridge.report import scaling_schema as schema
from weighbridge.report.fitted_schema import FittedLaw

Cli = Callable[..., tuple[int, str, str]]

GOPHER = ("scaling", "--compute", "5.76e23")
COST = ("--cluster", "1024xH100", "--mfu", "0.4", "--price", "2.50")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Runs of Besiroglu's law, a little off it."""
    law = LAWS["besiroglu"]
    lines = ["parameters,tokens,loss"]
    for i, (n, d) in enumerate(itertools.product((1e8, 4e8, 1.6e9, 6.4e9), (1e9, 8e9, 6.4e10))):
        lines.append(f"{n:g},{d:g},{(law.loss(n, d) or 0) * (1 + 0.002 * (-1) ** i):.6f}")
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_the_answer_comes_first(cli: Cli) -> None:
    status, out, err = cli(*GOPHER, *COST)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("5.76e23 FLOPs")
    assert "parameters on" in lines[1]
    assert "16.5 days, 404 K GPU hours, $1.01 M" in out
    assert "1,024 x NVIDIA H100 SXM 80 GB at 40 % of 9.89e14 FLOP/s each (bf16)" in out
    for name in LAWS:
        assert (name in out) == (name != "sardana")


@pytest.mark.parametrize("width", ["40", "60", "80", "100", "120"])
def test_no_line_is_wider_than_the_window(width: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    status, out, _ = cli(*GOPHER, *COST, "--inference-tokens", "1T")
    assert status == 0
    assert max(map(len, out.splitlines())) <= int(width)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--parameters", "70B"], ["70.0 B parameters", "1.46 T"]),
        (["--tokens", "1.4T"], ["1.40 T tokens", "76.3 B"]),
        (
            ["--parameters", "280B", "--tokens", "300B"],
            ["times the parameters of its compute's optimum", "of its FLOPs"],
        ),
        (["--days", "30", *COST], ["1.05e24 FLOPs", "30.0 days"]),
        (["--dollars", "1M", *COST], ["5.7e23 FLOPs", "$1.00 M"]),
        (["--days", "0.01", "--parameters", "7B", *COST], ["3.5e20 FLOPs and 7.00 B parameters"]),
        (["--compute", "9.3e21", "--unique-tokens", "25B"], ["muennighoff: 9.10 passes", "know no repetition"]),
        (["--parameters", "13B", "--inference-tokens", "2T"], ["17.4 % less compute", "6.97 B"]),
        (["--compute", "1e19", "--law", "hoffmann-2"], ["inside"]),
        (["--compute", "1e24", "--law", "deepseek"], ["batch size", "learning rate", "far: x 3,333"]),
    ],
)
def test_questions(arguments: list[str], words: list[str], cli: Cli) -> None:
    status, out, err = cli("scaling", *arguments)
    assert (status, err) == (0, "")
    for word in words:
        assert word in " ".join(out.split())


CONTRACT: list[list[str]] = [
    [*GOPHER[1:], *COST],
    ["--parameters", "70B", "--tokens", "1.4T"],
    ["--parameters", "13B", "--inference-tokens", "2T"],
    ["--compute", "1e22", "--unique-tokens", "10B"],
    ["--days", "30", *COST],
]


@pytest.mark.parametrize("arguments", CONTRACT, ids=" ".join)
def test_json_keeps_the_contract(arguments: list[str], cli: Cli) -> None:
    status, out, err = cli("scaling", *arguments, "--json")
    assert (status, err) == (0, "")
    TypeAdapter(schema.ScalingReport).validate_json(out, strict=True, extra="forbid")


def test_json_holds_what_the_text_says(cli: Cli) -> None:
    data = json.loads(cli(*GOPHER, *COST, "--json")[1])
    found = {answer["law"]["name"]: answer for answer in data["answers"]}
    assert found["hoffmann-3"]["parameters"] == pytest.approx(40.4e9, rel=0.002)
    assert found["besiroglu"]["intervals"]["level"] == 0.8
    assert found["hoffmann-2"]["outside"][0] == {"quantity": "compute", "times": 192.0, "far": True}
    assert found["krajewski"]["total_parameters"] == pytest.approx(43 * found["krajewski"]["parameters"])
    assert set(found["deepseek"]["extras"]) == {"non_embedding_flops_per_token", "batch_size", "learning_rate"}
    assert {answer["cost"]["dollars"] for answer in data["answers"]} == {found["kaplan"]["cost"]["dollars"]}


def test_explanations_show_formulas(cli: Cli) -> None:
    status, out, _ = cli(*GOPHER, "--law", "hoffmann-3", "--law", "llama-3", "--explain")
    assert status == 0
    assert "N = G * (C / flops_per)^a" in out
    assert "G = (alpha * A / (beta * B))^(1 / (alpha + beta))" in out
    assert "N = N_0 * (C / C_0)^a" in out
    assert r"\begin{align*}" in cli(*GOPHER, "--law", "hoffmann-3", "--explain", "--format", "latex")[1]
    data = json.loads(cli(*GOPHER, "--law", "hoffmann-3", "--explain", "--json")[1])
    assert data["explanation"]["hoffmann-3"][0]["symbol"] == "loss"


LINED = [
    ("tokens_per_parameter", ["tokens_per_parameter = D / N"]),
    ("cost", ["days = seconds / 86,400", "flops_per_second = gpus * peak * mfu", "dollars = gpu_hours * price"]),
    ("outside", ["parameters_outside = max(max(1, (smallest_run / N)), (N / largest_run))"]),
    ("middle", ["parameters_middle = (parameters_hoffmann_3 + parameters_besiroglu) / 2", "largest of the laws"]),
]


@pytest.mark.parametrize(("line", "words"), LINED, ids=lambda value: value if isinstance(value, str) else "")
def test_lines_open_one_figure(line: str, words: list[str], cli: Cli) -> None:
    asked = (*GOPHER, *COST, "--law", "hoffmann-3", "--law", "besiroglu", "--explain", "--line", line)
    status, out, err = cli(*asked)
    assert (status, err) == (0, "")
    for word in words:
        assert word in out
    assert ("loss = " in out) == (line == "loss")
    data = json.loads(cli(*asked, "--json")[1])
    steps = data["over_laws_explanation"] if line == "middle" else data["explanation"]["hoffmann-3"]
    assert words[0].split(" = ")[1] in [step["formula"] for step in steps]


def test_the_cost_of_one_budget_is_opened_once_and_of_several_by_law(cli: Cli) -> None:
    laws = ("--law", "hoffmann-3", "--law", "besiroglu", "--explain")
    assert cli(*GOPHER, *COST, *laws, "--line", "cost")[1].count("days = ") == 1
    out = cli("scaling", "--parameters", "70B", *COST, *laws, "--line", "cost")[1]
    assert out.count("days = ") == 2
    assert "C = flops_per * (N_given / G)^(1 / a)" in out
    assert cli(*GOPHER, *COST, *laws)[1].count("days = ") == 1


def test_the_laws_are_listed_with_their_sources(cli: Cli) -> None:
    status, out, _ = cli("scaling", "laws")
    assert status == 0
    for law in LAWS.values():
        assert law.name in out
    assert "arXiv:2203.15556" in out
    listed = TypeAdapter(schema.ScalingLaws).validate_json(cli("scaling", "laws", "--json")[1], strict=True)
    assert [law["name"] for law in listed["laws"]] == list(LAWS)


def test_a_law_is_fitted_and_then_asked(runs: Path, tmp_path: Path, cli: Cli) -> None:
    status, out, err = cli("scaling", "fit", str(runs), "--starts", "20", "--bootstrap", "30", "--json")
    assert (status, err) == (0, "")
    TypeAdapter(FittedLaw).validate_json(out, strict=True, extra="forbid")
    again = cli("scaling", "fit", str(runs), "--starts", "20", "--bootstrap", "30", "--json")[1]
    assert again == out
    mine = tmp_path / "mine.json"
    mine.write_text(out, "utf-8")
    status, said, _ = cli("scaling", "--compute", "1e21", "--law", str(mine), "--law", "besiroglu")
    assert status == 0
    assert "fitted" in said
    assert said.count("80 % intervals") == 1
    answers = json.loads(cli("scaling", "--compute", "1e21", "--law", str(mine), "--json")[1])["answers"]
    assert answers[0]["parameters"] == pytest.approx(LAWS["besiroglu"].optimum(1e21).parameters, rel=0.3)


def test_a_fit_says_what_it_found(runs: Path, cli: Cli) -> None:
    status, out, err = cli("scaling", "fit", str(runs), "--starts", "10", "--bootstrap", "0", "--name", "ours")
    assert (status, err) == (0, "")
    assert out.startswith("ours ")
    assert "L = 1.8" in out
    assert "no intervals: --bootstrap 0" in out


@pytest.mark.parametrize(("end", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_pictures(end: str, start: bytes, runs: Path, tmp_path: Path, cli: Cli) -> None:
    first, second = tmp_path / f"laws.{end}", tmp_path / f"fit.{end}"
    assert cli(*GOPHER, "--plot", str(first))[0] == 0
    assert cli("scaling", "fit", str(runs), "--starts", "5", "--bootstrap", "0", "--plot", str(second))[0] == 0
    for path in (first, second):
        assert path.read_bytes().startswith(start)
    assert {path.name for path in tmp_path.iterdir()} == {first.name, second.name, "runs.csv"}


def test_a_picture_is_the_same_every_time(tmp_path: Path, cli: Cli) -> None:
    for name in ("a.svg", "b.svg"):
        assert cli("scaling", "--parameters", "70B", "--tokens", "300B", "--plot", str(tmp_path / name))[0] == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_laws_without_a_loss_are_drawn_too(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "a.svg"
    assert cli("scaling", "--compute", "1e22", "--law", "llama-3", "--plot", str(path))[0] == 0
    assert path.stat().st_size > 10_000


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cli: Cli) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, out, err = cli(*GOPHER, "--plot", str(tmp_path / "a.svg"))
    assert (status, out) == (2, "")
    assert err == "weighbridge: --plot needs matplotlib: pip install weighbridge[plot]\n"
    assert not list(tmp_path.iterdir())


MISTAKES: list[tuple[list[str], str]] = [
    ([], "--compute, --parameters, --tokens: none given; give one or two of them"),
    (["--compute", "1e22", "--parameters", "1B", "--tokens", "1B"], "got all three"),
    (["--compute", "-5"], "--compute: got -5; allowed is 1e+12 to 1e+32 FLOPs"),
    (["--compute", "0"], "--compute: got 0; allowed"),
    (
        ["--compute", "1e15", "--parameters", "1T"],
        "--compute: 1e+15 FLOPs at 1e+12 parameters leave fewer than 1,000 tok",
    ),
    (["--days", "30"], "--days: needs a cluster, such as 1024xH100"),
    (["--dollars", "1M", *COST[:-2]], "--dollars: needs a price per GPU and hour, such as 2.50"),
    (["--compute", "1e22", "--days", "30", *COST], "--compute, --days: each says the budget; give one of them"),
    (["--days", "3", "--dollars", "9", *COST], "--dollars, --days: each says the budget; give one of them"),
    (["--days", "3", "--parameters", "7B", "--tokens", "1T", *COST], "--days, --parameters, --tokens: got all three"),
    (["--days", "0", *COST], "--days: got 0; allowed is 1e-06 to 1e+06 days"),
    (["--dollars", "much", *COST], "--dollars: got much; expected dollars such as 1M"),
    (["--dollar", "5", *COST], "Did you mean"),
    (
        ["--days", "1e-6", "--cluster", "1xH100", "--mfu", "0.001"],
        "--days: on 1 x NVIDIA H100 SXM 80 GB that is 8.55e+10",
    ),
    (
        ["--days", "1e-3", "--parameters", "9P", *COST],
        "--days: 3.5e+19 FLOPs at 9e+15 parameters leave fewer than 1,000",
    ),
    (["--days", "30", "laws"], "--days: scaling laws does not read them"),
    (["--compute", "nan"], "--compute: got nan; expected FLOPs such as 5.76e23"),
    (["--compute", "1e999"], "--compute: got 1e999; allowed"),
    (["--parameters", "seventy"], "--parameters: got seventy; expected parameters such as 70B"),
    (["--tokens", "1.4X"], "--tokens: got 1.4X; expected tokens such as 1.4T"),
    (["--compute", "1e22", "--inference-tokens", "-2T"], "--inference-tokens: got -2T; allowed"),
    (["--compute", "1e22", "--unique-tokens", "x"], "--unique-tokens: got x; expected"),
    (["--compute", "1e22", "--law", "chinchila"], '--law: no law "chinchila"; allowed: hoffmann-1'),
    (["--compute", "1e22", "--law", "besirolgu"], "did you mean besiroglu?"),
    (["--compute", "1e22", "--law", "/nowhere.json"], "/nowhere.json cannot be read"),
    (["--compute", "1e22", "--cluster", "8xH100"], "--mfu: a cluster needs the model FLOPs utilization"),
    (["--compute", "1e22", "--cluster", "8xH101", "--mfu", "0.4"], 'device "H101" is unknown'),
    (["--compute", "1e22", "--cluster", "8xH100", "--mfu", "40"], "--mfu: got 40; allowed is 0.001 to 1"),
    (["--compute", "1e22", "--cluster", "8xH100", "--mfu", "0.4", "--price", "-1"], "--price: got -1; allowed"),
    (["--compute", "1e22", "--cluster", "8xV100", "--mfu", "0.4"], "has no rate for"),
    (["--compute", "1e22", "--mfu", "0.4"], "--mfu: needs a cluster"),
    (["--compute", "1e22", "--price", "2"], "--price: needs a cluster"),
    (["--compute", "1e26", "--law", "hoffmann-2", "--strict"], "times outside the runs of hoffmann-2"),
    (["--compute", "1e22", "--plot", "a.gif"], '--plot: got "a.gif"; allowed ends: .svg, .png, .pdf'),
    (["--compute", "1e22", "--plot", "/nowhere/at/all.svg"], "--plot: /nowhere/at/all.svg cannot be written"),
    (["--compute", "1e22", "--json", "--format", "markdown"], "two forms of one output"),
    (["--compute", "1e22", "--format", "latex"], "add --explain"),
    (["--compute", "1e22", "--depth", "2"], "--depth opens levels of --explain; add --explain"),
    (["--compute", "1e22", "--line", "cost"], "--line names the line that --explain explains; add --explain"),
    (["--compute", "1e22", "--explain", "--line", "cost"], "--line cost: none of these laws has that here"),
    (["--compute", "1e22", "--explain", "--line", "days"], "Invalid value for '--line': 'days' is not one of"),
    (["--compute", "1e22", "fit", "runs.csv"], "--compute: scaling fit does not read them"),
    (["--json", "laws"], "--json: scaling laws does not read them"),
    (["fti"], "No such command 'fti'"),
    (["fit"], "Missing argument 'FILE.csv'"),
    (["fit", "/nowhere.csv"], "/nowhere.csv cannot be read"),
    (["fit", "x.csv", "--starts", "0"], "--starts"),
    (["fit", "x.csv", "--plot", "x.txt"], "--plot: got"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_a_mistake_is_answered_in_one_line(arguments: list[str], message: str, cli: Cli) -> None:
    status, out, err = cli("scaling", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("weighbridge: ")
    assert err.count("\n") == 1
    assert message in err


def test_an_interrupted_fit_says_what_was_done_and_writes_nothing(
    runs: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from weighbridge.cli import progress

    told = progress.Progress.told

    def interrupted(self: Any, part: str, done: int, of: int) -> None:
        told(self, part, done, of)
        if part == "draws" and done == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.Progress, "told", interrupted)
    picture = tmp_path / "fit.svg"
    status, out, err = cli("scaling", "fit", str(runs), "--starts", "3", "--bootstrap", "50", "--plot", str(picture))
    assert (status, out) == (130, "")
    assert "drawing runs again: 3 of 50 done, nothing written" in err
    assert err.endswith("weighbridge: interrupted\n")
    assert not picture.exists()


def test_progress_is_shown_on_a_terminal_and_nowhere_else(runs: Path) -> None:
    code = "from weighbridge.cli import main; main()"
    command = [sys.executable, "-c", code, "scaling", "fit", str(runs), "--starts", "5", "--bootstrap", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_help_names_every_option(cli: Cli) -> None:
    out = cli("scaling", "--help")[1]
    for option in ("--compute", "--inference-tokens", "--unique-tokens", "--law", "--strict", "--plot", "fit", "laws"):
        assert option in out
    assert "--bootstrap" in cli("scaling", "fit", "-h")[1]


def test_a_model_far_below_its_optimum_is_not_nothing(cli: Cli) -> None:
    status, out, _ = cli("scaling", "--compute", "8.21e21", "--tokens", "1e18")
    assert status == 0
    assert "0.000" not in out
    assert re.search(r"the model has \d\.?\d*e-\d+ times the parameters of its compute's optimum", out)
