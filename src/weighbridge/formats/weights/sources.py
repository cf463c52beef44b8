"""Where bytes of headers come from: a local file, or a server that answers range requests."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Protocol

from weighbridge.errors import UnreadableError, shown
from weighbridge.formats.files import LONGEST_PATH


class Source(Protocol):
    """A file of which any part can be read."""

    name: str
    """What errors call it."""
    size: int
    """Bytes of the whole file."""
    step: int
    """Bytes to ask for at a time, where it is not known how many are needed."""

    def read(self, start: int, length: int) -> bytes:
        """So many bytes from a place on; fewer where the file ends before.

        Raises:
            UnreadableError: where they cannot be had.
        """
        ...  # pragma: no cover


class LocalFile:
    """A file on this machine.

    Attributes:
        path: where it is.
        name: the path as errors show it.
        size: its bytes.
        step: bytes to read at a time.
    """

    step = 2**20

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, shown(str(path), LONGEST_PATH)
        try:
            status = path.stat()
        except OSError as error:
            raise UnreadableError(f"{self.name} cannot be read: {error.strerror or error}") from None
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError(f"{self.name} is not a regular file")
        self.size = status.st_size

    def read(self, start: int, length: int) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read(length)
        except OSError as error:
            raise UnreadableError(f"{self.name} cannot be read: {error.strerror or error}") from None
