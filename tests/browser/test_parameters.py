"""The panel of parameters: what people type, drop and paste, with the figures of the reference systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

A_BY_HAND = {
    "m.vocab": "152064",
    "m.hidden": "2048",
    "m.layers": "24",
    "m.heads": "16",
    "m.groups": "16",
    "m.experts": "60",
    "m.top_k": "4",
    "m.routed": "1408",
    "m.shared_experts": "1",
    "m.shared": "5632",
}
"""Numbers of the worked example of reference system A, in the order of the form."""


def test_the_first_visit_shows_an_answer_before_python_has_loaded(visit: Any) -> None:
    page = visit()
    page.shows("8,030,261,248")
    assert page.page.evaluate("document.documentElement.dataset.ready ?? 'loading'") == "loading"
    page.ready()
    page.shot("first-visit")


def test_a_by_hand(visit: Any) -> None:
    page = visit().ready()
    page.open("Model")
    page.page.get_by_role("button", name="Type the sizes").click()
    page.choose("m.ffn", "moe")
    for field, text in A_BY_HAND.items():
        page.type(field, text)
    page.page.get_by_label("Bias on q, k and v").check()
    page.page.get_by_label("Gate of the shared expert").check()
    page.shows("14,316,308,480")
    page.shows("28,632,616,960")
    page.open("Weights")
    page.choose("params.router_dtype", "fp32")
    page.shows("28,638,515,200")
    page.shot("a-by-hand")


def test_a_as_a_preset_explains_each_figure(visit: Any) -> None:
    page = visit().ready()
    page.open("Model")
    page.page.get_by_role("button", name="Type the sizes").click()
    page.page.get_by_role("button", name="worked example").click()
    page.shows("14,316,308,480")
    page.page.locator(".sentence .large .figure").click()
    page.explains("14,316,308,480")
    page.page.locator("main").get_by_role("button", name="28,632,616,960").first.click()
    page.explains("28,632,616,960")
    page.page.get_by_role("button", name="13,287,555,072").first.click()
    page.explains("13,287,555,072")
    page.shot("a-explained")


def test_the_drawer_follows_what_is_typed(visit: Any) -> None:
    page = visit(
        "#params?model=%7Etyped&m.vocab=1000&m.hidden=64&m.layers=2&m.heads=4&m.dense=256&x=total", engine="service"
    ).ready()
    page.explains("1,000")
    page.open("Model")
    page.type("m.vocab", "5000")
    page.explains("2 × 5,000 × 64")


def test_megatron_arguments_pasted(visit: Any) -> None:
    page = visit().ready()
    page.open("Model")
    page.page.get_by_role("button", name="Megatron arguments").click()
    page.shows("1,251,035,136")
    text = page.page.locator("[id='m.args']").input_value()
    page.page.locator("[id='m.args']").fill(text.replace("--num-layers 4", "--num-layers 8"))
    page.shows("2,370,996,224")


def test_what_is_wrong_is_said_beside_its_field(visit: Any) -> None:
    page = visit(
        "#params?model=%7Etyped&m.vocab=1000&m.hidden=64&m.layers=2&m.heads=4&m.dense=256", engine="service"
    ).ready()
    page.settled()
    page.open("Model")
    page.type("m.groups", "3")
    page.page.wait_for_selector("[id='m.heads-problem']")
    assert page.field("m.heads").get_attribute("aria-invalid") == "true"
    assert page.field("m.groups").input_value() == "3"
    page.shot("wrong-field")
    page.type("m.groups", "2")
    page.page.wait_for_selector(".told.wrong", state="detached")


SPARSE = (
    "#params?model=%7Etyped&m.vocab=1000&m.hidden=64&m.layers=2&m.heads=4&m.ffn=moe&m.experts=8&m.top_k=2&m.routed=32"
)


def test_a_shared_expert_without_a_number_is_one(visit: Any, engine: str) -> None:
    page = visit(f"{SPARSE}&m.shared=256", engine).ready().settled()
    alone = page.page.locator(".sentence .large").inner_text()
    page.open("Model")
    page.type("m.shared_experts", "2")
    page.until("document.querySelector('.sentence .large').innerText !== arg", alone)
    page.type("m.shared_experts", "1")
    page.until("document.querySelector('.sentence .large').innerText === arg", alone)
    page.type("m.shared_experts", "0")
    page.until("document.querySelector('.sentence .large').innerText !== arg", alone)


@pytest.mark.parametrize("typed", ["two", "1.5", "-1"])
def test_a_number_of_shared_experts_that_is_none_is_refused(visit: Any, typed: str) -> None:
    page = visit(f"{SPARSE}&m.shared=256", "service").ready().settled()
    page.refuses("Model", "m.shared_experts", typed, f"got {typed}" if typed == "-1" else f'got "{typed}"')


def test_shared_experts_without_a_width_are_refused(visit: Any) -> None:
    page = visit(SPARSE, "service").ready().settled()
    page.refuses("Model", "m.shared_experts", "2", "expected a whole number", beside="m.shared")


def test_heads_that_do_not_divide_ask_for_their_width(visit: Any) -> None:
    page = (
        visit("#params?model=%7Etyped&m.vocab=1000&m.hidden=65&m.layers=2&m.heads=4&m.dense=256", "service")
        .ready()
        .settled()
    )
    page.open("Model")
    page.objects("m.head_dim", "head_dim missing")
    page.type("m.head_dim", "16")
    page.page.wait_for_selector("[id='m.head_dim-problem']", state="detached")


def test_the_catalogue_is_searched(visit: Any) -> None:
    page = visit(engine="service").ready()
    page.open("Model")
    page.page.locator("#model-search").press_sequentially("deepseek v3")
    page.page.locator(".models").get_by_role("button", name="deepseek-v3", exact=False).first.click()
    page.shows("671,026,404,352")


def test_tables_and_pictures_are_saved(visit: Any) -> None:
    page = visit(engine="service").ready()
    page.page.wait_for_selector(".chart canvas")
    for button, start in (("Save as CSV", "\ufeffmodule,class"), ("Save as SVG", "<svg"), ("Save as PNG", "\x89PNG")):
        with page.page.expect_download() as saving:
            page.page.get_by_role("button", name=button).first.click()
        data = Path(saving.value.path()).read_bytes()
        assert data.startswith(start.encode("latin-1" if "PNG" in start else "utf-8"))
        assert len(data) > 100
