"""Options of time and cost: files, figures, mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from weighbridge.answer import answer

Cli = Callable[..., tuple[int, str, str]]

GPT = ("train", "gpt2", "--cluster", "2xH100", "--pp", "2", "--global-batch", "8")
COST = (*GPT, "--tokens", "300B")

MISTAKES = [
    ([*GPT, "--price", "2"], "--price: of what a run costs; add --tokens"),
    ([*GPT, "--grid", "0.4", "--mtbf", "1"], "--grid, --mtbf: of what a run costs; add --tokens"),
    ([*COST, "--price", "-2"], "--price: got -2; allowed is 0.001 to"),
    ([*COST, "--price", "0"], "--price: got 0; allowed"),
    ([*COST, "--price", "nan"], "--price: got nan; expected dollars per GPU and hour such as 2.50"),
    ([*COST, "--price", "cheap"], "--price: got cheap"),
    ([*COST, "--pue", "0.5"], "--pue: got 0.5; allowed is 1 to 10"),
    ([*COST, "--grid", "-1"], "--grid: got -1; allowed is 0 to 10 kilograms of CO2 per kWh"),
    ([*COST, "--mtbf", "6000/rack"], '--mtbf: got "6000/rack"; expected hours of a GPU'),
    ([*COST, "--mtbf", "1", "--restart", "9000"], "--mtbf: interrupted every"),
    ([*COST, "--storage", "2TB/h"], '--storage: got "2TB/h"; expected bytes per second such as 2TB/s'),
    ([*COST, "--restart", "-1"], "--restart: got -1"),
    ([*GPT, "--traced"], "--traced: the text of a file; add --json, or use --trace"),
    ([*GPT, "--tokens", "lots"], "--tokens: got lots; expected tokens such as 15T"),
    ([*GPT, "--tokens", "0"], "--tokens: got 0; allowed"),
    ([*GPT, "--explain", "--line", "cost"], "--line cost: of a run; add --tokens"),
    ([*GPT, "--gantt", "step.png"], '--gantt: got "step.png"; it is written as .svg'),
    ([*GPT, "--gantt", "/nowhere/step.svg"], "--gantt: /nowhere/step.svg cannot be written"),
    ([*GPT, "--trace", "/nowhere/step.json"], "--trace: /nowhere/step.json cannot be written"),
    (["train", "gpt2", "--cluster", "2xXeon-8480", "--tokens", "1B"], "--tokens: what a run costs depends on how long"),
    (["train", "gpt2", "--cluster", "2xXeon-8480", "--gantt", "x.svg"], "--gantt: how fast one Intel Xeon"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), MISTAKES, ids=lambda a: " ".join(a)[-40:] if isinstance(a, list) else ""
)
def test_a_mistake_is_answered_in_one_line(arguments: list[str], message: str, cli: Cli) -> None:
    status, out, err = cli(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_trace_and_a_picture_are_written_beside_the_answer(tmp_path: Path, cli: Cli) -> None:
    trace, picture = tmp_path / "step.json", tmp_path / "step.svg"
    status, out, err = cli(*GPT, "--trace", str(trace), "--gantt", str(picture))
    assert (status, err) == (0, "")
    assert "a step" in out
    assert {event["pid"] for event in json.loads(trace.read_text("utf-8"))["traceEvents"]} == {0, 1}
    assert ElementTree.fromstring(picture.read_text("utf-8")).tag.endswith("svg")


@pytest.mark.parametrize("plan", [{}, {"pp": 2, "schedule": "zb-h1"}], ids=str)
def test_a_trace_beside_an_answer_is_the_file(plan: dict[str, object], tmp_path: Path, cli: Cli) -> None:
    words = ["train", "gpt2", "--cluster", "4xA100", *(f"--{name}={value}" for name, value in plan.items())]
    file = tmp_path / "step.json"
    assert cli(*words, "--trace", str(file))[0] == 0
    asked = answer({"ask": "train", "model": "gpt2", "options": {"cluster": "4xA100", **plan}, "with": ["trace"]})
    assert asked["trace"].encode() == file.read_bytes()
    printed = json.loads(cli(*words, "--json", "--traced")[1])
    assert printed == asked
    assert printed.pop("trace") == file.read_text("utf-8")
    assert printed == json.loads(cli(*words, "--json")[1])


def test_the_cost_in_numbers_is_what_the_words_say(cli: Cli) -> None:
    said = (*COST, "--price", "2.50", "--pue", "1.1", "--grid", "0.4", "--mtbf", "6000/node", "--storage", "1GB/s")
    data = json.loads(cli(*said, "--json")[1])
    cost, time = data["cost"], data["time"]
    assert cost["tokens"] == 300_000_000_000
    assert cost["steps"] == -(-cost["tokens"] // time["tokens_per_step"])
    assert cost["busy_seconds"] == pytest.approx(cost["steps"] * time["step_seconds"])
    assert cost["dollars"] == pytest.approx(cost["gpu_hours"] * 2.5)
    assert cost["co2_kg"] == pytest.approx(cost["energy_kwh"] * 0.4)
    assert cost["mtbf_gpu_hours"] == 12_000  # two GPUs share a server here
    assert cost["sources"]["price_per_gpu_hour"] == "given"
    out = cli(*said)[1]
    assert f"${cost['dollars']:,.0f}" in out
    assert f"{100 * cost['goodput']:.1f} %" in out


def test_without_tokens_there_is_no_cost(cli: Cli) -> None:
    data = json.loads(cli(*GPT, "--json")[1])
    assert data["cost"] is None
    assert sum(data["time"]["breakdown"].values()) == pytest.approx(data["time"]["step_seconds"])


def test_the_cost_is_explained(cli: Cli) -> None:
    status, out, _ = cli(*COST, "--explain", "--line", "cost")
    assert status == 0
    assert "dollars = gpu_hours * price_per_gpu_hour" in out
    assert "checkpoint_interval = max(step_seconds, " in out
    assert out.count("gpu_hours = seconds * gpus / 3,600") == 1
    assert "weights" not in out
    everything = cli(*COST, "--explain")[1]
    assert out in everything
    assert "weights = " in everything
    latex = cli(*COST, "--explain", "--line", "cost", "--format", "latex")[1]
    assert latex.count("\\begin{align*}") > 5


def test_the_explanation_joins_the_json(cli: Cli) -> None:
    steps = json.loads(cli(*COST, "--explain", "--line", "cost", "--json")[1])["explanation"]
    found = {step["symbol"]: step["value"] for step in steps}
    assert {"dollars", "goodput", "energy_kwh", "co2_kg", "checkpoint_interval"} <= set(found)


def test_megatron_has_time_and_cost_too(cli: Cli) -> None:
    model = "--num-layers 4 --hidden-size 256 --num-attention-heads 4 --seq-length 512 --max-position-embeddings 512"
    words = [*model.split(), "--micro-batch-size", "1", "--vocab-size", "1000"]
    out = cli("megatron", "--cluster", "8xH100", "--world-size", "8", "--tokens", "1B", "--json", "--", *words)[1]
    data = json.loads(out)
    assert data["time"]["step_seconds"] > 0
    assert data["cost"]["days"] > 0
