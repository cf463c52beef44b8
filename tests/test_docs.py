"""The documentation: every command and every snippet runs, every output is what comes out, every table is complete.

``pytest tests/test_docs.py --update-docs``, in one process, writes outputs, copies of files and generated tables anew.
Info strings that mean something here:

- ```` ```console ```` runs the lines that start with ``$ `` (``exit=2`` after it: they end with that status);
- ```` ```python ```` runs; ```` ```pycon ```` runs line by line; one page is one session;
- ``title="examples/dense.toml"`` on any block says that it is that file.
"""

from __future__ import annotations

import json
import re
import runpy
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests import model_pages, serving_tables, speed_tables, training_tables
from weighbridge.cli import main
from weighbridge.estimate.comparison import COLUMNS
from weighbridge.estimate.parameters import params
from weighbridge.models import catalogue, families, family
from weighbridge.models.described import Block, Config, Run, parts
from weighbridge.nn import Module
from weighbridge.report import (
    explanation,
    fitted_schema,
    inference_comparison,
    inference_schema,
    local_schema,
    scaling_schema,
    schema,
    serving_curves,
    time_schema,
    timeline_schema,
    tree_schema,
    weights_schema,
)
from weighbridge.report.block import words

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
REGION = re.compile(r"(<!-- generated: (?P<name>[\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")

Run_ = Callable[[str], str]
"""Runs one input of a session and gives what it printed."""


@dataclass(frozen=True)
class Fence:
    """A fenced block of a page.

    Attributes:
        page: the page.
        number: its place among the blocks of the page.
        language: the first word of the info string.
        options: the rest of it.
        text: what is inside.
    """

    page: Path
    number: int
    language: str
    options: str
    text: str

    @property
    def title(self) -> str:
        """The file that it shows, or empty."""
        found = re.search(r'title="([^"]+)"', self.options)
        return found[1] if found else ""


def fences(page: Path) -> list[Fence]:
    """The fenced blocks of a page."""
    matches = FENCE.finditer(page.read_text("utf-8"))
    words = [(m["info"].partition(" "), m["text"]) for m in matches]
    return [Fence(page, i, info[0], info[2], text) for i, (info, text) in enumerate(words)]


def named(found: list[Fence]) -> list[Any]:
    """Blocks as parameters of a test."""
    return [pytest.param(f, id=f"{f.page.stem}-{f.number}") for f in found]


ALL = [fence for page in PAGES if page.exists() for fence in fences(page)]


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether pages are written anew instead of compared."""
    return bool(request.config.getoption("--update-docs", default=False))


def settle(fence: Fence, text: str, update: bool) -> None:
    """Compare a block with what it should be, or write that into its page."""
    if not update or fence.text == text:
        assert fence.text == text, f"{fence.page.name}, block {fence.number}; pytest --update-docs writes it anew"
        return
    page = fence.page.read_text("utf-8")
    match = list(FENCE.finditer(page))[fence.number]
    fence.page.write_text(page[: match.start("text")] + text + page[match.end("text") :], "utf-8")


def replay(text: str, prompt: str, more: str, run: Run_) -> str:
    """A session with its outputs as they come out now: inputs follow a prompt, further lines of an input another."""
    out, inputs = [], re.findall(rf"^{re.escape(prompt)}.*\n(?:{re.escape(more)}.*\n)*", text, re.MULTILINE)
    for given in inputs:
        lines = [line[len(prompt) :].removeprefix(" ") for line in given.splitlines()]
        printed = "".join(f"{line.rstrip()}\n" for line in run("\n".join(lines)).splitlines())
        out.append(given + printed)
    return "".join(out)


def execute(program: str, *arguments: str) -> NoReturn:
    """Run ``weighbridge ...``, ``python examples/...`` or ``curl ...`` in this process, to its exit."""
    if program == "weighbridge":
        main(list(arguments))
    if program == "curl":
        from tests.http_sessions import session

        print(session([program, *arguments]), end="")
        sys.exit(0)
    assert program == "python", f"cannot run {program!r}: use ```shell for what is only shown"
    runpy.run_path(arguments[0], run_name="__main__")
    sys.exit(0)


def command_line(capsys: pytest.CaptureFixture[str], status: int) -> Run_:
    """Runs commands and gives what they print on both streams; they must end with ``status``."""

    def run(given: str) -> str:
        with pytest.raises(SystemExit) as ended:
            execute(*shlex.split(given.replace("\\\n", " ")))
        captured = capsys.readouterr()
        assert ended.value.code == status, f"{given}: {captured.err}"
        return captured.out + captured.err

    return run


@pytest.mark.parametrize("fence", named([f for f in ALL if f.language == "console"]))
def test_a_command_prints_what_the_page_says(
    fence: Fence, update: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    status = re.search(r"exit=(\d+)", fence.options)
    run = command_line(capsys, int(status[1]) if status else 0)
    settle(fence, replay(fence.text, "$ ", "> ", run), update)


@pytest.mark.parametrize("page", [p for p in PAGES if p.exists()], ids=lambda page: page.stem)
def test_snippets_run(
    page: Path, update: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    session: dict[str, Any] = {"__name__": "docs"}

    def run(given: str) -> str:
        exec(compile(given + "\n", page.name, "single"), session)
        return capsys.readouterr().out

    for fence in fences(page):
        if fence.language == "python" and not fence.title:
            exec(compile(fence.text, page.name, "exec"), session)
            capsys.readouterr()
        elif fence.language == "pycon":
            settle(fence, replay(fence.text, ">>> ", "... ", run), update)


@pytest.mark.parametrize("fence", named([f for f in ALL if f.title]))
def test_a_block_with_the_title_of_a_file_is_that_file(fence: Fence, update: bool) -> None:
    settle(fence, (ROOT / fence.title).read_text("utf-8"), update)


@pytest.mark.parametrize("page", [p for p in PAGES if p.exists()], ids=lambda page: page.stem)
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text("utf-8"))
    targets = [m["target"].partition("#")[0] for m in LINK.finditer(text) if "://" not in m["target"]]
    missing = [target for target in targets if target and not (page.parent / target).exists()]
    assert not missing


def test_every_example_is_shown() -> None:
    shown = {fence.title for fence in ALL}
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "examples").iterdir() if path.is_file()} <= shown


# Tables that are written from the code


def row(*cells: str) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cells) + " |\n"


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """A Markdown table."""
    return "\n" + row(*head) + row(*("---" for _ in head)) + "".join(row(*cells) for cells in rows) + "\n"


def meanings(cls: type[Any]) -> dict[str, str]:
    """What a class's docstring says of its attributes, as sentences."""
    found = words.meanings(cls).items()
    return {name: sentence(text.replace("``None``", "none").replace("``", "`")) for name, text in found}


def sentence(text: str) -> str:
    """A capital letter where a word begins a text; the symbols q, k and v stay as they are."""
    return (text if text[1] in ", " else text[0].upper() + text[1:]).rstrip(".")


def sort_of_value(annotation: object) -> str:
    """A field's type in the words of TOML."""
    name = str(annotation).removesuffix(" | None")
    known = {"Count": "whole number", "int": "whole number", "bool": "true or false", "str": "text"}
    return known.get(name.removesuffix("0"), "whole number" if name.startswith("Size") else "table")


def default_of(of: Field[Any]) -> str:
    """A field's default as TOML writes it; in words where there is none."""
    if of.default is MISSING:
        return "needed"
    if of.default is None:
        return "none"
    if is_dataclass(of.default):
        return "its own defaults"
    return f"`{json.dumps(of.default)}`"


def module_table(branch: str) -> str:
    """The modules that a description may name, with their fields."""
    out = []
    for name, part in sorted(parts(branch).items()):
        summary = (part.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        said = meanings(part)
        own = [f for f in fields(part) if f.name != "hidden_size"]
        rows = ((f"`{f.name}`", sort_of_value(f.type), default_of(f), said[f.name]) for f in own)
        out.append(f"\n#### {name}\n\n{re.sub(r' +', ' ', summary)}\n" + table(("field", "value", "default", ""), rows))
    return "".join(out)


def key_table() -> str:
    """The keys of a description in its second form."""
    shapes = {"blocks": "tables", "layers": "list of tables", "dtype": "text", "tie_word_embeddings": "true or false"}
    out = []
    for title, cls in (("the model", Config), ("`[blocks.NAME]`", Block), ("`layers`", Run)):
        own = [f for f in fields(cls) if f.name != "num_hidden_layers"]
        rows = ((f"`{f.name}`", shapes.get(f.name, sort(f)), default_of(f), meanings(cls)[f.name]) for f in own)
        out.append(f"\nOf {title}:\n" + table(("key", "value", "default", ""), rows))
    return "".join(out)


def sort(of: Field[Any]) -> str:
    """A field's type in the words of TOML, where it may be annotated with bounds."""
    return "whole number" if "Interval" in str(of.type) else sort_of_value(of.type)


def family_table() -> str:
    """The covered values of ``model_type``, with the catalogue's models of each."""
    entries = catalogue.entries()
    rows = (
        (f"`{kind}`", family(kind).Config.family, ", ".join(e.name for e in entries if e.config["model_type"] == kind))
        for kind in families()
    )
    return table(("`model_type`", "family", "in the catalogue"), rows)


GENERATED: dict[str, Callable[[], str]] = {
    **model_pages.GENERATED,
    "families": family_table,
    "keys": key_table,
    "mixers": lambda: module_table("mixer"),
    "feed forward": lambda: module_table("feed_forward"),
    "megatron arguments": training_tables.arguments,
    "service machine": serving_tables.machine,
    **{
        name: partial(lambda of: table(*of()), of)
        for name, of in {**training_tables.TABLES, **speed_tables.TABLES, **serving_tables.TABLES}.items()
    },
}


def written_anew(page: str) -> str:
    """A page with its generated regions as they should be."""
    return REGION.sub(lambda m: f"{m[1]}{GENERATED[m['name']]()}{m[3]}", page)


@pytest.mark.parametrize("page", [p for p in PAGES if p.exists()], ids=lambda page: page.stem)
def test_generated_tables_are_current(page: Path, update: bool) -> None:
    before = page.read_text("utf-8")
    after = written_anew(before)
    if update:
        page.write_text(after, "utf-8")
    else:
        assert before == after


def test_the_drawings_of_families_are_current(update: bool) -> None:
    drawn = model_pages.drawings()
    if update:
        model_pages.FOLDER.mkdir(exist_ok=True)
        for name, text in drawn.items():
            (model_pages.FOLDER / name).write_text(text, "utf-8")
        for path in model_pages.FOLDER.iterdir():
            if path.name not in drawn:
                path.unlink()
    assert {path.name: path.read_text("utf-8") for path in model_pages.FOLDER.iterdir()} == drawn


def test_every_generated_table_stands_somewhere() -> None:
    there = {m["name"] for page in PAGES if page.exists() for m in REGION.finditer(page.read_text("utf-8"))}
    assert there == set(GENERATED)


def test_every_module_of_a_description_says_what_its_fields_mean() -> None:
    modules: list[type[Module]] = [*parts("mixer").values(), *parts("feed_forward").values()]
    assert {f.name for part in modules for f in fields(part)} <= {n for part in modules for n in meanings(part)}


# The JSON contract

SCHEMAS = (
    *(schema, scaling_schema, time_schema, weights_schema, inference_schema, inference_comparison, local_schema),
    *(serving_curves, timeline_schema, tree_schema, fitted_schema),
)

CONTRACT = {
    name: shape for part in SCHEMAS for name, shape in vars(part).items() if hasattr(shape, "__required_keys__")
}
"""The typed dictionaries of the contract, whether ``typing`` or ``typing_extensions`` made them."""


def test_the_contract_is_found() -> None:
    assert {"Parameters", "Flops", "Compared", "Catalogue", "ScalingReport", "FittedLaw"} <= set(CONTRACT)


@pytest.mark.parametrize("name", CONTRACT)
def test_every_key_of_the_json_contract_is_explained(name: str) -> None:
    page = (ROOT / "docs" / "json.md").read_text("utf-8")
    section = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert section, f"docs/json.md has no section '### {name}'"
    said = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| \S", section[1], re.MULTILINE)
    annotations = CONTRACT[name].__annotations__
    assert said == [(key, json_words(getattr(kind, "__forward_arg__", kind))) for key, kind in annotations.items()]


def json_words(annotation: str) -> str:
    """A type in the words of JSON."""
    words = {"str": "string", "int": "integer", "float": "number", "bool": "true or false", "dict[str, Any]": "object"}
    for pattern, text in ((r"(.+) \| None", "{} or null"), (r"list\[(.+)\]", "list of {}")):
        if inner := re.fullmatch(pattern, annotation):
            return text.format(json_words(inner[1]))
    if "[" not in annotation and " | " in annotation:
        return " or ".join(json_words(part) for part in annotation.split(" | "))
    if inner := re.fullmatch(r"dict\[str, (?!Any)(.+)\]", annotation):
        return f"object of {json_words(inner[1])}"
    return words.get(annotation, annotation)


def test_every_key_of_an_explanation_is_explained() -> None:
    step = explanation.as_dict(params("gpt2").explained(), 1)[0]
    section = (ROOT / "docs" / "json.md").read_text("utf-8").partition("### Explanation\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(step)


def test_every_column_of_a_comparison_is_explained() -> None:
    page = (ROOT / "docs" / "json.md").read_text("utf-8").partition("### Compared\n")[2].partition("\n## ")[0]
    assert all(f"`{column.replace(' ', '_').lower()}`" in page for column in COLUMNS)
