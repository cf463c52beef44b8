"""What Python says to people, as templates: literals of the package's sources that end up in answers.

``python -m tools.said`` prints them as JSON, each with the files that say it; ``{1}``, ``{2}`` and so on stand for
values that are put in. The page has a row for each (``src/weighbridge/web/app/i18n/said``); a test sees to it.

Left out are what only a terminal shows (help of options, tables, pictures), what only operators of the service read,
and what stays as it was published: names and citations.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "weighbridge"

SILENT = ("web/", "server/", "report/", "formats/plans/emit", "formats/megatron/others.py")
"""Modules that say nothing in answers, but for :data:`ANSWERED`: the page itself, the service, reports of a terminal,
files that are written for frameworks, and a list of names."""

SILENT_COMMANDS = ("cli/program.py", "cli/progress.py", "cli/writing.py", "cli/__init__.py")

ANSWERED: dict[str, tuple[str, ...]] = {
    "report/inference_explained.py": (),
    "report/inference_memory_explained.py": (),
    "report/inference_times_explained.py": (),
    "report/training_explained.py": (),
    "report/plan_words.py": (),
    "report/inference.py": ("notes",),
    "report/local_explained.py": ("meant", "_cache", "_needed", "_speed"),
    "report/local.py": ("NOTES", "HOST", "PROMPT"),
    "report/scaling_explained.py": ("_none",),
    "report/tree.py": ("_together",),
    "report/inference_tables.py": ("weights",),
}
"""Reports whose words stand in answers: all of them, or those of some functions and constants."""

PUBLISHED = frozenset({"source", "sources", "help", "epilog", "short_help", "metavar", "prog_name", "envvar"})
"""Arguments and names of what is cited, or shown by a terminal alone."""

FIELD = re.compile(r"^(?:\{\d+\}|[A-Za-z_./\[\]-]+(?:, [a-z_]+)*): (?=.)")
"""The name of a field before what is wrong with it, which the page shows by itself."""


LIBRARIES = {"{1} is not one of {2}": "click", "Missing argument {1}": "click"}
"""What libraries say of options, which comes through as it is."""


def template(node: ast.AST) -> str | None:
    """A literal, with ``{1}`` and so on where values are put in; ``None`` of anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        holes = itertools.count(1)
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{next(holes)}}}" for part in node.values
        )
    return None


def phrase(text: str) -> str:
    """A template without the punctuation and the field's name around it; empty if it is no phrase of two words."""
    bare = re.sub(r"^[\s;:,.)]+|[\s;:,(]+$", "", text)
    while FIELD.match(bare):
        bare = FIELD.sub("", bare)
    numbers = {found: f"{{{place}}}" for place, found in enumerate(dict.fromkeys(re.findall(r"\{\w+\}", bare)), 1)}
    bare = re.sub(r"\{\w+\}", lambda found: numbers[found[0]], bare)
    prose = re.findall(r"[A-Za-z][a-z]+", bare)
    code = re.search(r"[\\<>]|\{(?!\d+\})|://|\n|^\w+ \.\.\.$", bare)
    plain = [word for word in bare.split() if not word.startswith("-")]  # the others are names of options
    return bare if prose and len(plain) > 1 and not code else ""


def said(tree: ast.Module, only: tuple[str, ...] = ()) -> Iterator[str]:
    """Templates of a module that are phrases; of ``only`` some functions and constants, where there are any."""
    for node in tree.body:
        if not only or _names(node) & {*only}:
            yield from filter(None, map(phrase, _under(node)))


def _under(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if _published(node):
        return
    text = template(node)
    if text is not None:
        yield text
    children = ast.iter_child_nodes(node)
    if isinstance(node, ast.JoinedStr):
        children = iter([part.value for part in node.values if isinstance(part, ast.FormattedValue)])
    for child in children:
        if not (isinstance(node, ast.AnnAssign | ast.arg) and child is node.annotation):
            yield from _under(child)


def _published(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg in PUBLISHED
    return any(name.lower() in PUBLISHED for name in _names(node)) and not isinstance(node, ast.FunctionDef)


def _names(node: ast.AST) -> set[str]:
    """What a statement defines or assigns."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {getattr(target, "id", getattr(target, "attr", "")) for target in targets}


def templates() -> dict[str, list[str]]:
    """Every template, with the files that say it."""
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        silent = name.startswith((*SILENT, *SILENT_COMMANDS)) or name.endswith("_keys.py")  # lists of fields
        if silent and name not in ANSWERED:
            continue
        for text in said(ast.parse(path.read_text("utf-8")), ANSWERED.get(name, ())):
            helps = name.startswith("cli/") and text.endswith(".")  # only help of options ends so
            if not helps and name not in found.setdefault(text, []):
                found[text].append(name)
    found = {text: files for text, files in found.items() if files}
    return found | {text: [library] for text, library in LIBRARIES.items()}


if __name__ == "__main__":
    print(json.dumps(templates(), indent=0, ensure_ascii=False))
