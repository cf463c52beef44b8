"""docs/models.md and its drawings: every family as its module tree, its configuration and the catalogue have it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, replace
from functools import cache
from pathlib import Path

from weighbridge.errors import InputError
from weighbridge.estimate.cache import cache as cached
from weighbridge.estimate.compute import usual_length
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import load
from weighbridge.models import Model, catalogue, families, family
from weighbridge.models.catalogue import Entry
from weighbridge.report.block import drawing
from weighbridge.report.explanation import as_text
from weighbridge.traced import Traced
from weighbridge.units import short_count, thousands

FOLDER = Path(__file__).parents[1] / "docs" / "files" / "blocks"
"""Where the drawings stand, one per family."""

WIDTH = 96
"""Columns of formulas."""


def model_types() -> list[str]:
    """Every family that the page shows."""
    return families()


def name(model_type: str) -> str:
    """A family's name for people."""
    return str(family(model_type).Config.family)


def special(model_type: str) -> str:
    """What is special about a family, as its file says."""
    return " ".join((inspect.getdoc(family(model_type)) or "").split())


@cache
def entries(model_type: str) -> tuple[Entry, ...]:
    """A family's models in the catalogue, the largest first."""
    own = (entry for entry in catalogue.entries() if entry.config["model_type"] == model_type)
    return tuple(sorted(own, key=lambda entry: -entry.parameters))


@cache
def shown(model_type: str) -> Model | None:
    """The model that stands for a family: of the catalogue's the one with the most kinds of layers and modules, of
    these the largest; else one of the family's own sizes; ``None`` where it has none.
    """
    own = [load(entry.name) for entry in entries(model_type)]
    if own:
        return max(own, key=variety)
    needed = (field for field in fields(family(model_type).Config) if field.default is MISSING)
    sections: dict[str, dict[str, int]] = {
        field.name: {} for field in needed if field.name.endswith("_config")
    }  # which have defaults of their own
    try:
        return replace(load({"model_type": model_type, **sections}), name=f"defaults of {model_type}")
    except InputError:  # fields without a default, and no published model in the catalogue
        return None


def variety(model: Model) -> tuple[int, int]:
    """How many kinds of layers a model has, and of modules."""
    nodes = list(model.tree.walk())
    return sum(node.folded for node in nodes), len({(type(node.module), node.kind) for node in nodes})


def overview() -> str:
    """The table of all families."""
    rows = ["| family | `model_type` | what is special | largest in the catalogue |", "| --- | --- | --- | --- |"]
    for kind in model_types():
        largest = entries(kind)[0] if entries(kind) else None
        model = f"{largest.title} ({short_count(largest.parameters)})" if largest else ""
        said = special(kind).partition(": ")[2] or special(kind)
        rows.append(f"| [{name(kind)}](#{anchor(kind)}) | `{kind}` | {said[0].upper()}{said[1:]} | {model} |")
    return "\n" + "\n".join(rows) + "\n\n"


def heading(model_type: str) -> str:
    """The heading of a family's section."""
    return f"{name(model_type)} (`{model_type}`)"


def anchor(model_type: str) -> str:
    """The address of its section on the page, as Python-Markdown makes it of the heading."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading(model_type)).strip().lower())


def sections() -> str:
    """A section for every family."""
    return "\n" + "\n".join("\n".join(section(kind)) for kind in model_types())


def section(model_type: str) -> Iterator[str]:
    """What is special, the catalogue's models, the drawing, and formulas to open."""
    yield f"## {heading(model_type)}\n"
    yield f"{special(model_type)}\n"
    yield from listed(model_type)
    model = shown(model_type)
    if model is None:
        yield "The catalogue has no model of this family, and its fields have no defaults to draw.\n"
        return
    which = model.name if entries(model_type) else f"a configuration with the {model.name}"
    yield f"![Layers of {which}, and what runs in each kind](files/blocks/{model_type}.svg)" + "{ loading=lazy }\n"
    yield from folded(f"Parameters of {which}", as_text(params(model).explained(), width=WIDTH))
    length = usual_length(model)
    kept = cached(model, length)
    formula = kept.explained()
    if isinstance(formula, Traced):
        more = f"{thousands(int(kept.per_token))} bytes for one token more"
        title = f"Cache of {which} after {thousands(length)} tokens in bf16: {more}"
        yield from folded(title, as_text(formula, width=WIDTH))


def listed(model_type: str) -> Iterator[str]:
    """The catalogue's models of a family."""
    if not entries(model_type):
        return
    yield "| in the catalogue | parameters | active per token | repository |\n| --- | ---: | ---: | --- |"
    for entry in entries(model_type):
        report = params(load(entry.name))
        active = thousands(int(report.active)) if report.active != report.total else "all"
        repository = f"`{entry.hugging_face}`" if entry.hugging_face else ""
        yield f"| `{entry.name}` | {thousands(int(report.total))} | {active} | {repository} |"
    yield ""


def folded(title: str, text: str) -> Iterator[str]:
    """A block that a reader opens."""
    yield f'??? note "{title}"\n'
    yield "    ```text"
    yield from (f"    {line}".rstrip() for line in text.splitlines())
    yield "    ```\n"


def drawings() -> dict[str, str]:
    """The drawing of every family that has sizes, by the name of its file."""
    found = {kind: shown(kind) for kind in model_types()}
    return {f"{kind}.svg": drawing(model) for kind, model in found.items() if model is not None}


GENERATED = {"family overview": overview, "family sections": sections}
"""Regions of the page."""
