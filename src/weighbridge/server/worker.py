"""A process that answers questions, one after another: ``python -m weighbridge.server.worker``.

It reads frames from its standard input and writes replies to what was its standard output. A question that takes longer
than it may is interrupted by a timer, so that the process stays and the next question finds it warm.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import BinaryIO

from weighbridge.answer import Access, garbage
from weighbridge.answer.exchange import exchange
from weighbridge.cli.options import forget
from weighbridge.server import guard
from weighbridge.server.settings import WITHOUT
from weighbridge.server.wire import ASKED, REPLIED, Came, Reply, by_the_clock

WARM: tuple[tuple[str, bytes], ...] = (
    ("params", b'{"model":"llama-3.1-8b","with":["explain"]}'),
    ("flops", b'{"model":"deepseek-v3"}'),
    (
        "train",
        b'{"model":"llama-3.1-8b","options":{"cluster":"8xH100","tp":2,"pp":2,"global_batch":64},"with":["timeline"]}',
    ),
    ("infer", b'{"model":"llama-3.1-8b","options":{"cluster":"8xH100","advice":false}}'),
    ("local", b'{"model":"llama-3.1-8b","options":{"on":["RTX-4090"],"gguf":"Q4_K_M"}}'),
    ("scaling", b'{"options":{"compute":"1e23"}}'),
    ("compare", b'{"models":["gpt2","mixtral-8x7b"]}'),
    ("models", b"{}"),
    ("clusters", b"{}"),
    ("params", b'{"model":{"model_type":"llama","hidden_size":"x"}}'),
)
"""Questions that load what most questions need."""


class TooSlow(BaseException):
    """Raised inside a question by the timer; no handler of errors takes it."""


def main() -> None:
    """Answer until the pipe closes."""
    access = Access.HUB if "--hub" in sys.argv else Access.QUESTION
    for word in sys.argv:
        if word.startswith("--memory="):
            _bound_memory(int(word.removeprefix("--memory=")))
    asked, replied = _pipes()
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all processes of a terminal; the service ends this one
    signal.signal(signal.SIGPROF, _ring)
    signal.signal(signal.SIGALRM, _ring)
    for ask, text in WARM:
        exchange(text, access, ask)
    quick = "--quick" in sys.argv
    if quick:
        garbage.collect_later()
    guard.shut(tuple(word.removeprefix("--host=") for word in sys.argv if word.startswith("--host=")))
    try:
        _say(replied, Reply(Came.READY))
        while (question := _next(asked)) is not None:
            _say(replied, reply_to(*question, access))
            if quick:
                garbage.collect()
    except BrokenPipeError:  # the service has ended
        os._exit(0)


def _bound_memory(most: int) -> None:
    """Let Python raise MemoryError before the machine runs short."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes of questions and replies; what anything prints goes to standard error."""
    asked, replied = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return asked, replied


def _next(asked: BinaryIO) -> tuple[float, str, bytes] | None:
    """The next question; ``None`` where the pipe has closed."""
    head = asked.read(ASKED.size)
    if len(head) < ASKED.size:
        return None
    seconds, name, length = ASKED.unpack(head)
    return seconds, asked.read(name).decode(), asked.read(length)


def _say(replied: BinaryIO, reply: Reply) -> None:
    replied.write(REPLIED.pack(reply.came, reply.status, reply.seconds, len(reply.body)) + reply.body)
    replied.flush()


def reply_to(seconds: float, ask: str, text: bytes, access: Access = Access.QUESTION) -> Reply:
    """What comes of a question that may compute for so many seconds."""
    began = time.process_time()
    try:
        with _within(seconds):
            found = exchange(text, access, ask or None, without=WITHOUT)
            return Reply(Came.ANSWER, found.status, time.process_time() - began, found.body.encode())
    except TooSlow:
        _disarm()  # the other timer, where one rang as the question ended
        forget()
        return Reply(Came.SLOW)
    except (MemoryError, OverflowError, RecursionError):
        return Reply(Came.LARGE)
    except Exception:
        return Reply(Came.DEFECT, body=traceback.format_exc(-8).encode("utf-8", "replace"))


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after so many seconds of computing, or when it has waited much longer."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, by_the_clock(seconds))
    try:
        yield
    finally:
        _disarm()


def _disarm() -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _ring(number: int, frame: FrameType | None) -> None:
    raise TooSlow


if __name__ == "__main__":
    main()
