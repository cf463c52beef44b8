"""The catalogue: one TOML file per model, with its names, its source and its configuration."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

LONGEST = 100
"""Characters of a name; what is longer is no name, and may be too long for a path."""


@dataclass(frozen=True)
class Entry:
    """One model of the catalogue.

    Attributes:
        name: its name here, which is its file's.
        title: its name in print.
        aliases: other names that people use.
        hugging_face: its repository, or empty.
        source: where the dimensions were read, with the date.
        parameters: total that the entry counts to; a test recounts it.
        config: the configuration, in its family's field names.
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    hugging_face: str
    source: str
    parameters: int
    config: Mapping[str, Any]


@cache
def _read(path: Path) -> Entry:
    data = tomllib.loads(path.read_text("utf-8"))
    return Entry(
        name=path.stem,
        title=data["title"],
        aliases=tuple(data.get("aliases", ())),
        hugging_face=data.get("hugging_face", ""),
        source=data["source"],
        parameters=data["parameters"],
        config={**data["config"], **dict.fromkeys(data.get("none", ()))},  # TOML has no null
    )


@cache
def entries() -> tuple[Entry, ...]:
    """Every entry, by name."""
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.toml")))


def names() -> list[str]:
    """Every name, alias and repository."""
    return [name for entry in entries() for name in (entry.name, *entry.aliases, entry.hugging_face) if name]


def find(name: str) -> Entry | None:
    """The entry of a name, alias or repository, whatever its case; ``None`` if there is none.

    A name that is a file's is found without reading the other files, which keeps the command line quick.
    """
    key = name.lower()
    direct = FOLDER / f"{key}.toml"
    plain = key.replace(".", "").replace("-", "").replace("_", "")
    if plain.isalnum() and len(key) < LONGEST and direct.is_file():
        return _read(direct)
    for entry in entries():
        if key in (entry.hugging_face.lower(), entry.title.lower(), *(alias.lower() for alias in entry.aliases)):
            return entry
    return None


def search(words: str) -> list[Entry]:
    """Entries in whose names, family or repository every word occurs."""
    wanted = words.lower().split()
    return [e for e in entries() if all(word in _searchable(e) for word in wanted)]


def _searchable(entry: Entry) -> str:
    parts = (entry.name, entry.title, *entry.aliases, entry.hugging_face, str(entry.config["model_type"]))
    return " ".join(parts).lower()
