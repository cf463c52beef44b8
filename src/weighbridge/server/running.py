"""The server itself: listens, serves, and ends in order."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import time
from types import FrameType

import uvicorn

from weighbridge.errors import InputError, given
from weighbridge.server.app import create_app
from weighbridge.server.connection import Bounded
from weighbridge.server.logs import set_up
from weighbridge.server.service import Service
from weighbridge.server.settings import Settings

ENDING = 25
"""Seconds that requests which are under way have when the service is to end."""

KEPT = 75
"""Seconds that an idle connection is kept."""

log = logging.getLogger("weighbridge.server")


class Server(uvicorn.Server):
    """Uvicorn's server, which denies its readiness for a while before it ends, so that whoever shares out requests
    sends none to a closed door. A second signal ends that while.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service
        self.ends: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        first = not self.service.ending
        self.service.ending = True
        if first and sig == signal.SIGTERM and self.service.settings.drain:
            self.ends = time.monotonic() + self.service.settings.drain
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if self.service.failed or (self.ends is not None and time.monotonic() >= self.ends):
            self.should_exit = True
        return await super().on_tick(counter)


def run(settings: Settings, host: str, port: int, level: str) -> None:
    """Serve until a signal ends it; what is under way is finished first.

    Raises:
        InputError: for an address that cannot be listened at.
        SystemExit: where no worker can be started.
    """
    set_up(level)
    listening, service = listen(host, port), Service(settings)
    config = uvicorn.Config(
        create_app(service),
        http=Bounded,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=KEPT,
        timeout_graceful_shutdown=ENDING,
        lifespan="on",
    )
    for name in (signal.SIGTERM, signal.SIGINT):  # before uvicorn takes them, and after it has ended in order
        signal.signal(name, _end)
    where = listening.getsockname()
    log.info("listening", extra={"host": where[0], "port": where[1]})
    Server(config, service).run([listening])
    if service.failed:
        raise SystemExit(f"weighbridge: serve: {service.failed}")


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


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
    except (socket.gaierror, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is no name"
        raise InputError(f"--host: got {given(host)}, which is no address here: {why}") from None
    except OSError as error:
        hint = "; choose another, or 0 for any" if error.errno == errno.EADDRINUSE else ""
        option = "--host" if error.errno == errno.EADDRNOTAVAIL else "--port"
        raise InputError(f"{option}: {host}:{port} cannot be listened at: {error.strerror}{hint}") from None
    return listening
