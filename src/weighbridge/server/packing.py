"""Answers and files in fewer bytes (gzip), for callers that say they read it."""

from __future__ import annotations

import gzip

from starlette.datastructures import Headers
from starlette.responses import Response

LEAST = 1024
"""Bytes below which packing is not worth its head."""

QUICK, ONCE = 3, 9
"""Levels: of answers, packed for each caller, and of files, packed once."""


def reads_gzip(headers: Headers) -> bool:
    """Whether a caller reads gzip (RFC 9110, 12.5.3)."""
    for one in headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = one.replace(" ", "").partition(";q=")
        if name in ("gzip", "*"):
            return quality.strip("0.") != "" if quality else True
    return False


def packed(body: bytes, level: int = QUICK) -> bytes:
    """Bytes in fewer, the same for the same."""
    return gzip.compress(body, level, mtime=0)


def fitted(response: Response, headers: Headers) -> Response:
    """A response as its caller reads it."""
    response.headers["Vary"] = "Accept-Encoding"
    body = bytes(response.body)
    if len(body) >= LEAST and reads_gzip(headers):
        response.body = packed(body)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response
