"""Shapes of questions that turned out slow: the next one alike goes to the slow lane at once.

Two questions are alike where they differ in digits only: the same model and options with other numbers.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

MOST = 4096
"""Shapes that are remembered, those met last."""

LENGTH = 4096
"""Bytes of a question that its shape is made of."""

DIGITS = b"0123456789"


def shape(ask: str, text: bytes) -> bytes:
    """What is alike in two questions that differ in digits only."""
    return blake2b(ask.encode() + b"\0" + text[:LENGTH].translate(None, DIGITS), digest_size=12).digest()


class Slow:
    """Shapes that turned out slow."""

    def __init__(self) -> None:
        self._held: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, one: bytes) -> bool:
        return one in self._held

    def learn(self, one: bytes) -> None:
        """Remember a shape."""
        self._held[one] = None
        self._held.move_to_end(one)
        if len(self._held) > MOST:
            self._held.popitem(last=False)

    def forget(self, one: bytes) -> None:
        """A question of that shape was quick after all."""
        self._held.pop(one, None)
