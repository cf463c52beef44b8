"""Reading files that may be anything: too large, too deep, not text, not there."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from weighbridge.errors import UnreadableError, given, shown
from weighbridge.formats import door
from weighbridge.formats.door import LONGEST_PATH as LONGEST_PATH

MAX_JSON = 8 * 2**20
"""Bytes: more than any published configuration (the largest known, with a per-tensor quantisation map, has 3 MB)."""

MAX_TOML = 2**16
"""Bytes: a description is written by hand."""

MAX_DOTS = 64
"""Dots in one line of TOML; the time that dotted keys take to parse grows with the square of their number."""


def read_text(path: Path, most: int) -> str:
    """The text of a regular UTF-8 file of at most so many bytes.

    Raises:
        UnreadableError: if it is anything else.
    """
    size = door.size_of(path)
    if size > most:
        raise UnreadableError(f"{_name(path)} has {size:,} bytes; a file of this form has at most {most:,}")
    try:
        return door.read_part(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{_name(path)} is not UTF-8 text (byte {error.start:,})") from None


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        UnreadableError: if the file is unreadable, no JSON, nested too deeply, or not an object.
    """
    text = read_text(path, MAX_JSON)
    try:
        data = json.loads(text)
    except RecursionError:
        raise UnreadableError(f"{_name(path)} is nested too deeply to be a configuration") from None
    except json.JSONDecodeError as error:
        raise UnreadableError(f"{_name(path)} is no JSON: {error.msg} (line {error.lineno})") from None
    except ValueError as error:
        raise UnreadableError(f"{_name(path)} is no usable JSON: {str(error).split(';')[0]}") from None
    return _an_object(path, data)


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file.

    Raises:
        UnreadableError: if the file is unreadable, no TOML or nested too deeply.
    """
    text = read_text(path, MAX_TOML)
    if any(line.count(".") > MAX_DOTS for line in text.splitlines()):
        raise UnreadableError(f"{_name(path)} has a line with more than {MAX_DOTS} dots; a description has none")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise UnreadableError(f"{_name(path)} is nested too deeply to be a description") from None
    except ValueError as error:
        raise UnreadableError(f"{_name(path)} is no TOML: {shown(str(error), 120)}") from None


def _name(path: Path) -> str:
    return shown(str(path), LONGEST_PATH)


def _an_object(path: Path, data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise UnreadableError(f"{_name(path)} holds {given(data)}; a configuration is a JSON object")
    return data
