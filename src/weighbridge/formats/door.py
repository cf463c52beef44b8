"""What may be reached while a question is answered: this machine's files and the hub, or only what came with it.

The command line and Python reach everything. A page and a service open a :class:`Door` that is closed to files of the
machine, to its environment and, unless they say otherwise, to the hub; every function of ``formats`` that looks at
a file or opens a connection asks the door in force. Files that came with the question (``handed``) are read through it
from memory, by the names that they were given.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.errors import InputError, UnreadableError, given, shown

LONGEST_PATH = 240
"""Characters of a path that an error line shows."""


@dataclass(frozen=True)
class Handed:
    """A file that came with a question.

    Attributes:
        data: its first bytes, all of them as a rule.
        size: bytes of the whole file, of which ``data`` may be the beginning (headers alone are read of weights).
    """

    data: bytes
    size: int


@dataclass(frozen=True)
class Door:
    """What may be reached.

    Attributes:
        machine: files and environment variables of this machine.
        hub: the Hugging Face hub.
        handed: files that came with the question, by name.
    """

    machine: bool = True
    hub: bool = True
    handed: Mapping[str, Handed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.machine and self.handed:
            raise ValueError("files that came with a question are read behind a closed door only")


OPEN = Door()

_now: ContextVar[Door] = ContextVar("door", default=OPEN)


def now() -> Door:
    """The door in force."""
    return _now.get()


@contextmanager
def behind(door: Door) -> Iterator[None]:
    """Answer what runs inside behind a door."""
    token = _now.set(door)
    try:
        yield
    finally:
        _now.reset(token)


@contextmanager
def downloaded() -> Iterator[None]:
    """Read files that the hub's library has put into its cache: their paths come from it, never from a caller.

    Raises:
        InputError: where the door is closed to the hub.
    """
    check_hub("")
    with behind(OPEN):
        yield


def path_of(text: str | Path) -> Path:
    """A path as people write it; ``~`` is somebody's home on this machine alone."""
    return Path(text).expanduser() if now().machine else Path(text)


def exists(path: Path) -> bool:
    """Whether there is such a file or folder, a link that leads nowhere included."""
    door = now()
    return os.path.lexists(path) if door.machine else str(path) in door.handed or is_folder(path)


def is_folder(path: Path) -> bool:
    """Whether there is such a folder."""
    door = now()
    return path.is_dir() if door.machine else any(path in Path(name).parents for name in door.handed if name != ".")


def names_in(path: Path) -> list[str]:
    """Names in a folder.

    Raises:
        OSError: for a folder that may not be entered.
    """
    door = now()
    if door.machine:
        return sorted(entry.name for entry in path.iterdir())
    return sorted(Path(name).name for name in door.handed if Path(name).parent == path)


def size_of(path: Path) -> int:
    """Bytes of a regular file.

    Raises:
        UnreadableError: for anything else.
    """
    name = shown(str(path), LONGEST_PATH)
    door = now()
    if not door.machine:
        return _handed(path, door).size
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadableError(f"{name} cannot be read: {error.strerror or error}") from None
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError(f"{name} is not a regular file")
    return status.st_size


def read_part(path: Path, start: int = 0, length: int = -1) -> bytes:
    """So many bytes of a file from a place on, fewer where it ends before; to its end by default. Of a file whose
    beginning alone was handed over, fewer too, where that ends.

    Raises:
        UnreadableError: for what cannot be read, and where nothing of that part was handed over.
    """
    door = now()
    if door.machine:
        try:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(length)
        except OSError as error:
            name = shown(str(path), LONGEST_PATH)
            raise UnreadableError(f"{name} cannot be read: {error.strerror or error}") from None
    file_ = _handed(path, door)
    end = file_.size if length < 0 else min(start + length, file_.size)
    if end > len(file_.data) and (length < 0 or start >= len(file_.data)):
        had = f"{len(file_.data):,} of {file_.size:,} bytes were handed over"
        raise UnreadableError(f"{shown(str(path), LONGEST_PATH)}: {had}, and the first {end:,} are needed")
    return file_.data[start:end]


def _handed(path: Path, door: Door) -> Handed:
    found = door.handed.get(str(path))
    if found is None:
        name = shown(str(path), LONGEST_PATH)
        raise UnreadableError(f"{name} cannot be read: files of this machine are not read here; send it along")
    return found


def check_hub(name: str) -> None:
    """Refuse to ask the hub where the door is closed to it.

    Raises:
        InputError: naming what would have been asked for.
    """
    if not now().hub:
        raise InputError(
            f"MODEL: {given(name)} is no name of the catalogue, and the Hugging Face hub is not asked from here; give "
            "the content of its config.json"
        )


def check_writing(option: str) -> None:
    """Refuse to write a file where the door is closed to files of the machine.

    Raises:
        InputError: naming the option.
    """
    if not now().machine:
        raise InputError(f"{option}: writes a file, which is not done here; leave it out")


def folder_name(path: Path) -> str:
    """The name of a folder; of one that was handed over without a name, "model"."""
    return path.absolute().name if now().machine else path.name or "model"


def environment() -> Mapping[str, str]:
    """Variables of this process; none behind a closed door."""
    return os.environ if now().machine else {}
