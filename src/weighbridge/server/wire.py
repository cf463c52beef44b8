"""What the service and its workers say to each other over pipes: frames with a head of fixed size."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

ASKED = struct.Struct(">dHI")
"""Seconds of computing that a question may take, bytes of its ask's name, bytes of its text."""

REPLIED = struct.Struct(">BHdI")
"""What came of it, HTTP status, seconds of computing, bytes."""

WAITING = 4.0
"""Seconds by the clock that a question may take for each of computing: it may have to share a processor, or wait for
the hub.
"""


def by_the_clock(seconds: float) -> float:
    """Seconds by the clock that a question may take which may compute for so many."""
    return 1.0 + WAITING * seconds


class Came(IntEnum):
    """What came of a question."""

    READY = 0
    """The worker is warm; no question was asked yet."""
    ANSWER = 1
    """An answer, or problems of the question."""
    SLOW = 2
    """It took longer than it may."""
    LARGE = 3
    """It took more memory than a worker has, or numbers beyond what the arithmetic has."""
    DEFECT = 4
    """An error of the program; the text says where."""


@dataclass(frozen=True)
class Reply:
    """What came of a question.

    Attributes:
        came: what kind of end it found.
        status: as HTTP has it.
        seconds: of computing.
        body: JSON, or what a log should know of a defect.
    """

    came: Came
    status: int = 0
    seconds: float = 0.0
    body: bytes = b""
