"""Rows of time and throughput: none is lost, most can be asked, FLOPs are counted as their sources count them."""

from __future__ import annotations

import csv
import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import accuracy, askable, estimating, normalise, requests, tables
from benchmarks.askable import needed
from benchmarks.bands import bands
from benchmarks.estimating import Answer, estimate
from benchmarks.normalise_bridge import NEWEST, recipes
from benchmarks.rows import COUNTED, EXECUTION, MEASUREMENTS, TIME, Row, problems, read
from benchmarks.score import Scored, counted, of_time, work_error, worked
from benchmarks.speeds import speeds, value
from benchmarks.targets import TARGETS
from weighbridge.estimate.conventions import CONVENTIONS, training_flops
from weighbridge.estimate.training import Training
from weighbridge.parallel.recompute import Method
from weighbridge.tape import Pass

SOURCES = {name: [row for row in rows if row["counter"] in TIME] for name, rows in read().items()}
ROWS = {row["id"]: row for rows in SOURCES.values() for row in rows}
RUNS = {name: [row for row in rows if "derived_from" not in row] for name, rows in SOURCES.items()}
TRUTH = normalise.TRUTH
needs_truth = pytest.mark.skipif(
    not TRUTH.is_dir(), reason=f"published figures are not part of the repository: {TRUTH}"
)


def a_row(name: str = "s/a/step_seconds", value: float = 2.0, **fields: Any) -> Row:
    row: dict[str, Any] = {
        "id": name,
        "source": "nowhere",
        "kind": "plan",
        "counter": "step_seconds",
        "value": value,
        "device": "H100",
        "gpus": 8,
        "current": True,
        "model": "llama-3.1-8b",
        "plan": {"framework": "megatron", "global_batch": 16},
    }
    return {**row, **fields}  # type: ignore[typeddict-item]


def a_rate(name: str, value: float, **fields: Any) -> Row:
    return a_row(name, value, counter="tokens_per_second_per_gpu", **fields)


# The rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"value": 0.0}, "value is 0.0"),
        ({"bytes": 5}, "a figure is bytes, or"),
        ({"rank": "last"}, "counters of memory have a rank"),
        ({"execution": {"overlap": True}}, "execution.overlap is no switch"),
        ({"execution": {"cuda_graphs": True}}, "execution.cuda_graphs is True"),
        ({"cluster": {"gpus": 8}}, "cluster.gpus is no field"),
        ({"convention": "torch"}, "convention belongs"),
        ({"counter": "device", "rank": "last"}, "others have none"),
    ],
)
def test_what_the_schema_refuses(wrong: dict[str, Any], words: str) -> None:
    assert any(words in problem for problem in problems(a_row(**wrong)))
    assert list(problems(a_row())) == []


def test_derived_figures_are_of_the_same_run_and_point_at_the_measured_one() -> None:
    own = ("model", "changes", "plan", "execution", "cluster", "device", "gpus", "current", "kind")
    for row in ROWS.values():
        if "derived_from" in row:
            base = ROWS[row["derived_from"]]
            assert "derived_from" not in base
            assert base["counter"] != row["counter"]
            assert [base.get(name) for name in own] == [row.get(name) for name in own]
            assert base["id"].rpartition("/")[0] == row["id"].rpartition("/")[0]


def test_conventions_are_those_of_the_package() -> None:
    found = {row["convention"] for row in ROWS.values() if "convention" in row}
    assert found == {"torch", "megatron", "palm", "6nd"}
    assert found <= set(CONVENTIONS)
    assert all(row["counter"] in COUNTED for row in ROWS.values() if "convention" in row)


def test_every_switch_is_described() -> None:
    text = (MEASUREMENTS / "README.md").read_text("utf-8")
    assert [name for name in (*EXECUTION, *TIME) if f"`{name}`" not in text] == []


# No figure is lost ----------------------------------------------------------------------------------------------------

FILES = {
    "torchtitan": "torchtitan_benchmarks",
    "llm-foundry": "llm_foundry_mpt_training",
    "internevo": "internevo_training",
    "bigscience": "bigscience_megatron_deepspeed",
    "simumax": "simumax_b200_real",
    "bridge": "megatron_bridge_perf_summary",
    "nemo": "nemo_legacy_perf",
    "qwen1": "qwen1_finetune_memory",
}
COLUMNS = ("measured_step_s", "measured_tokens_per_s_per_gpu", "measured_tflops_per_gpu", "mfu", "hfu")


def figures(file: str) -> Iterator[float]:
    with (TRUTH / f"{file}.csv").open(newline="", encoding="utf-8") as lines:
        for cells in csv.DictReader(lines):
            if cells.get("task") != "inference":
                yield from (float(cells[name]) for name in COLUMNS if cells.get(name) and float(cells[name]) > 0)


@needs_truth
@pytest.mark.parametrize("source", FILES)
def test_every_figure_of_a_source_is_there(source: str) -> None:
    assert sorted(row["value"] for row in SOURCES[source]) == sorted(figures(FILES[source]))


@needs_truth
def test_every_figure_of_the_papers_is_there() -> None:
    own = [row["value"] for name in ("papers", "megatron-scaling", "llama-3", "fms-fsdp") for row in SOURCES[name]]
    assert sorted(own) == sorted(figures("papers_and_readme_tables"))


@needs_truth
def test_every_speed_of_torchao_torchtune_and_megatron_is_there() -> None:
    assert sorted(row["value"] for row in SOURCES["torchao"]) == sorted(figures("misc_training_inference_memory"))
    with (TRUTH / "consumer_finetune_memory.csv").open(newline="", encoding="utf-8") as lines:
        printed = [float(cells["tokens_per_s_as_printed"]) for cells in csv.DictReader(lines)]
    assert [row["value"] for row in SOURCES["torchtune"]] == printed
    with (TRUTH / "megatron_golden_memory.jsonl").open(encoding="utf-8") as runs:
        assert [row["value"] for row in SOURCES["megatron"]] == [json.loads(run)["iteration_time_s"] for run in runs]


def test_figures_of_a_run() -> None:
    cells = {"measured_tokens_per_s_per_gpu": "250.50", "measured_tflops_per_gpu": "400", "mfu": "-1", "hfu": ""}
    found = list(speeds(a_row("s/a"), cells, conventions={"model_tflops_per_gpu": "torch"}))
    assert [row["counter"] for row in found] == ["tokens_per_second_per_gpu", "model_tflops_per_gpu"]
    assert [row["value"] for row in found] == [250.5, 400]
    assert [row["rounded_to"] for row in found] == [0.01, 1]
    assert [row.get("derived_from") for row in found] == [None, "s/a/tokens_per_second_per_gpu"]
    assert [row.get("convention") for row in found] == [None, "torch"]
    assert value("12.5") == {"value": 12.5, "rounded_to": 0.1}


# From rows to plans ---------------------------------------------------------------------------------------------------

ASKABLE = {
    "megatron": (313, 315),
    "simumax": (16, 16),
    "torchtitan": (42, 44),
    "torchao": (12, 21),
    "bigscience": (41, 50),
    "internevo": (54, 54),
    "papers": (14, 14),
    "megatron-scaling": (47, 56),
    "llama-3": (0, 3),
    "fms-fsdp": (2, 8),
    "bridge": (219, 220),
    "nemo": (50, 81),
    "llm-foundry": (139, 139),
    "qwen1": (81, 81),
    "torchtune": (9, 25),
    "silicon": (3620, 3838),
    "qwen-inference": (147, 147),
    "local": (830, 832),
}
"""Runs that can be asked, and all."""


@cache
def needs_of(source: str) -> dict[str, str]:
    return {row["id"]: needed(row) for row in RUNS[source]}


@pytest.mark.parametrize("source", [name for name in SOURCES if RUNS[name]])
def test_every_run_makes_a_plan_or_says_what_it_needs(source: str) -> None:
    needs = needs_of(source)
    assert (sum(not words for words in needs.values()), len(needs)) == ASKABLE[source]


def test_what_runs_need() -> None:
    words = Counter(
        "the source does not say" if text.endswith("the source does not say") else text.partition(" (")[0]
        for source in ASKABLE
        for text in needs_of(source).values()
        if text
    )
    assert words.pop("the source does not say") == 86 + 2 * 109
    assert [text.partition(":")[0] for text in words] == ["micro_batches", "a split that fits"]


def test_a_table_says_how_many_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert askable.main(["simumax", "llama-3"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.split() == ["source", "memory", "time"]
    assert ["simumax", "256/256", "16/16"] in [line.split() for line in rest]
    assert any(line.endswith("plan.micro_batch, plan.virtual: the source does not say") for line in rest)
    assert askable.main(["nothing"]) == 1


def flops_per_token(row: Row) -> float:
    """By the figures of a run."""
    base = ROWS[row["derived_from"]]
    asked = requests.request(row)
    rate = base["value"]
    if base["counter"] == "step_seconds":
        rate = asked.plan.sequences * asked.plan.sequence / base["value"] / asked.plan.gpus
    return row["value"] * 1e12 / rate


TOLERANCE = {
    "bridge": 2.5,
    "nemo": 0.5,
    "llm-foundry": 1.0,
    "internevo": 6.0,
    "bigscience": 6.0,
    "megatron-scaling": 2.5,
}
"""Percent: the last printed digits; nominal sizes in InternEvo's formula; a large head, which is not recomputed, on the
six layers of some of BigScience's runs."""


@pytest.mark.parametrize("source", TOLERANCE)
def test_flops_are_counted_as_the_source_counts_them(source: str) -> None:
    """Every multiply of the row's model, in the row's convention, comes to the printed TFLOP/s."""
    checked = 0
    for row in SOURCES[source]:
        tflops = row["counter"] in ("model_tflops_per_gpu", "hardware_tflops_per_gpu")
        if not tflops or "derived_from" not in row or "convention" not in row or needs_of(source)[row["derived_from"]]:
            continue
        asked = requests.request(row)
        work = Pass(batch=1, sequence=asked.plan.sequence, prediction=asked.plan.prediction)
        own = int(training_flops(asked.model, work, row["convention"])) / asked.plan.sequence
        again = row["counter"] == "hardware_tflops_per_gpu" and asked.plan.recompute.method is Method.UNIFORM
        own *= 4 / 3 if again else 1
        assert abs(100 * (own / flops_per_token(row) - 1)) < TOLERANCE[source], row["id"]
        checked += 1
    assert checked >= 15


def test_recipes_and_releases_of_megatron_bridge() -> None:
    found = recipes()
    rows = SOURCES["bridge"]
    assert sorted(found) == sorted({int(row["id"].split("/")[2]) for row in rows})
    assert sum(settings.get("near", False) for settings in found.values()) == 29
    assert {row["release"].partition(",")[0] for row in rows if row["current"]} == {NEWEST}
    assert sum(row["current"] for row in rows) == 2 * 47
    sharded = next(row for row in rows if row["id"].startswith("bridge/26.04.01/0/"))
    assert sharded["execution"]["offloaded_layers"] == 20
    plan = requests.request(sharded).plan
    assert (plan.zero.engine, plan.zero.stage, plan.precision.recipe) == ("Megatron-FSDP", 3, "tensorwise")


def test_layouts_count_embedding_and_loss() -> None:
    row = next(row for row in SOURCES["bridge"] if "405B" in row["source"] and row["plan"]["pipeline"] == 16)
    layout = requests.request(row).plan.layout
    assert layout is not None
    assert sum(chunk.layers for chunk in layout) == 126
    assert (layout[0].layers, layout[-1].layers) == (layout[1].layers - 1, layout[-2].layers - 1)


def test_a_cluster_that_is_not_the_usual_one() -> None:
    row = next(row for row in SOURCES["torchtitan"] if "cluster" in row)
    asked = requests.request(row)
    assert asked.cluster is not None
    assert asked.cluster.device.memory_bandwidth == 2_400_000_000_000
    assert asked.cluster.device.tdp_watts == 500


def test_switches_of_megatron_arguments_and_the_first_batch() -> None:
    row = next(r for r in SOURCES["megatron"] if "gpt3_15b_8t_release_sm/" in r["id"])
    asked = requests.request(row)
    assert asked.plan.execution.overlaps_gradients
    assert asked.plan.execution.overlaps_parameters
    assert asked.plan.global_batch == 384
    memory = next(r for r in read()["megatron"] if r["id"] == row["id"].replace("step_seconds", "allocated"))
    assert requests.request(memory).plan.global_batch == 1152


# Estimates and scores -------------------------------------------------------------------------------------------------


def timed_by(time: object) -> Any:
    """An estimator that answers every question alike."""
    return lambda *asked: type("Timed", (), {} if time is None else {"time": time})()


def test_without_a_step_time_rows_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimating, "Training", timed_by(None))
    assert estimate(a_row(), estimating.answer(a_row())) == (None, "a step time")


def test_figures_of_time_come_from_the_estimator(monkeypatch: pytest.MonkeyPatch) -> None:
    time = SimpleNamespace(step_seconds=2.5, tokens_per_second_per_gpu=3000.0, model_tflops_per_gpu=400.0, mfu=0.4)
    time.stages = ()
    monkeypatch.setattr(estimating, "Training", timed_by(time))

    def asked(counter: str, **fields: Any) -> float | None:
        row = a_row(counter=counter, **fields)
        return estimate(row, estimating.answer(row))[0]

    assert asked("step_seconds") == 2.5
    assert asked("tokens_per_second_per_gpu") == 3000
    assert asked("mfu") == 40
    assert asked("model_tflops_per_gpu") == 400
    work = Pass(batch=1, sequence=4096)
    model = requests.request(a_row()).model
    ratio = int(training_flops(model, work, "torch")) / int(training_flops(model, work, "exact"))
    assert asked("model_tflops_per_gpu", convention="torch") == pytest.approx(400 * ratio)
    assert asked("tokens_per_second_per_gpu") == 3000
    assert estimate(a_row(counter="layer_seconds"), Answer(time={})) == (None, "an estimate of layer seconds")


def test_rows_that_a_constant_was_read_from_are_not_scored() -> None:
    chosen = [row for row in SOURCES["megatron"] if "_tp1_pp1_" in row["id"] and row["counter"] == "step_seconds"]
    assert len(chosen) > 20
    answered = Answer(time={"step_seconds": 1.0})
    assert {estimate(row, answered)[0] for row in chosen} == {None}
    others = [row for row in SOURCES["megatron"] if row not in chosen and row["counter"] == "step_seconds"]
    assert {estimate(row, answered)[0] for row in others} == {1.0}


def test_seconds_of_a_layer_are_those_of_its_passes() -> None:
    row = a_row(counter="layer_seconds", value=1.0)
    asked = requests.request(row)
    training = Training(asked.model, asked.plan, asked.cluster)
    assert training.time is not None
    found, needs = estimate(row, estimating.answer(row))
    assert needs == ""
    assert found is not None
    layers = 32 * int(training.plan.micro_batches)
    assert 0.5 * training.time.step_seconds < layers * found < training.time.step_seconds


def test_rates_and_seconds_are_off_in_opposite_ways() -> None:
    slow = Scored(a_row(value=2.0), "s", 2.5)
    assert (slow.error, slow.off_in_time) == (25, 25)
    rate = Scored(a_rate("s/a", 1000.0), "s", 800.0)
    assert (rate.error, rate.off_in_time) == (-20, 25)


def test_flops_of_a_derived_figure_are_scored_without_the_time() -> None:
    base = Scored(a_rate("s/a", 1000.0), "s", 800.0)
    seconds = Scored(a_row("s/b", 2.0), "s", 2.5)

    def derived(of: str, estimated: float) -> Scored:
        return Scored(a_row("s/d", 500.0, counter="model_tflops_per_gpu", derived_from=of), "s", estimated)

    assert work_error(derived("s/a", 440.0), base) == pytest.approx(10)  # 400 with the source's FLOPs
    assert work_error(derived("s/b", 440.0), seconds) == pytest.approx(10)
    pairs = worked([base, derived("s/a", 440.0), Scored(a_row("s/e", derived_from="s/a"), "s", None)])
    assert [(d.row["id"], b.row["id"]) for d, b in pairs] == [("s/d", "s/a")]
    assert [each.row["id"] for each in counted([base, derived("s/a", 440.0)])] == ["s/a"]


def everything(estimated: float | None = None) -> list[Scored]:
    return [
        Scored(row, source, estimated, "" if estimated else "x") for source, rows in SOURCES.items() for row in rows
    ]


def test_targets_are_of_complete_runs_that_count_once() -> None:
    for target in TARGETS:
        for each in target.rows(everything()):
            assert "derived_from" not in each.row
            assert each.row["current"]
            assert not requests.left_open(each.row)
    promised = {target.title: (target.median, target.p90) for target in TARGETS}
    assert promised["SimuMax: step time"] == (6, None)
    assert promised["Korthikanti et al. 2022: step time"] == (5, None)
    assert promised["Megatron-Bridge, newest release: throughput"] == (10, 25)
    sizes = {target.title: len(target.rows(everything())) for target in TARGETS}
    assert sizes["Megatron-Bridge, newest release: throughput"] == 47
    assert sizes["Korthikanti et al. 2022: step time"] == 9


def test_the_page_has_a_part_for_time() -> None:
    rows = [
        Scored(a_rate("s/a/x", 1000.0), "s", 1250.0),
        Scored(a_row("s/a/y", 50.0, counter="mfu", derived_from="s/a/x"), "s", 62.5),
        Scored(a_rate("s/b/x", 10.0, current=False), "s", None, "a step time"),
    ]
    text = tables.page(rows)
    assert "## Memory" not in text
    assert text.index("## Time") < text.index("### FLOPs of a step") < text.index("### Not estimated yet")
    assert "| s: tokens/s per GPU, newest release | 1 | 25.00 % | 25.00 % | +25.00 % | 0 % |" in text
    assert "| s: tokens/s per GPU, earlier releases | 0 of 1 | | | | |" in text
    assert "| s: MFU | 1 | 0.00 % | 0.00 % | +0.00 % |" in text
    assert "| a/x | 1,000 tokens/s | 1,250 tokens/s | +25.00 % |  |" in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block


def test_bands_hold_times() -> None:
    rows = [Scored(a_row("s/a", 2.0), "s", 2.5), Scored(a_rate("s/b", 1000.0), "s", 1250.0)]
    derived = Scored(a_row("s/c", 2.0, derived_from="s/a"), "s", 9.0)
    stale = Scored(a_row("s/d", 2.0, current=False), "s", 9.0)
    found = tomllib.loads(bands([*rows, derived, stale]))
    both = {"n": 2, "median": 22.5, "p90": 25.0}
    assert found == {"step_seconds": both | {"by_framework": {"megatron": both}}}


def test_rows_of_time_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert accuracy.main(["--rows", "simumax/*_tp1_pp2_dp4_mbc4_*/step_seconds", "--full"]) == 0
    assert "0.843 s measured" in capsys.readouterr().out


def test_time_is_apart_from_memory() -> None:
    memory = Scored({**a_row("s/m"), "counter": "device"}, "s", 1.0)
    time = Scored(a_row(), "s", 1.0)
    assert of_time([memory, time]) == [time]
    assert of_time([memory, time], asked=False) == [memory]
