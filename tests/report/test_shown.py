"""Results print themselves, in a terminal, in Markdown, CSV and in a notebook."""

from __future__ import annotations

import csv
import io
from html import unescape
from html.parser import HTMLParser

import pytest

from weighbridge.estimate.comparison import compare
from weighbridge.estimate.compute import flops
from weighbridge.estimate.generation import generate
from weighbridge.estimate.parameters import params
from weighbridge.formats import load
from weighbridge.report.markdown import as_csv, as_markdown
from weighbridge.report.shown import document, html, text
from weighbridge.report.text import COLOURS, rendered
from weighbridge.tree import Kind

RESULTS = [
    params("qwen1.5-moe-a2.7b"),
    flops("gpt2", 64),
    generate(load("gpt2"), 10, 5),
    compare(["gpt2", "phi-4"], 64),
]


class Balanced(HTMLParser):
    """Checks that every tag that opens also closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("result", RESULTS, ids=lambda r: type(r).__name__)
def test_a_result_shows_its_figures_in_every_form(result: object) -> None:
    shown = document(result)
    figures = [cell for table in shown.tables for row in table.rows for cell in row.cells if cell]
    assert str(result) == text(result)
    for form in (as_markdown(shown), unescape(html(result))):
        assert [figure for figure in figures if figure.strip() not in form] == []
    parser = Balanced()
    parser.feed(result._repr_html_())  # type: ignore[attr-defined]
    assert parser.open == []


def test_html_escapes_what_comes_from_outside() -> None:
    small = {"model_type": "gpt2", "n_embd": 8, "n_head": 2, "n_layer": 1}
    from weighbridge.formats.loading import from_raw

    assert "<script>" not in html(params(from_raw("<script>alert(1)</script>", small, {}, "")))


def test_csv_has_bare_numbers() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(document(compare(["gpt2"], 64)).tables[0]))))
    assert rows[1][rows[0].index("parameters")] == "124439808"


@pytest.mark.parametrize("width", [40, 60, 100])
def test_documents_keep_within_the_window(width: int) -> None:
    for result in RESULTS[:3]:
        assert max(map(len, rendered(document(result), width).splitlines())) <= width


def test_every_kind_has_a_colour_of_its_own() -> None:
    assert set(COLOURS) == {kind.value for kind in Kind} - {"other"}
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_what_is_no_result_has_no_report() -> None:
    with pytest.raises(TypeError, match="int has no report"):
        document(5)
