"""How long the samples of a data set are: said in one line, or a file with the tokens of one sample in each."""

from __future__ import annotations

import re
from collections import Counter

from weighbridge.errors import InputError, given
from weighbridge.formats import door
from weighbridge.formats.files import read_text

LONGEST, MOST = 1 << 27, 10**12
"""Tokens of a sample and samples, at most."""

MOST_BYTES = 1 << 28
"""Of a file: some fifty million samples."""

PART = re.compile(r"([0-9][0-9_]*)\s*x\s*([0-9][0-9_]*)")
EXPECTED = "such as 3000x512,500x1024 (samples x tokens), or a file with the tokens of one sample in each line"


def lengths_of(text: str) -> dict[int, int]:
    """Samples by their tokens.

    Args:
        text: ``3000x512,500x1024`` (samples x tokens), or the path of a file.

    Raises:
        InputError: for what is neither, and numbers that cannot be.
    """
    parts = [part.strip() for part in text.split(",")]
    found = [PART.fullmatch(part) for part in parts]
    if not any(found):
        return _file(text)
    counted: Counter[int] = Counter()
    for part, match in zip(parts, found, strict=True):
        if match is None:
            raise InputError(f"--lengths: got {given(part)}; expected samples x tokens, {EXPECTED}")
        samples, tokens = (
            _whole(number, part, limit) for number, limit in zip(match.groups(), (MOST, LONGEST), strict=True)
        )
        counted[tokens] += samples
    return dict(counted)


def _file(text: str) -> dict[int, int]:
    path = door.path_of(text)
    if not door.exists(path):
        raise InputError(f"--lengths: got {given(text)}; expected lengths {EXPECTED}")
    lines = read_text(path, MOST_BYTES).split()
    if not lines:
        raise InputError(f"--lengths: {given(text)} is empty; expected lengths {EXPECTED}")
    return dict(
        Counter(_whole(line, f"{path.name}, entry {number:,}", LONGEST) for number, line in enumerate(lines, 1))
    )


def _whole(text: str, where: str, most: int) -> int:
    digits = text.replace("_", "")
    if not (digits.isascii() and digits.isdecimal()) or not 1 <= int(digits[:20]) <= most:
        raise InputError(f"--lengths: {where}: got {given(text)}; allowed is a whole number from 1 to {most:,}")
    return int(digits)
