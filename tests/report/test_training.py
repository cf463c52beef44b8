"""A training step as people see it: bars, ledger, chart, trace, module tree."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weighbridge as wb
from weighbridge.estimate.bands import bands_of, table
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.moment import PeakAt, peak_at, tensors
from weighbridge.formats.megatron import load
from weighbridge.parallel.schedule import Schedule
from weighbridge.report import tree
from weighbridge.report.chart import LOOKS, Bar, Bars, Chart, columns
from weighbridge.report.shown import html
from weighbridge.report.text import console, has_blocks, rendered, show
from weighbridge.report.timeline_schema import timeline
from weighbridge.report.trace import trace
from weighbridge.report.training import View, bars, changes, chart, document, headline, parts
from weighbridge.report.training_explained import table as explained_table
from weighbridge.report.training_schema import training as as_data

SMALL = wb.train("gpt2", wb.Plan.under(gpus=4, pipeline=2, global_batch=8, sequence=1024), "4xA100")
LARGE = wb.train(
    "llama-3.1-70b", wb.Plan.under(gpus=64, pipeline=8, tensor=2, global_batch=64, sequence_parallel=True), "64xH100"
)
EXPERTS = wb.train("mixtral-8x7b", wb.Plan.under(gpus=16, pipeline=2, expert=8), None)
RESULTS = [SMALL, LARGE, EXPERTS]


@pytest.mark.parametrize("training", RESULTS, ids=lambda t: t.model.name)
def test_bars_and_ledgers_add_up(training: wb.Training) -> None:
    for stage in training.stages:
        found = parts(stage)
        assert list(found) == [part for part in LOOKS if part != "kv_cache"]  # which only serving has
        assert sum(found.values()) == stage.device_total
        allocated = sum(found[line] for line in Line)
        assert allocated == stage.peak_allocated


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("training", RESULTS, ids=lambda t: t.model.name)
def test_reports_keep_within_the_window(training: wb.Training, width: int) -> None:
    text = rendered(document(training, View(modules=True, chart=True, width=width)), width)
    assert max(map(len, text.splitlines())) <= width
    assert text.isascii() or has_blocks(console(width, plain=True))


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=12), st.integers(10, 120))
def test_columns_of_a_bar_add_up(amounts: list[int], width: int) -> None:
    total = sum(amounts)
    assert sum(columns(amounts, total, width)) == (width if total else 0)
    assert min(columns(amounts, total, width)) >= 0


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.integers(0, 10**11), min_size=len(LOOKS), max_size=len(LOOKS)), min_size=1, max_size=5),
    st.one_of(st.none(), st.integers(1, 10**12)),
    st.integers(40, 120),
)
def test_bars_are_as_wide_as_each_other(amounts: list[list[int]], capacity: int | None, width: int) -> None:
    drawn = Bars(
        tuple(Bar(f"stage {n}", dict(zip(LOOKS, row, strict=True))) for n, row in enumerate(amounts)), capacity
    ).lines(width, blocks=False)
    lines = ["".join(text for text, _ in line) for line in drawn]
    assert all(len(line) <= width for line in lines)
    ends = {line.index("]") for line in lines if line.startswith("stage")}
    assert len(ends) == 1


def test_the_first_line_is_the_answer() -> None:
    assert str(SMALL).startswith("Fits: ")
    assert str(LARGE).startswith("Does not fit")
    assert "GiB allocated on the fullest GPU" in str(EXPERTS).splitlines()[0]
    assert "Fits: " in html(SMALL)


def test_what_passes_the_device_stands_behind_a_line() -> None:
    first = next(line for line in str(LARGE).splitlines() if line.startswith("stage 0"))
    assert "|" in first
    assert " over" in first
    inside, _, outside = next(line for line in str(LARGE).splitlines() if line.startswith("stage 7")).partition("|")
    assert "." in inside
    assert "." not in outside.partition("]")[0]


def test_equal_stages_share_a_bar() -> None:
    plan = wb.Plan.under("megatron", gpus=4, pipeline=4, global_batch=8, schedule=Schedule.GPIPE)
    assert [bar.label for bar in bars(wb.train("llama-3.2-1b", plan, "4xH100")).bars] == [
        "stage 0",
        "stages 1-2",
        "stage 3",
    ]


def test_a_chart_has_as_many_columns_as_there_is_room() -> None:
    drawn = chart(SMALL, SMALL.worst)
    assert isinstance(drawn, Chart)
    for blocks in (True, False):
        lines = ["".join(text for text, _ in line) for line in drawn.lines(80, blocks)]
        picture = [line for line in lines if line.startswith(" ")]
        assert all(len(line) <= 80 for line in lines)
        assert len(picture) == drawn.rows + 1
        assert "".join(picture).isascii() or blocks


def test_an_encoding_without_blocks_gets_letters() -> None:
    from rich.console import Console

    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    show(document(SMALL, View(chart=True)), Console(file=out, width=100, color_system=None))
    out.seek(0)
    assert out.read().isascii()


def test_a_terminal_gets_colours_and_the_same_marks() -> None:
    from rich.console import Console

    coloured = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="truecolor", record=True)
    show(document(SMALL, View()), coloured)
    assert coloured.export_text(clear=False).split() == rendered(document(SMALL, View()), 100).split()
    assert "48;2;" in coloured.file.getvalue()  # type: ignore[attr-defined]


# The trace


def test_a_trace_is_what_perfetto_reads(golden: Callable[[str, str], None]) -> None:
    plan = wb.Plan.under(gpus=2, pipeline=2, global_batch=3, sequence=1024)
    data = trace(wb.train(wb.load("gpt2", {"n_layer": 4}), plan))  # in units; test_trace.py has seconds
    lines = ",\n".join(json.dumps(event) for event in data["traceEvents"])
    golden("timeline.json", f"[\n{lines}\n]\n")
    assert json.loads(json.dumps(data)) == data
    assert {event["ph"] for event in data["traceEvents"]} == {"M", "X", "C"}
    for event in data["traceEvents"]:
        assert isinstance(event["ts"], int)
        assert event["ph"] != "X" or event["dur"] > 0


def test_a_trace_reaches_the_allocated_peak() -> None:
    for training in RESULTS:
        highest: dict[int, int] = {}
        for event in trace(training)["traceEvents"]:
            if event["ph"] == "C":
                highest[event["pid"]] = max(highest.get(event["pid"], 0), sum(event["args"].values()))
        assert highest == {stage.number: stage.highest_moment for stage in training.stages}


# The module tree


@pytest.mark.parametrize("training", RESULTS, ids=lambda t: t.model.name)
def test_the_tree_has_every_parameter_of_the_rank(training: wb.Training) -> None:
    for stage in training.stages:
        assert tree.tree(stage).all_parameters == stage.states.parameters


def test_modules_have_megatrons_names() -> None:
    lines = [row.cells[0].strip() for row in tree.table(EXPERTS.stages[0]).rows]
    for line in (
        "GPTModel",
        "embedding: LanguageModelEmbedding",
        "word_embeddings: VocabParallelEmbedding",
        "decoder: TransformerBlock",
        "layers: ModuleList",
        "(0-15): 16 x TransformerLayer",
        "input_layernorm: IdentityOp",
        "self_attention: SelfAttention",
        "linear_qkv: TELayerNormColumnParallelLinear",
        "pre_mlp_layernorm: TENorm",
        "mlp: MoELayer",
        "router: TopKRouter",
    ):
        assert line in lines
    assert "output_layer: ColumnParallelLinear" in [r.cells[0].strip() for r in tree.table(EXPERTS.stages[1]).rows]


def names_of(words: str) -> list[str]:
    sizes = "--hidden-size 512 --num-attention-heads 8 --seq-length 1024 --max-position-embeddings 1024"
    more = "--micro-batch-size 1 --vocab-size 50257 --bf16 --num-experts 8 --disable-bias-linear --moe-grouped-gemm"
    asked = load([*sizes.split(), *more.split(), *words.split()], 1, environment={})
    return [row.cells[0].strip() for row in tree.table(wb.train(asked.model, asked.plan).worst).rows]


def test_layers_of_hybrid_models_have_megatrons_names() -> None:
    lines = names_of("--hybrid-layer-pattern M-M*ME --position-embedding-type none")
    wanted = [
        "HybridModel",
        "decoder: HybridStack",
        "(0-4 by 2): 3 x MambaLayer",
        "norm: IdentityOp",
        "mixer: MambaMixer",
        "in_proj: TELayerNormColumnParallelLinear",
        "conv1d: Conv1d",
        "norm: ExtendedRMSNorm",
        "out_proj: TERowParallelLinear",
        "(1): 1 x MLPLayer",
        "(3): 1 x TransformerLayer",
        "(5): 1 x MoETransformerLayer",
        "final_norm: TENorm",
    ]
    assert [line for line in lines if line in wanted] == wanted


def test_linear_attention_has_megatrons_names() -> None:
    variant = "--experimental-attention-variant gated_delta_net --linear-attention-freq 4 --num-layers 4"
    lines = names_of(f"{variant} --position-embedding-type rope")
    at = lines.index("self_attention: GatedDeltaNet")
    assert lines[0] == "GPTModel"
    assert lines[at - 1 : at + 5] == [
        "input_layernorm: IdentityOp",
        "self_attention: GatedDeltaNet",
        "in_proj: TELayerNormColumnParallelLinear",
        "conv1d: Conv1d",
        "out_norm: TENorm",
        "out_proj: TERowParallelLinear",
    ]


def test_other_frameworks_keep_our_names() -> None:
    training = wb.train("mixtral-8x7b", wb.Plan.under("torchtitan", gpus=8, expert=8))
    lines = [row.cells[0].strip() for row in tree.table(training.worst).rows]
    assert lines[0] == "CausalLM"
    assert "(0-31): 32 x DecoderLayer" in lines


def test_local_layers_keep_norms_apart() -> None:
    training = wb.train("llama-3.2-1b", wb.Plan.under("megatron-local"))
    lines = [row.cells[0].strip() for row in tree.table(training.worst).rows]
    assert "input_layernorm: WrappedTorchNorm" in lines
    assert "linear_qkv: ColumnParallelLinear" in lines


# Wording


def test_without_a_pipeline_there_are_no_stages() -> None:
    one = wb.train("gpt2", wb.Plan.under(gpus=2, sequence=1024), "2xA100")
    text = rendered(document(one, View(modules=True, chart=True)), 100)
    assert "stage" not in text
    assert "Ledger of any rank\n" in text
    assert trace(one)["traceEvents"][0]["args"] == {"name": "any rank"}


def test_lines_of_nothing_are_left_out_and_in_flight_is_explained() -> None:
    text = str(wb.train("gpt2", wb.Plan.under(gpus=1, sequence=1024), "1xA100"))
    assert "communication" not in text
    assert " 0 B" not in text
    assert "in flight: from its forward pass until its backward pass is done, which needs what it kept" in " ".join(
        text.split()
    )


def test_peaks_outside_the_layers_have_names_for_people() -> None:
    places = {peak_at(stage).place for training in RESULTS for stage in training.stages}
    assert "at the loss" in places
    assert all(place.startswith(("in layer ", "at the loss", "in the ")) for place in places)
    assert PeakAt("matmul", "head", None, "forward", 1).place == "in the output head"
    assert PeakAt("norm", "final_norm", None, "forward", 1).place == "in the final norm"


def with_room(training: wb.Training, room: int) -> wb.Training:
    """The same on a device that lets programs have so many bytes."""
    assert training.cluster is not None
    device = dataclasses.replace(training.cluster.device, usable_bytes=room)
    return dataclasses.replace(training, cluster=dataclasses.replace(training.cluster, device=device))


def test_an_answer_says_where_it_is_closer_than_the_estimate_can_tell() -> None:
    needed = int(SMALL.worst.device_total)
    assert headline(with_room(SMALL, 2 * needed)).startswith("Fits: ")
    assert headline(with_room(SMALL, needed // 2)).startswith("Does not fit: ")
    near = headline(with_room(SMALL, needed + 1234))
    assert near.startswith("Fits, but closer than the estimate can tell: ")
    assert "(1,234 bytes free) on the fullest GPU" in near
    over = headline(with_room(SMALL, needed - 1234))
    assert over.startswith("Does not fit, but closer than the estimate can tell: ")
    assert "(1,234 bytes too many)" in over


def test_a_framework_without_measured_runs_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighbridge.estimate.bands.table", lambda file: {})
    text = str(wb.train("gpt2", wb.Plan.under("hf-sdpa", gpus=1, sequence=1024), "1xA100"))
    assert "no measured runs of this framework to compare with yet" in text


def test_explanations_leave_tensors_of_nothing_out() -> None:
    empty = [one for one in tensors(SMALL.worst, Line.ACTIVATIONS) if not one.total]
    kept = [one for one in tensors(SMALL.worst, Line.ACTIVATIONS) if one.total]
    nothing = [dataclasses.replace(one, bytes=0) for one in kept[:2]]
    assert len(explained_table(Line.ACTIVATIONS, [*kept, *empty, *nothing]).rows) == len(kept)


# Error bands and changes


def test_bands_are_read_where_they_are(tmp_path: Any) -> None:
    file = tmp_path / "bands.toml"
    assert bands_of(SMALL, file) == ()
    table.cache_clear()
    own = "peak_allocated.by_framework.megatron.several_gpus"
    rows = f"[{own}]\nn = 315\nmedian = 2.0\np90 = 5.8\n"
    file.write_text(f"{rows}[{own}.above_8_gib]\nn = 30\nmedian = 1\np90 = 3\n")
    assert [band.kind for band in bands_of(SMALL, file)] == [own]
    assert [band.kind for band in bands_of(LARGE, file)] == [f"{own}.above_8_gib"]
    said = "half of 315 measured runs of this kind (Megatron-LM, several GPUs) fell within 2.0 % of the allocated peak"
    assert bands_of(SMALL, file)[0].sentence == f"{said}, nine in ten within 5.8 %"
    table.cache_clear()


def test_both_peaks_have_their_bands() -> None:
    said = " ".join(str(LARGE).split("plan  ")[0].split())
    assert said.count("half of ") == 2
    assert "of the allocated peak" in said.split("half of ")[1]
    assert "of the reserved peak" in said.split("half of ")[2]
    assert " 0.0 %" not in said


def test_changes_say_what_they_are_for() -> None:
    from weighbridge.estimate.advice import Advice, advise

    assert changes(SMALL, Advice(())) is None
    found = changes(LARGE, advise(LARGE))
    assert found is not None
    assert found.title == "What would make it fit, each by itself"
    assert all(row.cells[3] == "fits" for row in found.rows)


@pytest.mark.parametrize("training", RESULTS, ids=lambda t: t.model.name)
def test_the_json_has_what_a_bar_is_drawn_against(training: wb.Training) -> None:
    data = as_data(training, advised=False)
    for rank in data["ranks"]:
        assert rank["allocator_bytes"] == rank["peak_reserved_bytes"] - rank["peak_allocated_bytes"]
        lines = cast(dict[str, int], rank["memory"])
        outside = rank["allocator_bytes"] + rank["context_bytes"]
        assert sum(lines.values()) + outside == rank["device_total_bytes"]
        if training.cluster is None:
            assert rank["capacity_bytes"] is rank["free_bytes"] is None
        else:
            assert rank["capacity_bytes"] == training.cluster.device.usable_bytes
            assert rank["free_bytes"] == rank["capacity_bytes"] - rank["device_total_bytes"]
    most = max(rank["device_total_bytes"] for rank in data["ranks"])
    assert data["ranks"][data["fullest_stage"]]["device_total_bytes"] == most


def test_changes_say_how_much_more_is_computed() -> None:
    changes = as_data(LARGE)["changes"]
    assert changes
    for change in changes:
        more = change["hardware_flops_ratio"] - 1
        assert change["more_flops"] == (pytest.approx(more) if abs(more) >= 0.0005 else 0)


def test_memory_over_time_says_its_sum_and_its_peak() -> None:
    memory = timeline(SMALL, SMALL.worst)["memory"]
    assert memory["total"] == [sum(levels) for levels in zip(*memory["bytes"].values(), strict=True)]
    assert memory["peak"] == max(memory["total"])
