"""Where bytes of headers come from: a local file, or a server that answers range requests."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from weighbridge.errors import shown
from weighbridge.formats import door
from weighbridge.formats.door import LONGEST_PATH


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
    """A file on this machine, or one that came with the question.

    Attributes:
        path: where it is.
        name: the path as errors show it.
        size: its bytes.
        step: bytes to read at a time.
    """

    step = 2**20

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, shown(str(path), LONGEST_PATH)
        self.size = door.size_of(path)

    def read(self, start: int, length: int) -> bytes:
        return door.read_part(self.path, start, length)
