"""The measurements and their scores: rows follow the schema, none is lost, statistics are right."""

from __future__ import annotations

import csv
import json
import tomllib
from collections import Counter
from dataclasses import fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from benchmarks import accuracy, estimating, normalise, requests, tables
from benchmarks.bands import bands, model_of, ranks_of
from benchmarks.estimating import Answer, estimate, stages_of
from benchmarks.rows import MEASURED, MEASUREMENTS, MEMORY, PLAN, Row, figure_of, problems, read
from benchmarks.score import Scored, counted, percentile, summary, worst
from benchmarks.targets import TARGETS, Target
from weighbridge.parallel.plan import Plan

SOURCES = read()
ROWS = [row for rows in SOURCES.values() for row in rows]
TRUTH = normalise.TRUTH
needs_truth = pytest.mark.skipif(
    not TRUTH.is_dir(), reason=f"published figures are not part of the repository: {TRUTH}"
)


def a_row(name: str = "megatron/a", bytes: int | None = 100, **fields: Any) -> Row:
    """A row of memory; without ``bytes`` where they are ``None``."""
    row: dict[str, Any] = {
        "id": name,
        "source": "nowhere",
        "kind": "plan",
        "counter": "allocated",
        **({} if bytes is None else {"bytes": bytes}),
        "rank": "last",
        "device": None,
        "gpus": 8,
        "current": True,
        "plan": {},
    }
    return {**row, **fields}  # type: ignore[typeddict-item]


def scored(*pairs: tuple[int, float | None]) -> list[Scored]:
    return [
        Scored(a_row(f"megatron/{n}/x", measured), "megatron", value, "" if value else "something")
        for n, (measured, value) in enumerate(pairs)
    ]


# The rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
def test_rows_follow_the_schema(source: str) -> None:
    assert {row["id"]: list(problems(row)) for row in SOURCES[source] if list(problems(row))} == {}


def test_plans_have_the_fields_of_a_plan() -> None:
    assert {field.name for field in fields(Plan)} >= PLAN


def test_identifiers_are_unique_and_name_their_file() -> None:
    assert [name for name, count in Counter(row["id"] for row in ROWS).items() if count > 1] == []
    assert all(row["id"].startswith(f"{source}/") for source, rows in SOURCES.items() for row in rows)


def test_references_between_rows_exist() -> None:
    names = {row["id"]: row for row in ROWS}
    for row in ROWS:
        if "repeat_of" in row:
            assert figure_of(names[row["repeat_of"]]) == figure_of(row)
            assert "repeat_of" not in names[row["repeat_of"]]
        if "baseline" in row:
            assert names[row["baseline"]]["percent"] == 100


def test_rows_hold_no_prose() -> None:
    assert max(len(str(value)) for row in ROWS for name, value in row.items() if name not in ("source", "id")) < 4000
    texts = [
        text
        for row in ROWS
        for text in _texts({k: v for k, v in row.items() if k not in ("id", "source", "arguments")})
    ]
    assert max(len(text) for text in texts) < 120


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"bytes": None}, "percent of a baseline"),
        ({"bytes": 0}, "bytes is 0"),
        ({"value": 1.0}, "percent of a baseline"),
        ({"counter": "used"}, "counter 'used' is none"),
        ({"kind": "guess"}, "kind 'guess' is none"),
        ({"rank": "middle"}, "rank 'middle' is none"),
        ({"plan": {"tp": 2}}, "plan.tp is no field"),
        ({"counter": "fits"}, "fits belongs"),
        ({"notes": "x"}, "notes"),
        ({"kind": "megatron", "arguments": [1]}, "arguments must be strings"),
    ],
)
def test_what_the_schema_refuses(wrong: dict[str, Any], words: str) -> None:
    assert any(words in problem for problem in problems(a_row(**wrong)))
    assert list(problems(a_row())) == []


# No row is lost -------------------------------------------------------------------------------------------------------


@needs_truth
@pytest.mark.parametrize("source", normalise.SOURCES)
def test_rows_are_what_the_script_writes(source: str) -> None:
    assert list(normalise.SOURCES[source](TRUTH)) == SOURCES[source]


@needs_truth
def test_every_megatron_run_is_there_twice() -> None:
    with (TRUTH / "megatron_golden_memory.jsonl").open(encoding="utf-8") as lines:
        runs = [json.loads(line) for line in lines]
    for counter in ("allocated", "max_allocated"):
        own = [row for row in SOURCES["megatron"] if row["counter"] == counter]
        assert [row["bytes"] for row in own] == [run[f"{counter}_bytes"] for run in runs]
        assert sum(row["current"] for row in own) == sum(run["in_current_recipe"] == "yes" for run in runs)


@needs_truth
@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("torchtitan_benchmarks", "torchtitan"),
        ("misc_training_inference_memory", "torchao"),
        ("bigscience_megatron_deepspeed", "bigscience"),
        ("internevo_training", "internevo"),
        ("qwen1_finetune_memory", "qwen1"),
        ("litgpt_finetune_inference", "litgpt"),
        ("consumer_finetune_memory", "torchtune"),
    ],
)
def test_every_memory_figure_of_training_is_there(file: str, source: str) -> None:
    with (TRUTH / f"{file}.csv").open(newline="", encoding="utf-8") as lines:
        table = [row for row in csv.DictReader(lines) if row.get("task") != "inference"]
    measured = sum(bool(row["measured_peak_mem_gb"]) for row in table)
    failed = sum(row.get("outcome") == "OOM" for row in table)
    own = SOURCES[source]
    assert sum(row["counter"] in MEMORY - {"fits"} for row in own) == measured
    assert sum(row.get("fits") is False for row in own) == failed


@needs_truth
def test_every_foundry_run_and_every_rank_of_simumax_is_there() -> None:
    fits = [row for row in SOURCES["llm-foundry"] if row["counter"] == "fits"]
    ranks = [row for row in SOURCES["simumax"] if row["counter"] in MEMORY]
    assert len(fits) == sum(1 for _ in (TRUTH / "llm_foundry_mpt_training.csv").open()) - 1
    assert len(ranks) == 16 * 8 * 2
    assert len({row["id"].split("/")[1] for row in ranks if "repeat_of" not in row}) == 8


def test_without_the_published_figures_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert normalise.main(["--truth", str(tmp_path / "none"), "--out", str(tmp_path)]) == 0
    assert "is not here" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_argument_lists() -> None:
    given = {"--bf16": True, "--fp16": False, "--tp": 2, "--mods": "[a b]", "--freq": "([0]*1+[1]*3)", "--rate": 0.0}
    expected = ["--bf16", "--tp", "2", "--mods", "a", "b", "--freq", "([0]*1+[1]*3)", "--rate", "0.0"]
    assert list(normalise.tokens(given)) == expected


# Statistics -----------------------------------------------------------------------------------------------------------


def test_summary_by_hand() -> None:
    # errors: +10, -2, +1, -4, none
    found = summary(scored((100, 110), (100, 98), (100, 101), (50, 48), (70, None)))
    assert found is not None
    assert (found.n, found.rows, found.share) == (4, 5, 75)
    assert [found.median, found.p90, found.bias] == pytest.approx([3, 10, -0.5])
    assert summary(scored((70, None))) is None
    assert summary([]) is None


def test_percentile_is_the_nearest_rank() -> None:
    values = [7.0, 1.0, 3.0, 5.0, 9.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert [percentile(values, share) for share in (0, 10, 50, 90, 91, 100)] == [1, 1, 5, 9, 10, 10]
    assert percentile([4.0], 90) == 4


def test_worst_rows_come_first() -> None:
    found = worst(scored((100, 101), (100, 80), (100, None), (100, 119)), most=2)
    assert [round(each.error) for each in found] == [-20, 19]
    ranks = [Scored(a_row(f"s/a/{rank}", rank=rank), "s", 100.0 + rank) for rank in (3, 7)]
    assert [each.row["rank"] for each in worst(ranks)] == [7]


def test_repeats_count_once() -> None:
    again = Scored(a_row("megatron/z/x", repeat_of="megatron/0/x"), "megatron", 1.0)
    assert len(counted([*scored((1, 1)), again])) == 1


def test_targets() -> None:
    target = Target("all", lambda each: True, median=1, p90=4)
    assert target.verdict(scored((100, 101), (100, 100), (100, 104))) == "met"
    assert target.verdict(scored((100, 101), (100, 100), (100, 105))) == "not met"
    assert target.verdict(scored((100, 103), (100, 102))) == "not met"
    assert target.verdict(scored((100, 101), (100, None))) == "met by those estimated; 1 are not"
    assert target.verdict(scored((100, None))) == "no estimates yet"


def test_as_close_as_the_source_itself_to_the_printed_digit() -> None:
    target = Target("own", lambda each: True, own=True)

    def verdict(estimated: float) -> str:
        row = a_row(bytes=138, rounded_to=10, own_estimate=121)  # 14 printed, its own 12: two off
        return target.verdict([Scored(row, "x", estimated)])

    assert [verdict(value) for value in (116, 138, 164)] == ["met", "met", "met"]
    assert [verdict(value) for value in (114, 166)] == ["not met", "not met"]


def test_every_target_has_rows() -> None:
    everything = [Scored(row, source, None, "x") for source, rows in SOURCES.items() for row in rows]
    assert [target.title for target in TARGETS if not target.rows(everything)] == []


# From rows to estimates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rank", "stages"),
    [("last", ["d"]), ("first", ["a"]), ("highest", list("abcd")), (0, ["a"]), (3, ["b"]), (7, ["d"])],
)
def test_stages_of_a_rank(rank: Any, stages: list[str]) -> None:
    assert list(stages_of(a_row(rank=rank), "abcd")) == stages


def test_estimate_of_a_row() -> None:
    found = Answer([{"allocated": 5}, {"allocated": 3}])
    assert estimate(a_row(rank="last"), found) == (3, "")
    assert estimate(a_row(rank="highest"), found) == (5, "")
    assert estimate(a_row(rank="sum"), found) == (32, "")
    assert estimate(a_row(counter="max_reserved"), found) == (None, "an estimate of max reserved")
    assert estimate(a_row(), Answer(needs="more")) == (None, "more")


def test_each_question_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(row: Row) -> Answer:
        asked.append(row["id"])
        return Answer([{"allocated": 100, "max_allocated": 100}])

    monkeypatch.setattr(estimating, "answer", answer)
    rows = [a_row("s/1"), a_row("s/2", counter="max_allocated"), a_row("s/3", gpus=4)]
    found = estimating.score({"s": rows})
    assert asked == ["s/1", "s/3"]
    assert [each.estimated for each in found] == [100, 100, 100]


def test_a_percentage_is_of_its_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimating, "answer", lambda row: Answer([{"allocated": row["plan"]["micro_batch"]}]))
    base = a_row("s/1", bytes=None, percent=100.0, baseline="s/1", plan={"micro_batch": 8})
    half = a_row("s/2", bytes=None, percent=60.0, baseline="s/1", plan={"micro_batch": 4})
    assert [each.estimated for each in estimating.score({"s": [base, half]})] == [100, 50]


def test_plans_that_rows_describe() -> None:
    row = next(row for row in SOURCES["simumax"] if "_tp2_pp1_" in row["id"] and row.get("rank") == 0)
    asked = requests.request(row)
    assert (asked.plan.tensor, asked.plan.sequence_parallel, asked.plan.gpus) == (2, True, 8)
    assert asked.plan.kernels.loss == "in place"
    assert asked.model.config.num_hidden_layers == 12
    assert asked.cluster is not None
    assert asked.cluster.device.name.lower() == "b200"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "fine-tuning", "tuning": {"method": "lora"}}, r"fine-tuning \(lora\)"),
        ({"unknown": ["plan.micro_batch"]}, "plan.micro_batch: the source does not say"),
        ({"model": "no-such-model"}, "the model no-such-model"),
        ({"model": "gpt2", "plan": {"framework": "none"}}, "the framework none"),
        ({"model": "gpt2", "device": "none"}, "the device none"),
        (
            {"model": "gpt2", "plan": {"framework": "megatron", "recompute": {"modules": ["odd"]}}},
            "recomputation of odd",
        ),
    ],
)
def test_what_a_row_needs(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(requests.NotYetError, match=words):
        requests.request(a_row(**fields))


def software(day: str, case: str, image: str = "lts") -> Plan:
    row = next(r for r in SOURCES["megatron"] if case in r["id"] and "_nondeterministic" not in r["id"])
    return requests.request({**row, "software": day, "environment": {**row["environment"], "image": image}}).plan


def test_plans_are_those_of_the_day() -> None:
    dense, experts = "te_tp1_pp1_frozen_resume_torch_dist_dist_optimizer", "te_8experts2parallel_ddp_average"
    attention = {day: software(day, dense).kernels.attention for day in ("2025-11-05", "2025-11-06")}
    assert attention == {"2025-11-05": "unfused", "2025-11-06": "auto"}
    assert software("2025-11-05", dense, "dev").kernels.attention == "auto"
    old, new = (software(day, experts).kernels.routing for day in ("2025-04-08", "2025-11-06"))
    assert (old.weighs_results, old.deterministic, old.grouped) == (True, False, False)
    assert (new.weighs_results, new.deterministic, new.grouped) == (False, True, True)
    fused = "15b_8t_release_sm/"
    assert [software(day, fused, "dev").accumulation_fusion for day in ("2025-07-31", "2025-08-01")] == [False, True]


def test_every_megatron_run_has_its_day() -> None:
    assert {len(row["software"]) for row in SOURCES["megatron"]} == {10}
    assert len(normalise.committed()) == len(SOURCES["megatron"]) // 3


def test_cublas_workspaces() -> None:
    assert requests.cublas_workspace(":4096:8") == 32 * 2**20
    assert requests.cublas_workspace(":16:8:4096:2") == (16 * 8 + 4096 * 2) * 1024


# What is written ------------------------------------------------------------------------------------------------------


def test_the_page_has_its_parts_and_whole_tables() -> None:
    rows = scored((2**30, 2**30 * 1.01), (2**34, 2**34 * 0.5), (2**30, None))
    text = tables.page(rows, [("megatron/1/*", "a mechanism")])
    parts = ("## Memory", "### By counter and source", "### Furthest off", "### Not estimated yet")
    for heading in ("# Accuracy", "## Targets", *parts):
        assert heading in text
    assert "| 1/x | 16.000 GiB | 8.000 GiB | -50.00 % | a mechanism |" in text
    assert "| Megatron-LM | 1 | something |" in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block


def test_the_page_of_the_repository_is_of_this_form() -> None:
    text = accuracy.PAGE.read_text("utf-8")
    assert text.startswith(tables.HEAD)
    assert all(target.title in text for target in TARGETS)


def test_results_are_json_with_every_row() -> None:
    rows = scored((100, 101), (100, None))
    found = json.loads(accuracy.written(accuracy.results(rows)))
    assert [row["id"] for row in found["rows"]] == [each.row["id"] for each in rows]
    assert found["rows"][0]["error_percent"] == 1
    assert found["rows"][1]["needs"] == "something"
    assert [target["target"] for target in found["targets"]] == [target.title for target in TARGETS]


def test_bands_are_of_measured_current_runs() -> None:
    plan = {"framework": "megatron-local"}
    stale = Scored(a_row("x/1", current=False, plan=plan), "x", 1.0)
    formula = Scored(a_row("x/2", kind="formula", plan=plan), "x", 1.0)
    large = Scored(a_row("x/3", bytes=2**34, plan=plan), "x", 2**34 * 1.02)
    small = Scored(a_row("x/4", kind="megatron"), "x", 101.0)
    other = Scored(
        a_row("x/5", counter="max_reserved", plan={"framework": "hf-flash"}, gpus=1, model="mixtral-8x7b"), "x", 96.0
    )
    unknown = Scored(a_row("x/6", plan={"framework": "odd"}), "x", None)
    found = tomllib.loads(bands([stale, formula, large, small, other, unknown]))
    both = {"n": 2, "median": 1.5, "p90": 2.0}
    two = {"n": 1, "median": 2.0, "p90": 2.0}
    four = {"n": 1, "median": 4.0, "p90": 4.0}
    several = both | {"above_8_gib": two, "dense": both | {"above_8_gib": two}}
    assert found["static_allocated"] == both | {
        "several_gpus": several,
        "by_framework": {"megatron": both | {"several_gpus": several}},
    }
    sparse = four | {"one_gpu": four | {"experts": four}}
    assert found["peak_reserved"] == sparse | {"by_framework": {"hf": sparse}}
    assert set(found) == {"static_allocated", "peak_reserved"}


def test_kinds_of_runs() -> None:
    assert model_of(a_row(model="mixtral-8x7b")) == model_of(a_row(model={"num_experts": 8})) == "experts"
    assert model_of(a_row(model="gpt2")) == model_of(a_row(model={"hidden_size": 8})) == "dense"
    assert model_of(a_row(kind="megatron", arguments=["--num-experts", "8"])) == "experts"
    assert (ranks_of(a_row(gpus=1)), ranks_of(a_row(gpus=None)), ranks_of(a_row(gpus=2))) == (
        "one_gpu",
        "one_gpu",
        "several_gpus",
    )


def test_patterns_of_why_match_rows() -> None:
    names = [row["id"] for row in (*ROWS, *(row for rows in read(MEASURED).values() for row in rows))]
    assert [pattern for pattern, _ in accuracy.why() if not any(fnmatchcase(name, pattern) for name in names)] == []


def test_rows_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert accuracy.main(["--rows", "litgpt/76/*"]) == 0
    assert "not estimated yet: needs fine-tuning (adapter)" in capsys.readouterr().out
    assert accuracy.main(["--rows", "nothing"]) == 1


def test_measurements_are_beside_the_script() -> None:
    assert {path.stem for path in MEASUREMENTS.glob("*.jsonl")} == set(normalise.SOURCES)
