"""What happens to a question: held answers, lanes, and what is said where there is none."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass

from starlette.responses import Response

from weighbridge import __version__
from weighbridge.server.bodies import Bodies
from weighbridge.server.cache import Cache, tag
from weighbridge.server.lanes import FullError, Gone, GoneError, Lanes, WaitedError
from weighbridge.server.metrics import Metrics
from weighbridge.server.problems import MEDIA_TYPE, RefusedError, defect
from weighbridge.server.process import DiedError
from weighbridge.server.settings import Settings
from weighbridge.server.wire import Came, Reply

LONG_TEXT = 2**18
"""Bytes of a question that is not tried in the quick lane."""

TRIES = 2
"""Times that a question is asked where a worker is lost."""

log = logging.getLogger("weighbridge.server")


@dataclass
class Answered:
    """A response, and what logs should know of it."""

    response: Response
    lane: str


class Service:
    """The service, without HTTP's places.

    Attributes:
        settings: what the operator decides.
        lanes: workers.
        cache: answers that were given.
        bodies: of requests under way.
        metrics: figures.
        ending: a signal to end has come.
        failed: why no worker can be started; empty while nothing says so.
    """

    def __init__(self, settings: Settings, lanes: Lanes | None = None) -> None:
        self.settings = settings
        self.lanes = lanes or Lanes.of(settings)
        self.cache = Cache(settings.cached if not settings.hub else 0)
        self.bodies = Bodies(settings)
        self.metrics = Metrics(self.lanes, self.cache)
        self.ending = False
        self.failed = ""

    async def open(self) -> None:
        """Start the workers. Questions that come before they are warm wait for them."""
        try:
            await self.lanes.open()
        except (DiedError, OSError) as error:
            self.failed = str(error)
            log.error("not ready", extra={"error": self.failed})
        else:
            log.info("ready", extra={"version": __version__})

    async def close(self) -> None:
        """End the workers."""
        self.ending = True
        await self.lanes.close()

    def check_ready(self) -> None:
        """Whether whoever shares out requests should send some here.

        Raises:
            RefusedError: if not.
        """
        if self.ending or not self.lanes.ready:
            said = "the service is ending" if self.ending else "workers are starting"
            raise RefusedError(503, "not-ready", said, {"Retry-After": "1"})

    async def answer(self, ask: str, text: bytes, known: Collection[str] = (), gone: Gone | None = None) -> Answered:
        """The response to a question.

        Args:
            ask: what is asked; empty where the text says so.
            text: the question.
            known: entity tags of answers that the caller holds.
            gone: whether the caller is gone.
        """
        began = time.perf_counter()
        etag = tag(ask, text)
        held = self.cache.get(etag)
        if held is not None and etag in known:
            return Answered(Response(status_code=304, headers=self._headers(etag)), "cache")
        if held is not None:
            found = Answered(Response(held, 200, self._headers(etag), "application/json"), "cache")
        else:
            reply, lane = await self._asked(ask, text, gone)
            found = Answered(self._response(reply, etag), lane)
            if reply.status == 200:
                self.cache.put(etag, reply.body)
                if etag in known and not self.settings.hub:
                    found = Answered(Response(status_code=304, headers=self._headers(etag)), lane)
        self.metrics.seconds.labels(found.lane).observe(time.perf_counter() - began)
        return found

    async def _asked(self, ask: str, text: bytes, gone: Gone | None) -> tuple[Reply, str]:
        """What comes of a question, asked again where a worker is lost.

        Raises:
            RefusedError: where nothing does.
        """
        slow = len(text) > LONG_TEXT
        for left in reversed(range(TRIES)):
            try:
                return await self.lanes.ask(ask, text, slow, gone)
            except WaitedError as error:
                self.metrics.refused.labels("waited").inc()
                raise self._busy(503, error) from None
            except FullError as error:
                self.metrics.refused.labels("full").inc()
                raise self._busy(429, error) from None
            except GoneError:
                self.metrics.refused.labels("gone").inc()
                raise RefusedError(400, "body", "the connection ended before its turn came") from None
            except DiedError:
                log.warning("a question lost its worker", extra={"ask": ask, "bytes": len(text), "tries_left": left})
                slow = True  # whatever it was, it does not take a worker of the quick lane again
        self.metrics.refused.labels("lost").inc()
        raise RefusedError(
            500, "lost", f"the process that answered has ended, {TRIES} times; the service's log says when"
        )

    def _busy(self, status: int, error: FullError) -> RefusedError:
        said = f"too many questions are waiting; {error}"
        return RefusedError(status, "busy", said, {"Retry-After": str(error.seconds)})

    def _response(self, reply: Reply, etag: str) -> Response:
        """A worker's reply as a response.

        Raises:
            RefusedError: for a question that takes too long or too much memory, and for a defect.
        """
        if reply.came is Came.SLOW:
            self.metrics.refused.labels("slow").inc()
            said = f"it takes more than {self.settings.seconds:g} s of computing; ask for less at once"
            raise RefusedError(422, "too-much", said)
        if reply.came is Came.LARGE:
            self.metrics.refused.labels("large").inc()
            raise RefusedError(
                422, "too-much", "its numbers or its memory grow beyond what can be computed; ask for less"
            )
        if reply.came is Came.DEFECT:
            self.metrics.refused.labels("defect").inc()
            log.error("defect", extra={"traceback": reply.body.decode("utf-8", "replace")})
            raise defect()
        if reply.status == 200:
            return Response(reply.body, 200, self._headers(etag), "application/json")
        self.metrics.refused.labels("question").inc()
        return Response(reply.body, reply.status, {"Cache-Control": "no-store"}, MEDIA_TYPE)

    def _headers(self, etag: str) -> dict[str, str]:
        """What caches may do with an answer: it is the same until the version changes, which its tag tells."""
        if self.settings.hub:
            return {"Cache-Control": "no-store"}
        return {"ETag": f'W/"{etag}"', "Cache-Control": "public, max-age=60, must-revalidate"}
