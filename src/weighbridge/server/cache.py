"""Answers that were given, by their questions: the same version answers the same question with the same."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from weighbridge import __version__

LARGEST_SHARE = 16
"""An answer is kept if it takes no more than one part in so many of the cache."""

EACH = 256
"""Bytes that an entry takes beside its answer."""


def tag(ask: str, text: bytes) -> str:
    """The entity tag of a question's answer: of the question and the version of the program that answers."""
    found = hashlib.blake2b(digest_size=16)
    for part in (__version__.encode(), ask.encode(), text):
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


class Cache:
    """Answers by tag, those used last kept longest.

    Attributes:
        most: bytes in all.
        bytes: that it holds.
    """

    def __init__(self, most: int) -> None:
        self.most, self.bytes = most, 0
        self._held: OrderedDict[str, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, tag: str) -> bytes | None:
        """The answer of a tag; ``None`` where it is not held."""
        found = self._held.get(tag)
        if found is not None:
            self._held.move_to_end(tag)
        return found

    def put(self, tag: str, body: bytes) -> None:
        """Keep an answer, and let go of those used longest ago."""
        size = len(body) + EACH
        if size * LARGEST_SHARE > self.most or tag in self._held:
            return
        self._held[tag] = body
        self.bytes += size
        while self.bytes > self.most:
            _, old = self._held.popitem(last=False)
            self.bytes -= len(old) + EACH
