"""What an operator decides."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from weighbridge.answer.asks import ASKS

WITHOUT = frozenset({"fit"})
"""Asks that the service does not answer: a fit takes minutes, and libraries that workers do not load."""

OFFERED = tuple(ask for ask in ASKS if ask not in WITHOUT)
"""Asks that it answers."""

SITE = Path(__file__).parents[1] / "web" / "site"
"""Where the wheel has the built page."""


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """What an operator decides.

    Attributes:
        quick: processes that answer quick questions.
        slow: processes that answer slow ones, with lower priority.
        queue: questions that may wait in each lane; more are sent away (429).
        quick_seconds: a question that computes longer is asked again in the slow lane.
        seconds: a question that computes longer there is given up (422).
        wait_seconds: a question that waits longer for its turn is sent away (503).
        body: bytes of a request at most.
        bodies: bytes of all requests that are under way at most; more are sent away (429).
        body_seconds: for a request's body to arrive.
        memory: bytes of address space of a worker at most.
        cached: bytes of answers that are kept.
        drain: seconds between the signal to end and the end, in which requests are answered but readiness is denied.
        hub: whether configurations may be read from the Hugging Face hub.
        hub_hosts: hosts that may be asked then; the hub's own if empty.
        site: the folder of the built page.
    """

    quick: int = max(1, processors())
    slow: int = max(1, processors() // 2)
    queue: int = 256
    quick_seconds: float = 0.25
    seconds: float = 20.0
    wait_seconds: float = 20.0
    body: int = 8 * 2**20
    bodies: int = 256 * 2**20
    body_seconds: float = 15.0
    memory: int = 2 * 2**30
    cached: int = 64 * 2**20
    drain: float = 0.0
    hub: bool = False
    hub_hosts: tuple[str, ...] = ()
    site: Path = SITE
