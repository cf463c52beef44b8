"""Folders and repositories of weights: which of their files make up one model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from weighbridge.errors import UnreadableError, did_you_mean, given, shown
from weighbridge.formats import door
from weighbridge.formats.files import LONGEST_PATH, read_text
from weighbridge.formats.weights.sources import LocalFile, Source

INDEX = "model.safetensors.index.json"

SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.safetensors|\.gguf)")
"""The name of one file of several."""

MOST_SHARDS = 2_000
"""Files of a model; the largest published have some 200."""

LONGEST_INDEX = 64 * 2**20
"""Bytes of an index; the largest of published ones have some 10 MB."""

SHOWN_FILES = 8
"""Files that an error line lists."""


class Store(Protocol):
    """Where files stand: a folder or a repository."""

    @property
    def name(self) -> str:
        """What reports and errors call it."""
        ...  # pragma: no cover

    def files(self) -> Sequence[str]:
        """Names of files."""
        ...  # pragma: no cover

    def open(self, name: str) -> Source:
        """A file, to be read in parts."""
        ...  # pragma: no cover

    def text(self, name: str, most: int) -> str:
        """The text of a file of at most so many bytes."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class Folder:
    """A folder on this machine.

    Attributes:
        path: where it is.
    """

    path: Path

    @property
    def name(self) -> str:
        """The path as errors show it."""
        return shown(str(self.path), LONGEST_PATH)

    def files(self) -> Sequence[str]:
        """Names of files.

        Raises:
            UnreadableError: for a folder that may not be entered.
        """
        try:
            return door.names_in(self.path)
        except OSError as error:
            raise UnreadableError(f"{self.name} cannot be read: {error.strerror or error}") from None

    def open(self, name: str) -> Source:
        """A file, to be read in parts."""
        return LocalFile(self.path / name)

    def text(self, name: str, most: int) -> str:
        """The text of a file of at most so many bytes."""
        return read_text(self.path / name, most)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files of one model.

    Attributes:
        form: "safetensors" or "gguf".
        files: their names.
        indexed: there is an index that names them.
    """

    form: str
    files: tuple[str, ...]
    indexed: bool = False


def weights_in(files: Iterable[str]) -> bool:
    """Whether there are weights among files that can be read."""
    return any(name.endswith((".safetensors", ".gguf")) for name in files)


def siblings(name: str, files: Iterable[str], where: str) -> tuple[str, ...]:
    """All files of the model that a file is one of, itself alone where its name has no number.

    Raises:
        UnreadableError: where one is missing, or there are too many.
    """
    found = SHARD.fullmatch(name)
    if found is None:
        return (name,)
    count = int(found["count"])
    if not 1 <= count <= MOST_SHARDS:
        raise UnreadableError(f"{where}: {given(name)} is one of {count:,} files; allowed are 1 to {MOST_SHARDS:,}")
    names = [f"{found['stem']}-{i:05d}-of-{count:05d}{found['suffix']}" for i in range(1, count + 1)]
    there = set(files)
    missing = [name for name in names if name not in there]
    if missing:
        raise UnreadableError(f"{where}: {len(missing):,} of {count:,} files are missing, such as {missing[0]}")
    return tuple(names)


def choose(store: Store, files: Sequence[str], tag: str = "") -> Chosen:
    """The files of a store that make up its model.

    Args:
        store: the store.
        files: its files.
        tag: a part of the name of the GGUF file that is meant, such as ``Q4_K_M``.

    Raises:
        UnreadableError: for none, or several models.
    """
    if INDEX in files and not tag:
        return Chosen("safetensors", (), True)
    whole = [name for name in files if name.endswith(".safetensors") and "/" not in name]
    if whole and not tag:
        if "model.safetensors" in whole:
            return Chosen("safetensors", ("model.safetensors",))
        return Chosen("safetensors", _only(store, whole, files, "give one file's path"))
    ggufs = [name for name in files if name.endswith(".gguf") and "mmproj" not in name.lower()]
    word = re.compile(rf"(^|[^A-Za-z0-9]){re.escape(tag)}([^A-Za-z0-9_]|$)", re.IGNORECASE)
    meant = [name for name in ggufs if not tag or word.search(name)]
    if tag and not meant:
        known = sorted({_tag(name) for name in ggufs})
        near = did_you_mean(tag, known)
        raise UnreadableError(f"{store.name}: no GGUF file is called {given(tag)}; there are {_few(known)}{near}")
    if not meant:
        raise UnreadableError(f"{store.name} holds no .safetensors and no .gguf file")
    how = (
        f"say which, as in {store.name}:{_tag(meant[-1])}" if not isinstance(store, Folder) else "give one file's path"
    )
    return Chosen("gguf", _only(store, meant, files, how))


def _tag(name: str) -> str:
    """What tells a GGUF file from others: the last part of its name."""
    found = SHARD.fullmatch(name)
    return re.split(r"[-./]", (found["stem"] if found else name.removesuffix(".gguf")))[-1]


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_FILES:,} more" if len(names) > SHOWN_FILES else ""
    return ", ".join(shown(name) for name in names[:SHOWN_FILES]) + more


def _only(store: Store, meant: Sequence[str], files: Sequence[str], how: str) -> tuple[str, ...]:
    """The one file, or the files of one model."""
    sets = list(dict.fromkeys(SHARD.sub(r"\g<stem>-\g<count>", name) for name in meant))
    if len(sets) > 1:
        raise UnreadableError(f"{store.name} holds {len(sets):,} models: {_few(meant)}; {how}")
    return siblings(meant[0], files, store.name)


def index_files(index: Mapping[str, object], where: str) -> tuple[str, ...]:
    """The files that an index names: in the same folder, and no more than a model has.

    Raises:
        UnreadableError: for an index that is none, or names a file elsewhere.
    """
    table = index.get("weight_map")
    if not isinstance(table, dict) or not table:
        raise UnreadableError(f"{where}: {INDEX} has no weight_map of tensors and files; download it again")
    names = list(dict.fromkeys(table.values()))
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][\w.\-]{0,200}\.safetensors", name):
            raise UnreadableError(f"{where}: {INDEX} names {given(name)}; allowed is a .safetensors file beside it")
    if len(names) > MOST_SHARDS:
        raise UnreadableError(f"{where}: {INDEX} names {len(names):,} files; allowed are {MOST_SHARDS:,}")
    return tuple(names)
