"""Files that come with a question: bytes, or text and base64 where it is JSON."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from weighbridge.answer.problems import Problem
from weighbridge.errors import did_you_mean, given, shown
from weighbridge.formats.door import Handed

NAME = re.compile(r"(?!\.)[\w .()+@-]{1,200}(?:/(?!\.)[\w .()+@-]{1,200})?")
"""A file's name, or a folder's and its own."""

MOST_FILES = 64
"""Files of a question at most."""

LARGEST_FILE = 2**50
"""Bytes that a file may be said to have: a pebibyte, more than any checkpoint."""

KEYS = ("text", "base64", "size")


def files_of(value: Any) -> tuple[dict[str, Handed], list[Problem]]:
    """The files of a question, and what is wrong with them."""
    if value is None:
        return {}, []
    if not isinstance(value, Mapping):
        return {}, [Problem("files", f"got {given(value)}; expected a table of names and contents")]
    if len(value) > MOST_FILES:
        return {}, [Problem("files", f"got {len(value):,}; allowed are {MOST_FILES}")]
    found: dict[str, Handed] = {}
    problems: list[Problem] = []
    for name, content in value.items():
        wrong = "" if NAME.fullmatch(name) else "is no name of a file; allowed: letters, digits, . _ -, one folder"
        read, said = (None, wrong) if wrong else _content(content)
        if read is None:
            problems.append(Problem(f"files.{shown(name)}", said))
        else:
            found[name] = read
    return found, problems


def _content(content: Any) -> tuple[Handed | None, str]:
    """A file's bytes, or what is wrong with them."""
    if isinstance(content, bytes | bytearray | memoryview):
        return Handed(bytes(content), len(content)), ""
    if not isinstance(content, Mapping):
        return None, f'got {given(content)}; expected {{"text": ...}} or {{"base64": ...}}'
    said = next(_wrong_keys(content), "")
    if said:
        return None, said
    data = _bytes(content)
    if data is None:
        return None, "base64: is none; allowed are A-Z, a-z, 0-9, + and /, with = at the end"
    size = content.get("size", len(data))
    if type(size) is not int or not len(data) <= size <= LARGEST_FILE:
        return None, f"size: got {given(size)}; allowed is {len(data):,} (what was sent) to {LARGEST_FILE:,}"
    return Handed(data, size), ""


def _wrong_keys(content: Mapping[str, Any]) -> Iterator[str]:
    for key in content:
        if key not in KEYS:
            yield f"{shown(key)}: no such key; allowed: {', '.join(KEYS)}{did_you_mean(key, KEYS)}"
    forms = [key for key in ("text", "base64") if key in content]
    if len(forms) != 1:
        yield f"got {' and '.join(forms) or 'neither'}; give one of text and base64"
    elif forms == ["text"] and not isinstance(content["text"], str):
        yield f"text: got {given(content['text'])}; expected text"


def _bytes(content: Mapping[str, Any]) -> bytes | None:
    """The bytes of text, or of base64; ``None`` for what is neither."""
    if "text" in content:
        return str(content["text"]).encode()
    coded = content["base64"]
    if isinstance(coded, bytes | bytearray | memoryview):
        return bytes(coded)
    try:
        return base64.b64decode(coded, validate=True) if isinstance(coded, str) else None
    except (binascii.Error, ValueError):
        return None
