"""Three languages: every string is there, is used, and is seen; numbers and the page's language follow."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_looks import go, panels

WEB = Path(__file__).parents[2] / "src" / "weighbridge" / "web"

PRINT = "import { WORDS } from './app/i18n/words.js'; console.log(JSON.stringify(WORDS));"


@cache
def words() -> dict[str, list[str]]:
    """All words of the page, by key."""
    said = subprocess.run(
        ["node", "--input-type=module", "--eval", PRINT], cwd=WEB, check=True, capture_output=True, text=True
    )
    found: dict[str, list[str]] = json.loads(said.stdout)
    return found


@cache
def scripts() -> str:
    """The text of all modules but the words."""
    places = sorted(path for path in (WEB / "app").rglob("*.js") if "i18n/words" not in path.as_posix())
    return "\n".join(path.read_text("utf-8") for path in places if "generated" not in path.parts)


def test_every_string_is_in_three_languages() -> None:
    for key, row in words().items():
        assert len(row) == 3, key
        assert all(text for text in row), key
        names = [set(re.findall(r"\{(\w+)\}", text)) for text in row]
        assert names[0] == names[1] == names[2], key
        assert not re.search(r"[\u4e00-\u9fff]", row[0]), key


def test_chinese_is_chinese() -> None:
    """Where English is a phrase, the others are no copy of it; simplified and traditional letters are not mixed."""
    for key, (english, simplified, traditional) in words().items():
        if re.search(r"[a-z]{3,} [a-z]{3,}", english):
            assert re.search(r"[\u4e00-\u9fff]", simplified), key
            assert re.search(r"[\u4e00-\u9fff]", traditional), key
        assert not set(simplified) & set("參數個這為說開關顯時間層頭長學習權體與費總測練記憶讀寫檔資訊選項"), key
        assert not set(traditional) & set("参个这为说开关显时间层头长学习权体费总测练记忆读写档资讯选项"), key


def test_every_key_that_is_said_has_words() -> None:
    for key in re.findall(r"\bt\('([\w. ]+)'", scripts()):
        assert key in words(), key


DRAWN = ("panel.", "group.", "field.", "help.")
"""Beginnings of the keys of panels, and of what they draw."""


def drawn() -> set[str]:
    """Keys that the panels' own files ask the frame to say: of their tabs, groups, fields and help."""
    found: set[str] = set()
    shared = (WEB / "app" / "panels" / "shared" / "reading.js").read_text("utf-8")
    for path in (WEB / "app" / "panels").glob("*.js"):
        text = path.read_text("utf-8")
        if not (ask := re.search(r"\bask: '(\w+)',$", text, re.MULTILINE)):
            continue
        text += shared if "readingGroup(" in text else ""
        fields = {name for names in re.findall(r"fields: \[([^]]*)\]", text) for name in re.findall(r"'(\w+)'", names)}
        found |= {f"field.{name}" for name in fields} | {f"help.{ask[1]}.{name}" for name in fields}
        found |= {f"group.{group}" for group in re.findall(r"\bid: '(\w+)',", text)}
        found |= {f"panel.{panel}" for panel in re.findall(r"^  id: '(\w+)',", text, re.MULTILINE)}
    return found


def test_every_string_is_said() -> None:
    text = scripts()
    starts = {start for start in re.findall(r"\b(?:t|worded)\(`([\w.]+)\$\{", text) if start not in DRAWN}
    literal = set(re.findall(r"""['"]([\w. ]+)['"]""", text))
    dynamic = {key for key in words() if key.startswith(tuple(starts))}
    unused = words().keys() - literal - dynamic - drawn()
    assert not unused, sorted(unused)


SEEN = """() => {
  const found = [];
  const skip = 'script, noscript, style, code, textarea, .katex, .katex-mathml, [lang="en"], [translate="no"]';
  const texts = [...document.querySelectorAll('[lang="en"]')].map((one) => one.textContent.trim());
  const foreign = texts.filter((text) => text.length > 3);
  const rid = (text) => foreign.reduce((left, part) => left.replaceAll(part, ''), text);
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    const text = node.data.trim();
    if (text && !node.parentElement.closest(skip)) found.push(text);
  }
  for (const one of document.querySelectorAll('[aria-label], [title], [placeholder]')) {
    if (one.closest(skip)) continue;
    const said = ['aria-label', 'title', 'placeholder'].map((name) => one.getAttribute(name));
    found.push(...said.filter(Boolean).map(rid));
  }
  return [...new Set(found), document.title];
}"""

PHRASE = re.compile(
    r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b|\b(the|and|with|from|that|are|not|than|each|which|by)\b|\bper\b(?!-)"
)
"""What no name of a model, a device or a data type looks like."""


def english(texts: list[str], place: int) -> list[str]:
    """Texts that are English: a phrase, or a string that this language says otherwise."""
    other = {row[0]: row[place] for row in words().values() if row[0] != row[place]}
    clusters = json.loads((WEB / "app" / "generated" / "clusters.json").read_text("utf-8"))
    names = {device["title"] for device in clusters["devices"]}
    return [text for text in texts if text not in names and (text in other or PHRASE.search(text))]


@pytest.mark.parametrize(("language", "place"), [("zh-CN", 1), ("zh-TW", 2)])
def test_nothing_is_left_in_english(visit: Any, language: str, place: int) -> None:
    page = visit(language=language, engine="service").ready()
    assert page.page.evaluate("document.documentElement.lang") == language
    left = {}
    for panel in panels(page):
        go(page, panel)
        page.unfold()
        if page.page.locator("main .figure").count():
            page.page.locator("main .figure").first.click()
            page.page.wait_for_selector("#drawer .equation")
        left[panel] = english(page.page.evaluate(SEEN), place)
        page.shot(f"{panel}-{language}", whole=True)
    assert not {panel: texts for panel, texts in left.items() if texts}


def test_numbers_follow_the_language(visit: Any) -> None:
    page = visit(engine="service").ready()
    page.shows("8.03B")
    page.page.get_by_label("Language").select_option("zh-CN")
    page.shows("80.3亿")
    assert page.page.evaluate("document.documentElement.lang") == "zh-CN"
    page.page.locator(".head .tools select").last.select_option("zh-TW")
    page.shows("80.3億")
    page.page.reload()
    page.ready()
    page.shows("80.3億")


def test_a_language_that_is_not_there_is_english(visit: Any) -> None:
    page = visit(language="sw", engine="service").ready()
    assert page.page.evaluate("document.documentElement.lang") == "en"
    page.shows("parameters")
