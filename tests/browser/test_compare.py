"""The comparison: eight models and no ninth, deployments, plans that were kept on other panels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.browser.driving import Driver
from tests.browser.taking import axe, table
from weighbridge import params, train
from weighbridge.answer import answer
from weighbridge.parallel.plan import Plan

EIGHT = [
    *("gpt2", "gpt2-medium", "gpt2-large", "llama-7b", "llama-13b"),
    *("llama-3.1-8b", "qwen1.5-moe-a2.7b", "deepseek-v3"),
]

PLANS = ("train?model=llama-3.1-8b&cluster=8xh100&train.tp=2", "train?model=llama-7b&cluster=8xa100&train.tp=4")


def open_compare(visit: Any, values: dict[str, str] | None = None, engine: str = "service", **how: Any) -> Driver:
    query = f"?{urlencode(values)}" if values else ""
    page: Driver = visit(f"#compare{query}", engine, **how).ready()
    page.page.wait_for_selector("main .sentence")
    return page


def add(page: Driver, name: str) -> None:
    page.field("compare-search").fill(name)
    page.page.locator(".models button", has=page.page.get_by_text(name, exact=True)).click()


def test_the_models_of_reference_system_d_are_the_first_answer(visit: Any) -> None:
    page = open_compare(visit, engine="browser")
    page.shows("13,015,864,320")
    header, *lines = table(page, "Models side by side")
    assert header[1:] == ["gpt2", "gpt2-medium", "gpt2-large", "llama-7b", "llama-13b"]
    parameters = next(line for line in lines if line[0] == "Parameters")
    assert [int(value) for value in parameters[1:]] == [params(name).total for name in header[1:]]
    page.shot("compare", whole=True)


def test_eight_models_are_added_and_a_ninth_cannot_be(visit: Any) -> None:
    page = open_compare(visit)
    for name in EIGHT[5:]:
        add(page, name)
    page.shows("671,026,404,352")
    page.page.get_by_text("All 8 places are taken").wait_for()
    assert page.field("compare-search").is_disabled()
    buttons = page.page.locator(".models button")
    assert buttons.count() > 200
    assert all(button.is_disabled() for button in buttons.all()[:5])
    header, *lines = table(page, "Models side by side")
    assert header[1:] == EIGHT
    training = next(line for line in lines if line[0] == "Training FLOPs")
    assert [int(value) for value in training[1:]] == [
        one["training_flops"] for one in answer({"ask": "compare", "models": EIGHT})["models"]
    ]
    page.shot("compare-eight", whole=True)
    page.page.get_by_role("button", name="Take gpt2 away").click()
    page.page.get_by_text("7 of 8", exact=True).first.wait_for()
    assert page.field("compare-search").is_enabled()


def test_an_address_with_nine_shows_eight(visit: Any) -> None:
    page = open_compare(visit, {"models": ",".join([*EIGHT, "gpt2-xl"])})
    page.shows("671,026,404,352")
    assert "gpt2-xl" not in page.text()


def test_what_differs_stands_out_and_figures_open_their_formula(visit: Any) -> None:
    page = open_compare(visit, {"models": "llama-7b,llama-13b,llama-3.1-8b"})
    page.shows("13,015,864,320")
    row = page.page.locator("main tr", has=page.page.get_by_role("rowheader", name="Vocabulary"))
    assert row.locator(".differs").all_inner_texts() == ["128,256"]
    page.page.get_by_label("Only rows that differ").check()
    page.until("!document.querySelector('main').innerText.includes('Family')")
    page.page.get_by_role("button", name="Parameters: 6,738,415,616").first.click()
    page.explains("6,738,415,616")
    page.page.get_by_role("button", name="Forward FLOPs:").nth(1).click()
    page.explains("forward_flops")


def test_a_typed_model_stands_beside_the_others(visit: Any) -> None:
    typed = {"m.vocab": "1000", "m.hidden": "64", "m.layers": "2", "m.heads": "4", "m.dense": "256", "m.name": "tiny"}
    page = open_compare(visit, {"model": "~typed", **typed, "models": "gpt2"})
    page.press("Add tiny, the model of the other panels")
    page.shows("tiny")
    header, *_ = table(page, "Models side by side")
    assert header[1:] == ["gpt2", "tiny"]


def test_deployments_are_compared(visit: Any) -> None:
    page = open_compare(visit, {"models": "llama-3.1-8b"}, "browser")
    page.open("Deployments")
    for device in ("h100", "h200"):
        page.choose("compare-device", device)
        page.page.get_by_role("button", name="Add", exact=True).click()
    page.page.get_by_role("checkbox", name="bf16").check()
    page.page.get_by_role("checkbox", name="fp8-block").check()
    page.shows("4 deployments, of which 4 fit")
    _, *lines = table(page, "Deployments side by side")
    assert [line[0].split(" · ")[1:] for line in lines] == [
        [cluster, quant] for cluster in ("1xh100", "1xh200") for quant in ("bf16", "fp8-block")
    ]
    page.page.get_by_role("button", name="llama-3.1-8b · 1xh100 · fp8-block, In use per GPU").click()
    page.explains(f"{int(lines[1][2]):,}")
    page.page.get_by_role("button", name="llama-3.1-8b · 1xh200 · bf16, Users at once").click()
    page.explains(f"{int(lines[2][3]):,}")
    page.shot("compare-deployments", whole=True)


def test_plans_are_kept_on_the_training_panel(visit: Any) -> None:
    page: Driver = visit("#train?model=llama-3.1-8b&cluster=8xh100&train.tp=2").ready()
    page.press("Keep for comparison")
    page.open("Parallelism")
    page.choose("train.tp", "4")
    page.settled()
    page.press("Keep for comparison")
    page.page.get_by_role("link", name="Compare 2").click()
    page.shows("2 kept plans side by side")
    page.shows("TP4")
    header, *lines = table(page, "Training plans")
    assert header[1:] == ["1. llama-3.1-8b", "2. llama-3.1-8b"]
    peaks = next(line for line in lines if line[0] == "peak allocated")
    for tensor, said in zip((2, 4), peaks[1:], strict=True):
        step = train("llama-3.1-8b", Plan.under(gpus=8, tensor=tensor, sequence=4096), "8xh100")
        assert int(said) == step.worst.peak_allocated
    page.open("Kept plans")
    page.press("Take 1 away")
    page.shows("1 kept plans side by side")


def test_a_ninth_plan_cannot_be_kept(visit: Any) -> None:
    plans = [f"train?model=llama-3.1-8b&cluster=8xh100&train.micro_batch={size}" for size in range(1, 10)]
    query = urlencode({"model": "llama-3.1-8b", "cluster": "8xh100", "train.tp": "2", "plans": "\n".join(plans)})
    page: Driver = visit(f"#train?{query}").ready()
    button = page.page.locator(".pin button")
    button.wait_for()
    assert button.is_disabled()
    assert button.inner_text() == "Eight are kept already"
    page.page.get_by_role("link", name="Compare 8").click()
    page.shows("8 kept plans side by side")


def test_kept_plans_stand_in_a_link_and_a_wrong_one_is_said(visit: Any) -> None:
    wrong = "train?model=llama-7b&cluster=8xa100&train.tp=3"
    page = open_compare(visit, {"plans": "\n".join([*PLANS, wrong])}, look="dark")
    page.shows("3 kept plans side by side")
    page.page.wait_for_selector(".told.wrong")
    page.shows("1. llama-3.1-8b")
    page.shot("compare-plans", whole=True)


def test_a_kept_plan_whose_model_cannot_be_read_says_so(visit: Any) -> None:
    damaged = "train?model=~files&m.name=lost&m.file=config.json&m.z=AAAA&cluster=8xh100"
    page = open_compare(visit, {"plans": "\n".join([PLANS[0], damaged])}, engine="service")
    page.page.locator(".told.wrong", has_text="2. lost").wait_for()
    assert "damaged" in page.page.locator(".told.wrong").inner_text()
    page.shows("1. llama-3.1-8b")
    page.until("!document.querySelector('main').innerText.includes(arg)", "Working it out")


@pytest.mark.parametrize(("language", "said"), [("zh-CN", "5 个模型对比"), ("zh-TW", "5 個模型對比")])
def test_in_chinese(visit: Any, language: str, said: str) -> None:
    page = open_compare(visit, language=language)
    page.shows(said)
    page.shot(f"compare-{language}")


def test_a_dropped_configuration_is_added(visit: Any, configurations: list[Path]) -> None:
    path = next(one for one in configurations if json.loads(one.read_text("utf-8")).get("model_type") == "llama")
    page: Driver = visit("#params").ready()
    page.drop(path)
    page.until("location.hash.includes('files')")
    page.settled()
    page.page.get_by_role("link", name="Compare").click()
    page.page.get_by_role("button", name="the model of the other panels").click()
    page.shows(f"{params(path).total:,}")


def test_on_a_phone_and_for_axe(visit: Any) -> None:
    page = open_compare(visit, {"plans": "\n".join(PLANS), "compare.clusters": "1xh100,1xa100"}, size="phone")
    page.shows("kept plans")
    page.shows("Deployments side by side")
    assert page.narrow() == 0
    page.shot("compare-phone", whole=True)
    for look in ("light", "dark"):
        values = {"plans": "\n".join(PLANS), "compare.clusters": "1xh100,1xa100", "models": "gpt2,llama-7b"}
        wide = open_compare(visit, values, look=look)
        for group in ("Deployments", "Kept plans", "What is counted"):
            wide.open(group)
        wide.shows("Training plans")
        assert axe(wide) == []
