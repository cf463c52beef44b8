"""Garbage is looked for between questions, so that nobody waits for it: in workers of the service and in the page."""

from __future__ import annotations

import gc
import itertools

COLLECTED = itertools.count(1)

OLDER, OLDEST = 64, 4096
"""Questions after which objects that outlived some are looked through, and those that outlived many."""


def collect_later() -> None:
    """Leave it to :func:`collect` from now on; what stands now is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.disable()


def collect() -> None:
    """Look for garbage: mostly what the last question left."""
    number = next(COLLECTED)
    gc.collect(2 if number % OLDEST == 0 else 1 if number % OLDER == 0 else 0)
