"""Bodies of requests, read in bounds: JSON, of so many bytes, within so many seconds."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from weighbridge.server.problems import RefusedError
from weighbridge.server.settings import Settings


async def body_of(request: Request, settings: Settings) -> bytes:
    """The body of a request.

    Raises:
        RefusedError: for what is no JSON, too large, or does not come.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise RefusedError(
            415, "media-type", "Content-Type: expected application/json", {"Accept-Post": "application/json"}
        )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > settings.body:
        raise _too_large(settings)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for part in request.stream():
                size += len(part)
                if size > settings.body:
                    raise _too_large(settings)
                parts.append(part)
    except TimeoutError:
        said = f"the body did not come within {settings.body_seconds:g} s"
        raise RefusedError(408, "body", said, {"Connection": "close"}) from None
    except ClientDisconnect:
        raise RefusedError(400, "body", "the connection ended before the body did") from None
    return b"".join(parts)


def _too_large(settings: Settings) -> RefusedError:
    return RefusedError(413, "size", f"a question has at most {settings.body:,} bytes", {"Connection": "close"})
