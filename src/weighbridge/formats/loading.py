"""MODEL, in every form: a catalogue name, a file, a folder, a Hugging Face id, a GGUF file."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.errors import (
    InputError,
    UnknownArchitectureError,
    UnknownModelError,
    UnreadableError,
    did_you_mean,
    given,
    printable,
    shown,
)
from weighbridge.formats import door
from weighbridge.formats.architecture import check_architecture, text_section, unread
from weighbridge.formats.check import check_keys, configuration, overridden
from weighbridge.formats.files import read_json, read_toml
from weighbridge.formats.quantization import SECTIONS, quantised, storage
from weighbridge.models import Model, catalogue, families, known_fields
from weighbridge.units import data_type

if TYPE_CHECKING:
    from weighbridge.formats.weights.file import WeightsFile

GROUPED = re.compile(r"\d+(_\d+)*")
"""A whole number as Python groups its digits."""

LONGEST_NAME = 100
"""Characters of a model's name that reports show."""

FILES = ("config.json", "params.json")

QUANTISED_BESIDE = "hf_quant_config.json"


def load(model: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> Model:
    """The model of a catalogue name or alias, a ``config.json``, ``params.json`` or TOML description (or a folder that
    holds one), a GGUF file (of a Hugging Face repository too: ``org/name:Q4_K_M``), a Hugging Face id (its
    configuration only), or a mapping of such fields, or of ``megatron`` to a launch command of Megatron-LM.

    Args:
        model: any of these.
        changes: fields to set to other values; a dotted name reaches into tables.

    Raises:
        UnknownModelError: for a name that is none of these, with the nearest names.
        UnreadableError: for a file or repository that cannot be read.
        InputError: for fields that are missing, wrong or do not fit together.
    """
    changes = changes or {}
    if any(not isinstance(name, str) for name in changes):
        raise InputError("changes: expected field names as strings")
    if not isinstance(model, str | Path | Mapping):
        raise InputError(f"MODEL: got {given(model)}; expected a name, a path or a mapping of fields")
    if isinstance(model, Mapping):
        if "megatron" in model:
            from weighbridge.formats.megatron.described import described

            return described(model, changes)
        name = model.get("name")
        return from_raw(name if name and isinstance(name, str) else "model", model, changes, "given fields")
    text = str(model)
    if not text or "\0" in text:
        raise UnknownModelError(f"MODEL: got {given(text)}; expected a name, a file, a folder or a Hugging Face id")
    entry = None if isinstance(model, Path) else catalogue.find(text)
    if entry is not None:
        return (
            from_raw(entry.name, entry.config, changes, f"catalogue, {entry.source}")
            if changes
            else of_entry(entry.name)
        )
    path = found(text)
    if path is not None:
        return from_file(path, changes)
    if isinstance(model, str) and remote_weights(text):
        return of_weights(text, changes)
    from weighbridge.formats.hub import REPOSITORY

    if isinstance(model, str) and REPOSITORY.fullmatch(text) and Path(text).suffix not in (".json", ".toml"):
        return from_hub(text, changes)
    near = did_you_mean(text, catalogue.names())
    raise UnknownModelError(f"MODEL: no catalogue name, file, folder or Hugging Face id is {given(text)}{near}")


@lru_cache(maxsize=32)
def of_entry(name: str) -> Model:
    """The model of a catalogue's entry as it is. It stays, with what was recorded of it, so that further questions
    about it are quick.
    """
    entry = catalogue.find(name)
    assert entry is not None
    return from_raw(entry.name, entry.config, {}, f"catalogue, {entry.source}", trusted=True)


def found(text: str) -> Path | None:
    """The file that a path means: itself, or the configuration in a folder.

    Raises:
        UnreadableError: for a folder without a configuration.
    """
    try:
        path = door.path_of(text)
        if door.is_folder(path):
            inside = [path / name for name in FILES if door.exists(path / name)]
            if not inside and any(name.endswith(".gguf") for name in door.names_in(path)):
                return path
            if not inside:
                raise UnreadableError(f"{shown(text)} is a folder without {' or '.join(FILES)}")
            return inside[0]
        return path if door.exists(path) else None
    except OSError as error:  # a name too long for a path is none; a folder that may not be entered is one
        if error.errno == errno.ENAMETOOLONG:
            return None
        raise UnreadableError(f"{shown(text)} cannot be read: {error.strerror}") from None
    except RuntimeError:  # the home of an unknown user
        return None


def from_file(path: Path, changes: Mapping[str, Any]) -> Model:
    """The model of a configuration file, told apart by its ending and its fields, or that of a file of weights."""
    if path.suffix == ".gguf" or door.is_folder(path):
        return of_weights(path, changes)
    if path.suffix == ".safetensors" or path.name.endswith(".safetensors.index.json"):
        return from_file(configured(path), changes)
    if path.suffix == ".toml":
        raw = read_toml(path)
        check_keys(raw, form(raw))
        name = raw.get("name", path.stem)
        if not isinstance(name, str):
            raise InputError(f"name: got {given(name)}; expected a string")
        return from_raw(name, raw, changes, str(path))
    name = door.folder_name(path.parent) if path.name in FILES else path.stem.removesuffix("_config")
    return from_raw(name, read_json(path), changes, str(path), beside=read_beside(path))


def configured(path: Path) -> Path:
    """The ``config.json`` beside a safetensors file.

    Raises:
        UnreadableError: where there is none.
    """
    config = path.with_name("config.json")
    if not door.exists(config):
        what = f"{shown(str(path))}: a safetensors file does not say what its tensors are of"
        raise UnreadableError(
            f"{what}; put the model's config.json beside it (weighbridge params weighs it without one)"
        )
    return config


def remote_weights(text: str) -> bool:
    """Whether a name means a GGUF file of a Hugging Face repository: ``org/name:Q4_K_M``, ``org/name/file.gguf``."""
    from weighbridge.formats.weights import remote

    name = remote(text)
    return name is not None and (name["tag"] is not None or (name["file"] or "").endswith(".gguf"))


def of_weights(what: str | Path | WeightsFile, changes: Mapping[str, Any]) -> Model:
    """The model that a GGUF file's header describes, stored as the file has it.

    Raises:
        UnknownArchitectureError: for an architecture that no family builds.
    """
    from weighbridge.formats.gguf.architectures import raw_config
    from weighbridge.formats.gguf.storage import storage_of
    from weighbridge.formats.weights import WeightsFile, read

    file = what if isinstance(what, WeightsFile) else read(what)
    raw = raw_config(file)
    if raw is None:
        name = file.metadata.get("general.architecture")
        how = "weighbridge params still gives its exact bytes"
        raise UnknownArchitectureError(f"{file.name}: the architecture {given(name)} of GGUF is not covered; {how}")
    model = from_raw(file.name, raw, changes, f"GGUF header, {file.name}")
    return replace(model, storage=storage_of(file, model, "the GGUF file has it"))


def from_hub(repository: str, changes: Mapping[str, Any]) -> Model:
    """The model of a Hugging Face id. Where its configuration says nothing of quantisation, ModelOpt's file may."""
    from weighbridge.formats.hub import download_beside, download_config

    config = download_config(repository)
    with door.downloaded():
        raw = read_json(config)
        path = None if quantised(raw) else download_beside(repository, QUANTISED_BESIDE)
        beside = None if path is None else read_json(path)
    return from_raw(repository, raw, changes, f"Hugging Face hub, {repository}", beside=beside)


def read_beside(path: Path) -> dict[str, Any] | None:
    """ModelOpt's file beside a ``config.json``; beside NAME_config.json it is called NAME_hf_quant_config.json."""
    stem = path.name.removesuffix("config.json")
    other = path.with_name(f"{stem}{QUANTISED_BESIDE}")
    if stem == path.name or (stem and not stem.endswith("_")) or not door.exists(other):
        return None
    return read_json(other)


def from_raw(
    name: str,
    raw: Mapping[str, Any],
    changes: Mapping[str, Any],
    source: str,
    trusted: bool = False,
    beside: Mapping[str, Any] | None = None,
) -> Model:
    """The model of raw fields: a family's configuration, Llama's own parameters, or a description of blocks; ``beside``
    is what a file next to it says of how its checkpoint is quantised."""
    inner = text_section(raw) if "model_type" in changes and not sectioned(changes["model_type"]) else None
    kept = {key: value for key, value in raw.items() if key in SECTIONS}
    read = raw if inner is None else {**inner, **kept}
    raw = {**read, **{key: value for key, value in changes.items() if key == "model_type"}}
    model_type = form(raw)
    if changes:
        raw = overridden(raw, {k: v for k, v in changes.items() if k != "model_type"}, model_type)
    if raw.get("per_layer_config") and "per_layer_config" not in known_fields(model_type):
        raise InputError("per_layer_config: layers that differ in size are not covered; describe them in TOML")
    if model_type == "described":
        from weighbridge.formats.description import check_blocks

        check_blocks(raw)
    config, notes = configuration(model_type, raw, trusted)
    stored, said = storage(raw, beside, data_type(getattr(config, "dtype", None) or "bf16").bits)
    notes = (*notes, *said)
    if "model_type" in changes:
        left = shown(", ".join(name for name in unread(model_type, raw) if name not in SECTIONS), 200) or "nothing"
        whole = "" if inner is None else "its text_config alone "
        notes = (*notes, f"{whole}read as {model_type} on request; not read: {left}")
    return Model(printable(name, LONGEST_NAME), model_type, config, notes, printable(source, 400), stored)


def sectioned(model_type: object) -> bool:
    """Whether a family's configuration has a ``text_config`` itself."""
    return model_type in families() and "text_config" in known_fields(str(model_type))


def form(raw: Mapping[str, Any]) -> str:
    """Which family's file reads these fields."""
    if "model_type" not in raw:
        if "dim" in raw and "n_layers" in raw:
            return "llama_params"
        if "blocks" in raw:
            return "described"
    elif raw["model_type"] in ("llama_params", "described"):
        return str(raw["model_type"])
    return check_architecture(raw.get("model_type"), raw)


def setting(text: str) -> tuple[str, Any]:
    """``name=value`` from the command line; the value as JSON if it is, else as a string.

    Raises:
        InputError: without a name or without ``=``.
    """
    import json

    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise InputError(f"--set: got {given(text)}; expected field=value, such as hidden_size=5120")
    try:
        return name.strip(), json.loads(value.replace("_", "") if GROUPED.fullmatch(value) else value)
    except (ValueError, RecursionError):
        return name.strip(), value
