"""The HTTP application: places of questions, and what stands around every request."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weighbridge import __version__
from weighbridge.server.documents import OWN, READS, add_documents, catalogues, described, tags
from weighbridge.server.headers import SafeHeaders
from weighbridge.server.openapi import description
from weighbridge.server.packing import fitted
from weighbridge.server.problems import RefusedError, defect, of_http
from weighbridge.server.service import Answered, Service
from weighbridge.server.settings import OFFERED
from weighbridge.server.site import Site, built, not_built

log = logging.getLogger("weighbridge.requests")


def create_app(service: Service) -> ASGIApp:
    """The application of a service."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opening = asyncio.create_task(service.open())
        _ = described(), catalogues()  # made once, while workers start, before anybody waits for them
        yield
        opening.cancel()
        await service.close()

    app = FastAPI(
        title="Weighbridge", version=__version__, lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None
    )
    app.openapi = description  # type: ignore[method-assign]
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(HTTPException, _refused_by_http)
    _add_questions(app, service)
    add_documents(app, service)
    if built(service.settings.site):
        return SafeHeaders(Watched(Beside(app, Site(service.settings.site)), service))
    app.add_api_route("/", _no_page, methods=READS, include_in_schema=False)
    return SafeHeaders(Watched(app, service))


def _add_questions(app: FastAPI, service: Service) -> None:
    """A place for every ask, one for all, and one that caches can keep."""
    for ask in OFFERED:
        app.add_api_route(f"/api/v1/{ask}", _asking(service, ask), methods=["POST"], include_in_schema=False)
    app.add_api_route("/api/v1/answer", _any(service), methods=["POST", *READS], include_in_schema=False)


def _asking(service: Service, ask: str) -> Callable[[Request], Awaitable[Response]]:
    async def asking(request: Request) -> Response:
        async with service.bodies.read(request) as text:
            return _noted(request, await service.answer(ask, text, gone=request.is_disconnected))

    return asking


def _any(service: Service) -> Callable[[Request], Awaitable[Response]]:
    """Any question: posted, or in an address that caches can keep."""
    posted = _asking(service, "")

    async def asking(request: Request) -> Response:
        if request.method == "POST":
            return await posted(request)
        values = request.query_params.getlist("q")
        if len(values) != 1:
            raise RefusedError(422, "question", f"q: given {len(values):,} times; expected once: the question as JSON")
        text = values[0].encode("utf-8", "replace")
        return _noted(request, await service.answer("", text, tags(request), request.is_disconnected))

    return asking


def _noted(request: Request, answered: Answered) -> Response:
    """The response as its caller reads it; its lane goes to the log."""
    request.scope["weighbridge.lane"] = answered.lane
    return fitted(answered.response, request.headers)


async def _no_page() -> Response:
    return not_built()


async def _refused(request: Request, error: Any) -> Response:
    response: Response = error.response()
    return response


async def _refused_by_http(request: Request, error: Any) -> Response:
    """What the router refuses, as problem details."""
    return of_http(error).response()


class Beside:
    """The page at every place that is not the service's own: a wrong method there is not asked of the page's files."""

    def __init__(self, app: ASGIApp, site: ASGIApp) -> None:
        self.app, self.site = app, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        own = scope["type"] != "http" or path.startswith("/api/") or path in OWN
        await (self.app if own else self.site)(scope, receive, send)


class Watched:
    """Counts and logs every request, and answers a defect with problem details."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, sent, status, size = time.perf_counter(), secrets.token_hex(8), 0, 0

        async def sending(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", sent.encode())]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception:
            log.exception("defect", extra={"request": sent})
            if status:
                raise
            await defect().response()(scope, receive, sending)
        finally:
            place = place_of(scope)
            self.service.metrics.requests.labels(place, str(status)).inc()
            if log.isEnabledFor(logging.INFO):
                more = {
                    "request": sent,
                    "method": scope["method"],
                    "place": place,
                    "status": status,
                    "ms": round(1000 * (time.perf_counter() - began), 3),
                    "bytes": size,
                    "lane": scope.get("weighbridge.lane"),
                }
                log.info("request", extra=more)


def place_of(scope: Scope) -> str:
    """A request's place as one of a few words, however many addresses are tried."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) and path else "page"
