"""A connection with the bounds that an HTTP parser leaves out: bytes and seconds of a request's head, and how many
connections there may be at once.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from weighbridge.server.headers import ALWAYS
from weighbridge.server.problems import RefusedError

CONNECTIONS = 4096
"""Connections at most; one more is answered 503 at once."""

HEAD_BYTES = 2**16
"""Bytes of a request's line and headers, the question of an address among them; a little more may be read at once."""

HEAD_SECONDS = 15.0
"""Seconds until a request's head has come, from its first byte or from the connection's begin."""


LINGER = 1.0
"""Seconds that a connection is read from after it was told why it ends: one that is closed while it sends may lose what
it was told.
"""


class Bounded(HttpToolsProtocol):
    """Uvicorn's protocol within these bounds."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._heading, self._head_bytes = True, 0
        self._late: asyncio.TimerHandle | None = None
        self._ended = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            said = "too many connections; try again in 1 s"
            self._end(RefusedError(503, "busy", said, {"Retry-After": "1"}))
        else:
            self._late = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        super().data_received(data)
        if self._heading and not self._ended:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._end(RefusedError(431, "size", f"a request's head has at most {HEAD_BYTES:,} bytes"))

    def on_message_begin(self) -> None:
        self._heading = True
        if self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self._too_late)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._heading, self._head_bytes = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head_bytes = 0

    def send_400_response(self, msg: str) -> None:
        self._end(RefusedError(400, "request", "the request is no HTTP"))

    def _too_late(self) -> None:
        if self._head_bytes:
            self._end(RefusedError(408, "body", f"the request's head did not come within {HEAD_SECONDS:g} s"))
        else:
            self.transport.close()  # a connection that was opened and never used

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self, refused: RefusedError) -> None:
        """Say why, where nothing else is being said on this connection, and close it."""
        self._stop_waiting()
        self._ended = True
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            response = refused.response()
            named = {**dict(response.headers), **ALWAYS, "connection": "close"}
            head = "".join(f"{name.lower()}: {value}\r\n" for name, value in named.items())
            self.transport.write(STATUS_LINE[refused.status] + head.encode("latin-1") + b"\r\n" + bytes(response.body))
            self.transport.write_eof()
            self._late = self.loop.call_later(LINGER, self.transport.close)
        else:
            self.transport.close()
