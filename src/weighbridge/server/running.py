"""The server itself: listens, serves, and ends in order."""

from __future__ import annotations

import errno
import logging
import signal
import socket

import uvicorn

from weighbridge.errors import InputError, given
from weighbridge.server.app import create_app
from weighbridge.server.logs import set_up
from weighbridge.server.settings import Settings

ENDING = 25
"""Seconds that requests which are under way have when the service is to end."""

KEPT = 75
"""Seconds that an idle connection is kept."""

CONNECTIONS = 4096
"""Connections at most; one more is answered 503 at once."""


def run(settings: Settings, host: str, port: int, level: str) -> None:
    """Serve until a signal ends it; what is under way is finished first.

    Raises:
        InputError: for an address that cannot be listened at.
    """
    set_up(level)
    listening = listen(host, port)
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=KEPT,
        timeout_graceful_shutdown=ENDING,
        limit_concurrency=CONNECTIONS,
        lifespan="on",
    )
    where = listening.getsockname()
    logging.getLogger("weighbridge.server").info("listening", extra={"host": where[0], "port": where[1]})
    for name in (signal.SIGTERM, signal.SIGINT):  # uvicorn ends in order, and then raises the signal again
        signal.signal(name, lambda *_: None)
    uvicorn.Server(config).run([listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        InputError: for an address that cannot be had.
    """
    try:
        family, kind, proto, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, proto)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
    except socket.gaierror as error:
        raise InputError(f"--host: got {given(host)}, which is no address here: {error.strerror}") from None
    except OSError as error:
        hint = "; choose another, or 0 for any" if error.errno == errno.EADDRINUSE else ""
        raise InputError(f"--port: {host}:{port:,} cannot be listened at: {error.strerror}{hint}") from None
    return listening
