"""The panels of training: plans typed by hand, the Megatron estimator's runs, days and dollars, fine-tuning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.browser.driving import Driver
from tests.browser.taking import axe
from tests.browser.writing import dollars, seconds, three
from weighbridge.answer import answer
from weighbridge.units import gibibytes

README = "#train?model=llama-3.1-70b&cluster=64xh100&train.tp=8&train.pp=4&train.seq=8192&train.global_batch=128"
"""The plan of the first pages of the documentation."""

TUNED = "#train?model=llama-3.1-8b&cluster=1xrtx-4090"


def weighed(model: str, cluster: str, **options: Any) -> dict[str, Any]:
    """What the command line says of a plan."""
    return answer({"ask": "train", "model": model, "options": {"cluster": cluster, "advice": False, **options}})


def offered(page: Driver, field: str) -> list[str]:
    """What a list offers."""
    found: list[str] = page.field(field).locator("option").evaluate_all("all => all.map(one => one.value)")
    return found


def test_a_plan_typed_by_hand(visit: Any) -> None:
    page = visit("#train?model=llama-3.1-70b").ready()
    page.open("Cluster")
    page.choose("cluster-device", "h100")
    page.type("cluster-count", "64")
    page.open("Parallelism")
    page.until("[...document.getElementById('train.tp').options].some(one => one.value === '8')")
    page.choose("train.tp", "8")
    page.until("[...document.getElementById('train.pp').options].some(one => one.value === '4')")
    page.choose("train.pp", "4")
    page.open("Batch")
    page.type("train.seq", "8192")
    page.type("train.global_batch", "128")
    expected = weighed("llama-3.1-70b", "64xH100", tp=8, pp=4, seq=8192, global_batch=128)
    worst, time = expected["ranks"][0], expected["time"]
    page.shows(gibibytes(worst["device_total_bytes"]))
    page.shows("It does not fit")
    page.shows("closer than the estimate can tell")
    page.shows(seconds(time["step_seconds"]))
    page.shows("44.5%")
    page.shows("going back through layer 19")
    for rank in expected["ranks"]:
        page.shows(gibibytes(rank["peak_allocated_bytes"]))
        page.shows(f"{rank['parameters']:,}")
    page.shot("training-by-hand", whole=True)


def test_what_cannot_be_is_not_offered(visit: Any) -> None:
    page = visit("#train?model=llama-3.1-8b&cluster=48xh100&train.tp=4", "service").ready().settled()
    page.open("Parallelism")
    sizes = weighed("llama-3.1-8b", "48xH100", tp=4)["sizes"]
    assert sizes["tp"] == [1, 2, 4, 8, 16]  # of the divisors of 48 those by which heads divide
    for name in ("tp", "pp", "cp", "ep"):
        assert offered(page, f"train.{name}") == [str(size) for size in sizes[name]]


@pytest.mark.parametrize(
    ("group", "field", "text", "said"),
    [
        ("Batch", "train.seq", "4097", "4,097 tokens do not divide"),
        ("Batch", "train.global_batch", "3", "nearest that do: 4"),
        ("Numbers and kernels", "train.optimizer", "adm", "did you mean adam"),
        ("Numbers and kernels", "train.overlap", "gradient", "no overlap"),
        ("Saving memory", "train.recompute", "selective:mpl", "did you mean mlp"),
        ("Fine-tuning", "train.freeze", "heads", "meets no module"),
        ("Fine-tuning", "train.samples", "1000", "say together how long an epoch is"),
        ("The run and its price", "train.tokens", "many", "expected tokens such as 15T"),
        ("How the model is read", "train.set", "num_layer=3", "no such field"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(visit: Any, group: str, field: str, text: str, said: str) -> None:
    page = visit("#train?model=llama-3.1-8b&cluster=8xh100&train.tp=2&train.sp=true", "service").ready().settled()
    page.refuses(group, field, text, said, "train.mean_length" if field == "train.samples" else "")


def test_a_change_is_applied_by_one_click_and_taken_back(visit: Any) -> None:
    page = visit(README, "service").ready().settled()
    page.shows("It does not fit")
    page.press("Apply: recomputation of all layers")
    page.shows("It fits")
    assert "train.recompute=full" in page.fragment()
    expected = weighed("llama-3.1-70b", "64xH100", tp=8, pp=4, seq=8192, global_batch=128, recompute="full")
    page.shows(gibibytes(expected["ranks"][expected["worst_stage"]]["device_total_bytes"]))
    page.page.go_back()
    page.shows("It does not fit")
    page.page.go_forward()
    page.shows("It fits")


def test_figures_open_their_formulas(visit: Any) -> None:
    page = visit(README, "service").ready().settled()
    page.page.locator(".sentence .large .figure").click()
    page.explains("reserved_unused")
    page.explains("91,716,845,568")
    page.figure("44.5%")
    page.explains("model_tflops_per_gpu")
    page.explains("Chowdhery")
    page.figure("55.8 GiB")
    page.explains("Tensors that stand at the highest moment")
    page.explains("59,929,559,040")
    for name, formula in (
        ("It does not fit", "capacity"),
        ("peak allocated, stage 0", "peak_allocated"),
        ("allocated between steps, stage 0", "static_allocated"),
        ("parameters of a rank, stage 0", "num_attention_heads"),
        ("forward, stage 1", "forward_seconds"),
    ):
        page.page.get_by_role("button", name=name).first.click()
        page.explains(formula)


def test_pictures_of_a_step(visit: Any) -> None:
    page = visit(README).ready().settled()
    for title in ("What every stage does", "Memory of stage 0 over a step", "Where a step's time goes"):
        page.shows(title)
    page.page.get_by_label("Stage whose memory is drawn").select_option("2")
    page.shows("Memory of stage 2 over a step")
    with page.page.expect_download() as saving:
        page.press("Save as trace")
    plan = {"tp": 8, "pp": 4, "seq": 8192, "global_batch": 128, "cluster": "64xh100"}
    said = answer({"ask": "train", "model": "llama-3.1-70b", "options": plan, "with": ["trace"]})["trace"]
    assert Path(saving.value.path()).read_bytes() == said.encode()
    events = json.loads(said)["traceEvents"]
    assert {event["pid"] for event in events} == {0, 1, 2, 3}
    slices = [event for event in events if event["ph"] == "X" and event["tid"] == 0]
    assert max(event["ts"] + event["dur"] for event in slices) <= 16.7e6
    page.page.locator("summary", has_text="The plan as arguments").click()
    page.shows("--tensor-model-parallel-size 8")
    page.page.get_by_role("button", name="deepspeed").click()
    page.shows("train_micro_batch_size_per_gpu")


def test_a_plan_from_a_file(visit: Any, tmp_path: Path) -> None:
    said = {"train_micro_batch_size_per_gpu": 2, "bf16": {"enabled": True}, "zero_optimization": {"stage": 3}}
    (tmp_path / "ds_config.json").write_text(json.dumps(said))
    page = visit("#train?model=llama-3.1-8b&cluster=8xh100", "service").ready().settled()
    page.open("Plan from a file")
    page.field("train.from").set_input_files(tmp_path / "ds_config.json")
    page.shows("micro-batch 2")
    files = {"ds_config.json": {"text": json.dumps(said)}}
    options = {"cluster": "8xH100", "from": "ds_config.json", "advice": False}
    expected = answer({"ask": "train", "model": "llama-3.1-8b", "options": options, "files": files})
    page.shows(gibibytes(expected["ranks"][0]["device_total_bytes"]))
    page.page.reload()
    page.ready().shows("micro-batch 2")


# C. The Megatron MoE memory estimator: its run, its four measurements.


def test_c_its_run_with_megatrons_names(visit: Any) -> None:
    page = visit("#megatron").ready().settled()
    page.page.locator("summary", has_text="Modules of a rank").click()
    page.shows("1,251,035,136")
    page.shows("65,536,000")
    page.shows("(0-3): 4 x TransformerLayer")
    page.shows(f"{279_971_840 + 8 * 2048 + 2048:,}")
    page.shows("7.5 bytes per parameter × 1,251,035,136")
    page.shows(f"{1_251_035_136 * 15 / 2 / 1e6:,.1f}")
    page.shot("c-megatron", whole=True)


@pytest.mark.parametrize(
    ("tensor", "micro_batch", "peak", "between"),
    [(2, 1, 6.6, 5.3), (2, 2, 8.0, 5.3), (1, 1, 11.2, 8.8), (1, 2, 13.8, 8.8)],
)
def test_c_its_four_measurements(visit: Any, tensor: int, micro_batch: int, peak: float, between: float) -> None:
    page = visit("#megatron").ready().settled()
    text = page.field("megatron.words").input_value()
    degrees = "--tensor-model-parallel-size 2 --sequence-parallel " if tensor > 1 else ""
    text = text.replace("--micro-batch-size 1", f"{degrees}--micro-batch-size {micro_batch}")
    page.field("megatron.words").fill(text)
    asked = {"ask": "megatron", "words": text, "options": {"cluster": "8xA100", "advice": False}}
    rank = answer(asked)["ranks"][0]
    assert abs(rank["static_allocated_bytes"] / 2**30 - between) <= 0.05
    assert abs(rank["peak_allocated_bytes"] / 2**30 - peak) <= 0.25  # Megatron-Core of today keeps other tensors
    page.shows(gibibytes(rank["peak_allocated_bytes"]))
    page.shows(gibibytes(rank["static_allocated_bytes"]))


def test_c_an_argument_that_is_wrong_is_named(visit: Any) -> None:
    page = visit("#megatron", "service").ready().settled()
    text = page.field("megatron.words").input_value()
    page.field("megatron.words").fill(text.replace("--num-query-groups 8", "--num-query-groups 7"))
    page.page.wait_for_selector("[id='megatron.words-problem']")
    page.press("Back to the worked example")
    page.page.wait_for_selector("[id='megatron.words-problem']", state="detached")


# D. The resource calculator: what training costs on three types of GPU.


@pytest.mark.parametrize(("gpu", "dtype"), [("v100-32gb", "fp16"), ("a100", "bf16"), ("h100", "bf16")])
def test_d_training_cost_by_type_of_gpu(visit: Any, gpu: str, dtype: str) -> None:
    page = visit("#train?model=llama-7b").ready()
    page.open("Cluster")
    page.choose("cluster-device", gpu)
    page.type("cluster-count", "64")
    page.settled()
    page.open("Parallelism")
    page.until("[...document.getElementById('train.tp').options].some(one => one.value === '4')")
    page.choose("train.tp", "4")
    page.choose("train.sp", "true")
    page.open("Batch")
    page.type("train.seq", "2048")
    page.type("train.global_batch", "2048")
    page.open("Numbers and kernels")
    page.choose("train.precision", dtype)
    page.open("The run and its price")
    page.type("train.tokens", "1T")
    page.type("price", "2")
    options = {"tp": 4, "sp": True, "seq": 2048, "global_batch": 2048, "precision": dtype, "tokens": "1T", "price": "2"}
    cost = weighed("llama-7b", f"64x{gpu}", **options)["cost"]
    assert cost["dollars"] == pytest.approx(2 * 64 * cost["seconds"] / 3600)
    page.shows(dollars(cost["dollars"]))
    page.shows(three(cost["days"]))
    page.page.locator(".facts .figure", has_text="$").first.click()
    page.explains("gpu_hours")
    page.explains("price_per_gpu_hour")


# Fine-tuning.


WAYS: list[tuple[str, dict[str, Any]]] = [
    ("LoRA", {"lora": "r=16,targets=all-linear"}),
    ("DoRA", {"lora": "r=16,targets=all-linear,dora"}),
    ("QLoRA", {"lora": "r=16,targets=all-linear", "quant": "nf4-double"}),
    ("DPO", {"reference": True}),
]
"""Ways of fine-tuning with what they mean on the command line."""


@pytest.mark.parametrize(("way", "options"), WAYS)
def test_ways_of_fine_tuning(visit: Any, way: str, options: dict[str, Any]) -> None:
    page = visit(TUNED, "service").ready().settled()
    page.open("Fine-tuning")
    page.page.get_by_role("button", name=way, exact=True).click()
    expected = weighed("llama-3.1-8b", "1xRTX-4090", **options)
    page.shows(gibibytes(expected["ranks"][0]["device_total_bytes"]))
    if expected["tuning"]:
        page.shows(f"{expected['tuning']['trained_parameters']:,}")
    page.page.get_by_role("button", name="all", exact=True).click()
    full = weighed("llama-3.1-8b", "1xRTX-4090")
    page.shows(gibibytes(full["ranks"][0]["device_total_bytes"]))


def test_an_epoch_has_steps_and_a_price(visit: Any) -> None:
    page = visit(f"{TUNED}&train.micro_batch=2&train.recompute=full", "service").ready().settled()
    page.open("Fine-tuning")
    page.page.get_by_role("button", name="QLoRA", exact=True).click()
    page.type("train.lora.rank", "64")
    page.type("train.lora.targets", "q_proj,v_proj")
    page.type("train.lengths", "3000x512,500x1024")
    page.choose("train.packed", "true")
    page.open("The run and its price")
    page.type("price", "0.5")
    options = {"lora": "r=64,targets=q_proj,v_proj", "quant": "nf4-double", "micro_batch": 2, "recompute": "full"}
    data = {"lengths": "3000x512,500x1024", "packed": True, "price": "0.5"}
    tuning = weighed("llama-3.1-8b", "1xRTX-4090", **options, **data)["tuning"]
    page.shows(f"{tuning['trained_parameters']:,}")
    page.shows(f"{tuning['epoch']['sequences']:,}")
    page.shows(f"{tuning['epoch']['steps']:,}")
    page.shows(dollars(tuning["epoch"]["dollars"]))
    page.shows(f"{tuning['longest_sequence']:,}")
    for name, formula in (("padding", "positions"), ("dollars", "gpu_hours"), ("trained parameters", "head_dim")):
        page.page.locator("table").get_by_role("button", name=name).first.click()
        page.explains(formula)
    page.shot("fine-tuning", whole=True)


# Everyone.


@pytest.mark.parametrize("ask", ["train", "megatron"])
@pytest.mark.parametrize(
    ("language", "look", "size"),
    [("en-GB", "light", "wide"), ("zh-CN", "dark", "phone"), ("zh-TW", "dark", "desktop"), ("en-GB", "dark", "phone")],
)
def test_axe_finds_nothing(visit: Any, ask: str, language: str, look: str, size: str) -> None:
    more = README.removeprefix("#train") + "&train.tokens=15T&train.lora=r%3D8" if ask == "train" else ""
    page = visit(f"#{ask}{more}", "service", language=language, look=look, size=size).ready().settled()
    page.page.wait_for_selector(".changes")
    page.page.wait_for_selector("main .chart canvas >> nth=3")
    page.unfold()
    assert axe(page) == []
    assert page.narrow() <= 0
    page.shot(f"{ask}-{language}-{look}-{size}", whole=True)
