"""A model and its weights' headers together, from whatever was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighbridge.errors import InputError, UnknownArchitectureError, UnreadableError
from weighbridge.formats import door
from weighbridge.formats.loading import FILES, from_file, load, of_weights, remote_weights
from weighbridge.formats.weights import SUFFIXES, read, remote
from weighbridge.formats.weights.file import WeightsFile
from weighbridge.formats.weights.stores import INDEX, SHARD, Folder, weights_in
from weighbridge.models import Model, catalogue

NO_CONFIG = "no config.json beside it, so that nothing says what its tensors are of"


@dataclass(frozen=True)
class Opened:
    """What was given.

    Attributes:
        model: the model; ``None`` where nothing says what it is, or no family builds it.
        weights: the headers of its weights; ``None`` where there are none, or they were not asked for.
        why: why there is no model.
    """

    model: Model | None
    weights: WeightsFile | None = None
    why: str = ""


def opened(
    what: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None = None, headers: bool = False
) -> Opened:
    """A model, and the headers of its weights where they are at hand.

    Args:
        what: anything that :func:`weighbridge.load` takes, or weights without a configuration.
        changes: fields to set to other values.
        headers: ask a Hugging Face repository for its weights' headers.

    Raises:
        InputError: for what cannot be read; for ``headers`` of something that has none.
    """
    changes = changes or {}
    if isinstance(what, Mapping):
        if headers:
            raise InputError(
                "--headers: of weights in files; give a Hugging Face id, or the path of a file or a folder"
            )
        return Opened(load(what, changes))
    text = str(what)
    path = None if isinstance(what, str) and catalogue.find(text) is not None else _path(text)
    if path is not None:
        return _local(path, changes, headers)
    if isinstance(what, str) and remote_weights(text):
        return _of_gguf(read(text), changes)
    if not headers:
        return Opened(load(what, changes))
    entry = catalogue.find(text) if isinstance(what, str) else None
    repository = entry.hugging_face if entry is not None and "/" not in text else text
    if remote(repository) is None:
        raise InputError("--headers: of weights in files; give a Hugging Face id, or the path of a file or a folder")
    file = read(repository)
    if file.form == "gguf":
        return _of_gguf(file, changes)
    try:
        return Opened(load(what, changes), file)
    except (UnknownArchitectureError, UnreadableError) as error:
        return Opened(None, file, str(error))


def _of_gguf(file: WeightsFile, changes: Mapping[str, Any]) -> Opened:
    """The model that a GGUF file says that it is of."""
    try:
        return Opened(of_weights(file, changes), file)
    except UnknownArchitectureError as error:
        return Opened(None, file, str(error))


def _path(text: str) -> Path | None:
    """The path that a text is; ``None`` where there is none, or it is no path at all."""
    try:
        path = door.path_of(text)
        return path if text and door.exists(path) else None
    except (OSError, RuntimeError, ValueError):
        return None


def _local(path: Path, changes: Mapping[str, Any], headers: bool) -> Opened:
    names = Folder(path).files() if door.is_folder(path) else ()
    configs = [path / name for name in FILES if name in names]
    if door.is_folder(path) and not _readable(names, bool(configs) and not headers):
        if headers:
            raise UnreadableError(f"{Folder(path).name} holds no .safetensors and no .gguf file")
        return Opened(load(path, changes))
    if not door.is_folder(path) and path.suffix not in SUFFIXES and not path.name.endswith(".safetensors.index.json"):
        if headers:
            raise InputError(
                "--headers: of weights in files; give a .safetensors or .gguf file, a folder or a Hugging Face id"
            )
        return Opened(load(path, changes))
    file = read(path)
    if file.form == "gguf":
        return _of_gguf(file, changes)
    config = configs[0] if configs else path.with_name("config.json")
    if (door.is_folder(path) and not configs) or not door.exists(config):
        return Opened(None, file, NO_CONFIG)
    try:
        return Opened(from_file(config, changes), file)
    except UnknownArchitectureError as error:
        return Opened(None, file, str(error))


def _readable(names: Sequence[str], strict: bool) -> bool:
    """Whether a folder holds weights; ``strict``: named as a whole model's are (and no adapter's beside it)."""
    if not strict:
        return weights_in(names)
    shards = [name for name in names if SHARD.fullmatch(name) and name.startswith("model-")]
    return INDEX in names or "model.safetensors" in names or bool(shards)
