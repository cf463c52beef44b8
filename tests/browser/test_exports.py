"""What can be taken along from every panel: tables, JSON, pictures, reports that open anywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from tests.browser.driving import PATIENCE, Driver
from tests.browser.taking import pixels, printed, rows, saved

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PANELS = {
    "params": ("#params?model=gpt2", "gpt2-params"),
    "train": ("#train?model=llama-3.1-8b&cluster=8xh100&train.tp=2&train.tokens=1T", "llama-3.1-8b-train"),
    "megatron": ("#megatron", "Megatron-LM-GPT-4-layers-hidden-size-2-048-8-experts-megatron"),
    "infer": ("#infer?model=llama-3.1-8b&cluster=1xh100", "llama-3.1-8b-infer"),
    "local": ("#local?model=llama-3.1-8b", "llama-3.1-8b-local"),
    "scaling": ("#scaling?scaling.compute=5.76e23", "scaling-5.76e23"),
    "compare": ("#compare?models=gpt2,llama-7b", "compare-gpt2-llama-7b"),
}
"""Of each panel an address, and what its files are called."""

LAST_DIGIT = ("scaling",)
"""Whose powers and logarithms another C library than Python's here works out: the last digit of a float may differ."""


QUIET = """() => {
  const asking = document.documentElement.hasAttribute('data-asking');
  window.quietFor = asking ? 0 : (window.quietFor ?? 0) + 1;
  return window.quietFor > 10;
}"""


def opened(visit: Any, panel: str, **how: Any) -> Driver:
    page: Driver = visit(PANELS[panel][0], **how).ready().settled()
    page.page.wait_for_selector(".exports")
    return quiet(page)


def quiet(page: Driver) -> Driver:
    """Wait until the page asks nothing any more: panels ask for curves, timelines and advice beside their answer."""
    page.page.evaluate("window.quietFor = 0")
    page.page.wait_for_function(QUIET, polling=50)
    page.page.wait_for_timeout(300)  # charts come in
    return page


@pytest.mark.parametrize("panel", PANELS)
def test_json_is_what_the_command_line_prints(visit: Any, engine: str, panel: str) -> None:
    page = opened(visit, panel, engine=engine)
    name, data = saved(page, page.page.get_by_role("button", name="Save as JSON"))
    assert name == f"{PANELS[panel][1]}.json"
    command = page.page.locator(".exports code").inner_text()
    expected = printed(command)
    if engine == "browser" and panel in LAST_DIGIT:
        assert alike(json.loads(data), json.loads(expected))
        assert re.sub(rb"[\d.e+-]+", b"0", data) == re.sub(rb"[\d.e+-]+", b"0", expected)
    else:
        assert data == expected


def alike(one: Any, other: Any) -> bool:
    """Whether two answers differ in the last digits of floats at most."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-12)
    return bool(one == other)


@pytest.mark.parametrize("panel", PANELS)
def test_every_table_is_saved_as_csv(visit: Any, panel: str) -> None:
    page = opened(visit, panel, engine="service")
    page.unfold()
    quiet(page)
    buttons = page.page.get_by_role("button", name="Save as CSV")
    assert buttons.count() == page.page.locator("main table").count() > 0
    names = set()
    for button in buttons.all():
        name, data = saved(page, button)
        assert re.fullmatch(r"[\w.+-]+\.csv", name)
        names.add(name)
        header, *lines = rows(data)
        assert lines, name
        assert {len(line) for line in lines} == {len(header)}, name
        assert "[object" not in data.decode(), name
    assert len(names) == buttons.count(), "files of one name"


@pytest.mark.parametrize("panel", PANELS)
def test_every_picture_is_saved_as_png_and_svg(visit: Any, panel: str) -> None:
    page = opened(visit, panel, engine="service")
    pictures = page.page.locator("main .chart")
    for picture in pictures.all():
        picture.locator("canvas").wait_for()
        name, data = saved(page, picture.get_by_role("button", name="Save as PNG"))
        width, height = pixels(data)
        assert name.endswith(".png")
        assert min(width / 300, height / 100) > 1
        name, data = saved(page, picture.get_by_role("button", name="Save as SVG"))
        drawn = ElementTree.fromstring(data)
        assert name.endswith(".svg")
        assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(list(drawn.iter("{http://www.w3.org/2000/svg}path"))) > 3, name
    assert pictures.count() > 0


def read(chromium: Browser, file: Path, **how: Any) -> tuple[Page, list[str]]:
    """A report, opened where there is no network; and what the browser says or asks for."""
    context = chromium.new_context(offline=True, viewport={"width": 1200, "height": 900}, **how)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url != file.as_uri() else None)
    page.goto(file.as_uri())
    return page, said


@pytest.mark.parametrize("panel", PANELS)
def test_a_report_opens_anywhere(visit: Any, chromium: Browser, tmp_path: Path, panel: str) -> None:
    page = opened(visit, panel, engine="service")
    large = page.page.locator("main .sentence .large").first.inner_text()
    pictures = page.page.locator("main .picture").count()
    name, data = saved(page, page.page.get_by_role("button", name="Save a report"))
    page.page.get_by_text(f"Saved: {name}").wait_for()
    assert name == f"{PANELS[panel][1]}.html"
    file = tmp_path / name
    file.write_bytes(data)
    report, said = read(chromium, file)
    assert report.locator(".sentence .large").first.inner_text() == large
    assert report.locator(".picture svg").count() == pictures > 0
    assert report.locator(f'a[href="{page.where()}"]').count() == 1
    assert report.locator("script, iframe, img, link, button, input, canvas").count() == 0
    assert "weighbridge " in report.locator("code").last.inner_text()
    report.locator("a.figure").first.click()
    assert report.locator("details[open] math").first.is_visible()
    assert said == []
    report.context.close()


def test_what_cannot_be_saved_is_said(visit: Any) -> None:
    page = opened(visit, "params", engine="service")
    page.refusing('"model"')
    for button in ("Save as JSON", "Save a report"):
        page.press(button)
        page.page.locator(".exports [role=status]", has_text="could not be saved").wait_for()
        assert "refused by the test" in page.page.locator(".exports [role=status]").inner_text()


def test_a_report_is_light_and_dark_and_in_chinese(visit: Any, chromium: Browser, tmp_path: Path) -> None:
    page = opened(visit, "scaling", language="zh-CN", look="dark")
    name, data = saved(page, page.page.get_by_role("button", name="存为报告"))
    file = tmp_path / name
    file.write_bytes(data)
    grounds, inks = {}, {}
    for look in ("light", "dark"):
        report, said = read(chromium, file, color_scheme=look)
        assert "10 个定律的中位" in report.locator("main").inner_text()
        assert "计算过程" in report.locator("main").inner_text()
        grounds[look] = report.evaluate("getComputedStyle(document.body).backgroundColor")
        label = "getComputedStyle(document.querySelector('.picture svg text')).fill"
        inks[look] = report.evaluate(label)
        assert said == []
        report.screenshot(path=tmp_path / f"{look}.png", full_page=True)
        report.context.close()
    assert grounds["light"] != grounds["dark"]
    assert inks["light"] != inks["dark"]


def test_what_was_typed_cannot_become_markup(visit: Any, chromium: Browser, tmp_path: Path) -> None:
    typed = "m.vocab=1000&m.hidden=64&m.layers=2&m.heads=4&m.dense=256&m.name=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"
    page: Driver = visit(f"#params?model=%7Etyped&{typed}", engine="service").ready().settled()
    page.shows("<img src=x onerror=alert(1)>")
    name, data = saved(page, page.page.get_by_role("button", name="Save a report"))
    assert re.fullmatch(r"[\w.+-]+\.html", name)
    file = tmp_path / "report.html"
    file.write_bytes(data)
    report, said = read(chromium, file)
    assert report.locator("img").count() == 0
    assert "<img src=x" in report.title()
    assert said == []
    report.context.close()
