"""Files that a command writes: whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import click

from weighbridge.errors import InputError, shown
from weighbridge.formats import door


class OutFile(click.Path):
    """The path of a file that a command writes; callers that are no terminal refuse such options by their type."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)


def write(option: str, path: Path, data: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        InputError: for a path that cannot be written, naming the option.
    """
    door.check_writing(option)
    try:
        _write(path, data)
    except OSError as error:
        raise InputError(f"{option}: {shown(str(path))} cannot be written: {error.strerror or error}") from None


def _write(path: Path, data: bytes) -> None:
    """Write a file beside the one that it becomes, and rename it once it is whole. What is no regular file (a device, a
    pipe) is written directly.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    half = target.with_name(f".{target.name[:200]}.{os.getpid()}")
    try:
        half.write_bytes(data)
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
