"""Weights in files: what the headers of safetensors and GGUF files say, local or in a Hugging Face repository.

Only headers are read, never weights: :func:`read` gives a :class:`WeightsFile`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from weighbridge.errors import InputError, UnreadableError, given
from weighbridge.formats import door
from weighbridge.formats.weights.file import StoredTensor as StoredTensor
from weighbridge.formats.weights.file import WeightsFile as WeightsFile
from weighbridge.formats.weights.stores import (
    INDEX,
    LONGEST_INDEX,
    SHARD,
    Chosen,
    Folder,
    Store,
    choose,
    index_files,
    siblings,
)

ID = re.compile(
    r"(?P<repository>[\w][\w.\-]{0,95}/[\w][\w.\-]{0,95})(/(?P<file>[\w.\-/]{1,200}))?(:(?P<tag>[\w.\-]{1,60}))?"
)
"""A Hugging Face id, with a file of it or a word that tells its GGUF files apart."""

AT_ONCE = 8
"""Files read side by side."""

SUFFIXES = (".safetensors", ".gguf")


def read(what: str | Path) -> WeightsFile:
    """What the headers of a model's weights say.

    Args:
        what: a ``.safetensors`` or ``.gguf`` file (one of several stands for all), a
            ``model.safetensors.index.json``, a folder of them, or a Hugging Face id: ``org/name``,
            ``org/name:Q4_K_M`` where it holds several GGUF files, or ``org/name/file.gguf``. Of repositories, headers
            alone are asked for.

    Raises:
        UnreadableError: for what cannot be read, is cut off, or whose header is wrong.
        InputError: for what is neither.
    """
    path = door.path_of(what)
    if door.is_folder(path):
        return _of_store(Folder(path), door.folder_name(path))
    if door.exists(path):
        return read_file(path)
    found = remote(what) if isinstance(what, str) else None
    if found is None:
        raise InputError(f"weights: no file, folder or Hugging Face id is {given(str(what))}")
    return _of_repository(found["repository"], found["file"] or "", found["tag"] or "")


def remote(text: str) -> re.Match[str] | None:
    """The parts of a Hugging Face id; ``None`` for what is none, or a path into a folder that there is."""
    found = ID.fullmatch(text)
    return None if found is None or (found["file"] and door.is_folder(Path(text).parent)) else found


def read_file(path: Path) -> WeightsFile:
    """What the header of a file says, and those of the files that belong to it."""
    folder = Folder(path.parent)
    if path.name.endswith(".index.json"):
        return _gathered(folder, Chosen("safetensors", (), True), door.folder_name(path.parent), path.name)
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path.name}: expected a file of weights, {' or '.join(SUFFIXES)}")
    names = siblings(path.name, folder.files() if SHARD.fullmatch(path.name) else (), folder.name)
    return _gathered(folder, Chosen(path.suffix[1:], names), path.stem)


def _of_repository(repository: str, file: str, tag: str) -> WeightsFile:
    from weighbridge.formats.weights import hub

    door.check_hub(repository)
    store: Store = Folder(hub.cached(repository)) if hub.offline() else hub.Repository(repository)
    if file:
        if not file.endswith(SUFFIXES):
            raise InputError(f"{repository}: {given(file)} is no file of weights, {' or '.join(SUFFIXES)}")
        files = siblings(file, store.files(), repository)
        return _gathered(store, Chosen(Path(file).suffix[1:], files), f"{repository}/{file}")
    return _of_store(store, f"{repository}:{tag}" if tag else repository, tag)


def _of_store(store: Store, name: str, tag: str = "") -> WeightsFile:
    return _gathered(store, choose(store, store.files(), tag), name)


def _gathered(store: Store, chosen: Chosen, name: str, index: str = INDEX) -> WeightsFile:
    """The weights of all files of a model."""
    listed = _index(store, index) if chosen.indexed else {}
    files = index_files(listed, store.name) if chosen.indexed else chosen.files
    read_one = _gguf if chosen.form == "gguf" else _safetensors
    if len(files) == 1 or not door.now().machine:  # threads do not see the door, and a browser has none
        parts = [read_one(store, file) for file in files]
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(AT_ONCE) as pool:
            parts = list(pool.map(lambda file: read_one(store, file), files))
    whole = WeightsFile(
        name,
        chosen.form,
        tuple(tensor for part in parts for tensor in part.tensors),
        len(parts),
        sum(part.header for part in parts),
        sum(part.size for part in parts),
        parts[0].metadata,
    )
    _check_names(whole.tensors, store.name)
    _check_split(whole, parts, store.name)
    return replace(whole, notes=_compared(whole, listed, store.name)) if chosen.indexed else whole


def _safetensors(store: Store, name: str) -> WeightsFile:
    from weighbridge.formats.weights.safetensors import read_header

    source = store.open(name)
    tensors, header = read_header(source)
    return WeightsFile(name, "safetensors", tuple(tensors), 1, header, source.size)


def _gguf(store: Store, name: str) -> WeightsFile:
    from weighbridge.formats.gguf.header import read_header

    source = store.open(name)
    header = read_header(source)
    return WeightsFile(name, "gguf", tuple(header.tensors), 1, header.size, source.size, header.metadata)


def _index(store: Store, name: str) -> dict[str, object]:
    """The object in an index.

    Raises:
        UnreadableError: for anything else.
    """
    try:
        found = json.loads(store.text(name, LONGEST_INDEX))
    except UnreadableError:
        raise
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UnreadableError(f"{store.name}: {name} is no JSON object; download it again")
    return found


def _check_names(tensors: Iterable[StoredTensor], where: str) -> None:
    seen: set[str] = set()
    for tensor in tensors:
        if tensor.name in seen:
            raise UnreadableError(f"{where}: two files hold a tensor {given(tensor.name)}")
        seen.add(tensor.name)


def _compared(whole: WeightsFile, index: dict[str, object], where: str) -> tuple[str, ...]:
    """What an index says otherwise than the headers do; some count headers too.

    Raises:
        UnreadableError: where they name different tensors.
    """
    table = index["weight_map"]
    assert isinstance(table, dict)
    names = {tensor.name for tensor in whole.tensors}
    for missing, what in ((table.keys() - names, "no file holds"), (names - table.keys(), "it does not name")):
        if missing:
            one = given(min(missing))
            raise UnreadableError(f"{where}: {INDEX} is wrong: {what} {len(missing):,} tensors, such as {one}")
    said = index.get("metadata")
    total = said.get("total_size") if isinstance(said, dict) else None
    if total is None or total == whole.bytes:
        return ()
    other = "; that is the size of the files" if total == whole.size else ""
    return (f"{INDEX} says {given(total)} bytes, the headers {whole.bytes:,}{other}",)


def _check_split(whole: WeightsFile, parts: list[WeightsFile], where: str) -> None:
    """Whether the parts of a split GGUF file belong together."""
    count = whole.metadata.get("split.count", 1)
    if whole.form == "gguf" and count not in (0, len(parts)):
        raise UnreadableError(f"{where}: is one of {given(count)} files, of which {len(parts):,} are read; give all")
    total = whole.metadata.get("split.tensors.count")
    if total is not None and total != len(whole.tensors):
        raise UnreadableError(f"{where}: holds {len(whole.tensors):,} tensors; its header says {given(total)}")
