"""Bodies of requests, read in bounds: JSON, of so many bytes each and all together, within so many seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from weighbridge.server.problems import RefusedError
from weighbridge.server.settings import Settings

LINGER_SECONDS, LINGER_BYTES = 2.0, 64 * 2**20
"""How long a body that is too large is read and dropped, and how much of it: whoever still sends reads no answer."""

CLOSE = {"Connection": "close"}


class Bodies:
    """Bodies that are read or whose questions are being answered.

    Attributes:
        settings: what the operator decides.
        bytes: of all of them now.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.bytes = settings, 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """The body of a request, which counts until its question is answered.

        Raises:
            RefusedError: for what is no JSON, too large, does not come, or comes beside too many others.
        """
        await self._check_head(request)
        body = await self._whole(request)
        try:
            yield body
        finally:
            self.bytes -= len(body)

    async def _whole(self, request: Request) -> bytes:
        """All of a body, which counts from its first byte."""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                async for part in request.stream():
                    size += len(part)
                    self.bytes += len(part)
                    if size > self.settings.body:
                        await _drop(request)
                        raise self._too_large()
                    if self.bytes > self.settings.bodies:
                        raise _too_many()
                    parts.append(part)
        except BaseException as error:
            self.bytes -= size
            if isinstance(error, TimeoutError):
                said = f"the body did not come within {self.settings.body_seconds:g} s"
                raise RefusedError(408, "body", said, CLOSE) from None
            if isinstance(error, ClientDisconnect):
                raise RefusedError(400, "body", "the connection ended before the body did") from None
            raise
        return b"".join(parts)

    async def _check_head(self, request: Request) -> None:
        """Refuse by what the head says already.

        Raises:
            RefusedError: for another media type, a coding of the content, or a length that is too large.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise _no_json("Content-Type: expected application/json")
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise _no_json("Content-Encoding: expected none")
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self.settings.body:
            if "expect" not in request.headers:  # else it waits to be told to send
                await _drop(request)
            raise self._too_large()

    def _too_large(self) -> RefusedError:
        return RefusedError(413, "size", f"a question has at most {self.settings.body:,} bytes", CLOSE)


async def _drop(request: Request) -> None:
    """Read the rest of a body, in bounds."""
    left = LINGER_BYTES
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0 and (message := await request.receive())["type"] == "http.request":
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _no_json(said: str) -> RefusedError:
    return RefusedError(415, "media-type", said, {"Accept-Post": "application/json", "Accept-Encoding": "identity"})


def _too_many() -> RefusedError:
    said = "too many large questions are under way; try again in 1 s"
    return RefusedError(429, "busy", said, {"Retry-After": "1", **CLOSE})
