"""The address is the state: links, the browser's back, loading anew, in both engines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.browser.test_files import LLAMA_PARAMS, dropped

TYPED = "#params?model=~typed&m.name=small&m.vocab=1000&m.hidden=64&m.layers=2&m.heads=4&m.dense=256&x=total"


CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: %s, configurable: true })"


def answer_of(page: Any) -> str:
    """The answer's and the drawer's words, once they stand still."""
    page.settled()
    page.page.wait_for_selector("#drawer[aria-busy='false'] .equation")
    return str(page.text() + page.page.locator("#drawer").inner_text())


def test_a_link_gives_the_same_page_in_either_engine(visit: Any, tmp_path: Path) -> None:
    """Copied with the page's own button where a file was dropped, options chosen and a figure explained."""
    (tmp_path / "params.json").write_text(json.dumps(LLAMA_PARAMS))
    page = visit(permissions=["clipboard-read", "clipboard-write"]).ready()
    dropped(page, tmp_path / "params.json")
    page.open("Weights")
    page.choose("params.dtype", "fp8")
    page.shows("bytes in fp8")
    page.figure("8.03B")
    said = answer_of(page)
    page.press("Copy link")
    page.page.get_by_role("button", name="Link copied").wait_for()
    link = page.page.evaluate("navigator.clipboard.readText()")
    assert link == page.where()
    for engine in ("browser", "service"):
        other = visit(link[link.index("#") :], engine=engine).ready()
        other.shows("bytes in fp8")
        assert answer_of(other) == said


def test_a_link_that_cannot_be_copied_says_so(visit: Any) -> None:
    """Without https a browser has no clipboard; with it, a reader may not allow it."""
    page = visit(engine="service").ready()
    for clipboard in ("undefined", "{ writeText: () => Promise.reject(new Error('not allowed')) }"):
        page.page.evaluate(CLIPBOARD % clipboard)
        page.press("Copy link")
        page.page.get_by_role("button", name="It could not be copied").wait_for()
        page.page.get_by_role("button", name="Copy link").wait_for()


def test_back_undoes_and_forward_does_again(visit: Any, engine: str) -> None:
    page = visit(TYPED, engine=engine).ready()
    page.open("Model")
    page.type("m.layers", "3")
    page.shows("325,056")
    page.choose("m.ffn", "moe")
    page.page.wait_for_selector(".told.wrong")  # experts are missing
    page.page.get_by_role("button", name="worked example").click()
    page.shows("14,316,308,480")
    page.page.go_back()
    page.page.wait_for_selector(".told.wrong")
    page.page.go_back()
    page.shows("325,056")
    assert page.field("m.layers").input_value() == "3"
    page.page.go_back()
    page.shows("259,392")
    page.page.go_forward()
    page.shows("325,056")


def test_quick_keys_are_one_step_of_history(visit: Any) -> None:
    page = visit(TYPED, engine="service").ready()
    page.open("Model")
    steps = page.page.evaluate("history.length")
    page.type("m.vocab", "128256")
    page.shows("16,548,160")
    assert page.page.evaluate("history.length") - steps <= 2


def test_nothing_typed_is_lost_where_it_is_wrong(visit: Any, engine: str) -> None:
    """What was typed stays as it was typed, in the field, in the address and after loading anew."""
    page = visit(TYPED, engine=engine).ready()
    page.open("Model")
    page.type("m.hidden", "sixty-four")
    page.page.wait_for_selector("[id='m.hidden-problem']")
    assert page.field("m.hidden").get_attribute("aria-invalid") == "true"
    assert page.field("m.hidden").input_value() == "sixty-four"
    page.page.reload()
    page.ready()
    page.page.wait_for_selector(".told.wrong")
    assert page.field("m.hidden").input_value() == "sixty-four"
    page.type("m.hidden", "64")
    page.page.wait_for_selector(".told.wrong", state="detached")
    page.shows("259,392")


def test_a_damaged_link_says_so(visit: Any) -> None:
    page = visit("#params?model=~files&m.name=x&m.file=config.json&m.z=AAAA", engine="service").ready()
    page.page.wait_for_selector(".told.wrong")
    assert "damaged" in page.page.locator(".told.wrong").inner_text()
    other = visit("#no-such-panel?model=no-such-model", engine="service").ready()
    other.page.wait_for_selector(".told.wrong")
    assert "no-such-model" in other.page.locator(".told.wrong").inner_text()


def test_names_of_files_and_models_cannot_become_markup(visit: Any) -> None:
    name = "<img src=x onerror=alert(1)>"
    page = visit(TYPED.replace("small", name), engine="service").ready()
    page.settled()
    assert page.page.locator("main img").count() == 0
    assert "<img" in page.text()
