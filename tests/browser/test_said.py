"""What Python says, in Chinese: every phrase of its sources has a row, and nothing of an answer is left in English."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from typing import Any

import pytest

from tests.browser.test_looks import go, panels
from tools.said import PACKAGE, templates

WEB = PACKAGE / "web"

PRINT = "import { PHRASES } from './app/i18n/said/phrases.js'; console.log(JSON.stringify(PHRASES));"

HOLE = re.compile(r"\{\d+\}")


@cache
def rows() -> list[list[str]]:
    """All phrases: English, 简体中文 and 繁體中文, or English alone for what stays as it was published."""
    said = subprocess.run(
        ["node", "--input-type=module", "--eval", PRINT], cwd=WEB, check=True, capture_output=True, text=True
    )
    found: list[list[str]] = json.loads(said.stdout)
    return found


@cache
def literals() -> str:
    """The sources of the package."""
    paths = (path for path in PACKAGE.rglob("*.py") if "node_modules" not in path.parts)
    return "\n".join(path.read_text("utf-8") for path in sorted(paths))


def test_every_phrase_has_a_row() -> None:
    missing = templates().keys() - {row[0] for row in rows()}
    assert not missing, sorted(missing)


def test_every_row_is_said() -> None:
    """A phrase of the sources, or a word of theirs that stands alone."""
    known = templates().keys()
    dead = [row[0] for row in rows() if row[0] not in known and HOLE.sub("", row[0]).strip() not in literals()]
    assert not dead, dead
    assert len({row[0] for row in rows()}) == len(rows())


def test_rows_hold_the_same_values_in_each_language() -> None:
    for row in rows():
        assert len(row) in (1, 3), row
        assert all(text.strip() for text in row), row
        assert len({tuple(sorted(HOLE.findall(text))) for text in row}) == 1, row


def test_chinese_is_chinese() -> None:
    for row in (row for row in rows() if len(row) == 3):
        english, simplified, traditional = row
        if re.search(r"[a-z]{3,} [a-z]{3,}", HOLE.sub("", english)):
            assert re.search(r"[\u4e00-\u9fff]", simplified), row
            assert re.search(r"[\u4e00-\u9fff]", traditional), row
        assert not set(simplified) & set("參數個這為說開關顯時間層頭長學習權體與費總測練記憶讀寫檔資訊選項"), row
        assert not set(traditional) & set("参个这为说开关显时间层头长学习权体费总测练记忆读写档资讯选项"), row


LEFT = """() => [...document.querySelectorAll('[lang="en"]')].filter((one) => one !== document.documentElement
  && !one.closest('cite, code, pre, option, [translate="no"]')).map((one) => one.textContent.trim()).filter(Boolean)"""
"""What is marked as English, but for what is cited, code, and names."""

WRONG = {
    "params": "#params?model=llama-3.1-8b&params.dtype=fp99",
    "params, no model": "#params?model=lama-3.1-9b",
    "params, typed": "#params?model=~typed&m.vocab=1000&m.hidden=65&m.layers=2&m.heads=4&m.dense=25x",
    "train": "#train?model=mixtral-8x7b&cluster=8xh100&train.tp=3&train.pp=7&train.ep=5&train.global_batch=1001",
    "train, price": "#train?model=llama-3.1-8b&cluster=8xh1000&train.price=2",
    "infer": "#infer?model=llama-3.1-8b&cluster=8xh100&infer.memory_share=1.5&infer.batch=0",
    "scaling": "#scaling?scaling.compute=-1&scaling.mfu=150%25",
    "megatron": "#megatron?megatron.words=--num-layers%2032%20--hidden-size%204097%20--num-attention-heads%2032",
}

FIGURES = "[...new Set([...document.querySelectorAll('main [data-of]')].map((one) => one.dataset.of))]"

MOST = 16
"""Figures of a panel whose drawers are read."""

SHOW = """(x) => {
  const [panel, query] = location.hash.split('?');
  const values = new URLSearchParams(query);
  values.set('x', x);
  location.hash = `${panel}?${values}`;
}"""
"""Open a figure in the drawer."""


@pytest.mark.parametrize(("language", "most"), [("zh-CN", MOST), ("zh-TW", 1)])
def test_no_answer_is_left_in_english(visit: Any, language: str, most: int) -> None:
    """A row has both, so that what one lacks the other lacks."""
    page = visit("#params?model=llama-3.1-8b", "service", language=language).ready()
    left = {}
    for panel in panels(page):
        go(page, panel)
        page.unfold()
        page.settled()
        left[panel] = page.page.evaluate(LEFT)
        for figure in page.page.evaluate(FIGURES)[:most]:
            page.page.evaluate(SHOW, figure)
            page.settled()
            page.page.evaluate("document.querySelectorAll('#drawer details').forEach((one) => { one.open = true; })")
            left[f"{panel}, {figure}"] = page.page.evaluate(LEFT)
    assert not {text for texts in left.values() for text in texts}, left


def test_no_problem_is_left_in_english(visit: Any) -> None:
    left = {}
    for name, address in WRONG.items():
        page = visit(address, "service", language="zh-CN").ready().settled()
        assert page.page.locator(".told.wrong").count() == 1, name
        page.unfold()
        left[name] = page.page.evaluate(LEFT)
    assert not {text for texts in left.values() for text in texts}, left


def test_values_stand_in_phrases(visit: Any) -> None:
    """A name that looks like words, and numbers, come through as they were given."""
    address = "#params?model=~typed&m.name=gate%20up&m.vocab=1000&m.hidden=64&m.layers=two&m.heads=4&m.dense=8"
    page = visit(address, language="zh-CN", engine="service").ready().settled()
    assert '"two"' in page.page.locator(".told.wrong").inner_text()


def test_another_language_is_learnt_in_place(visit: Any) -> None:
    """Without loading the page anew; and English comes back."""
    page = visit("#params?model=llama-3.1-8b&params.dtype=fp99", "service").ready().settled()
    english = page.page.locator(".told.wrong li").inner_text()
    page.page.locator(".head .tools select").last.select_option("zh-CN")
    page.until("!document.querySelector('.told.wrong li')?.innerText.includes('allowed')")
    page.page.locator(".head .tools select").last.select_option("en")
    page.until("document.querySelector('.told.wrong li')?.innerText === arg", english)
