"""The HTTP application: places, and what stands around every request."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weighbridge import __version__
from weighbridge.answer import answer, fields
from weighbridge.answer.exchange import encoded
from weighbridge.server.bodies import body_of
from weighbridge.server.headers import SafeHeaders
from weighbridge.server.metrics import MEDIA_TYPE as METRICS_TYPE
from weighbridge.server.openapi import description
from weighbridge.server.problems import RefusedError
from weighbridge.server.service import Answered, Service
from weighbridge.server.settings import OFFERED, Settings
from weighbridge.server.site import Site, built, not_built

log = logging.getLogger("weighbridge.requests")

JSON = "application/json"


def create_app(settings: Settings, service: Service | None = None) -> ASGIApp:
    """The application of a service."""
    service = service or Service(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        _ = description(), catalogues()  # made once, before anybody waits for them
        await service.lanes.open()
        log.info("ready", extra={"version": __version__})
        yield
        await service.lanes.close()

    app = FastAPI(
        title="Weighbridge", version=__version__, lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None
    )
    app.openapi = description  # type: ignore[method-assign]
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(HTTPException, _refused_by_http)
    _add_questions(app, service)
    _add_plain(app, service)
    if built(settings.site):
        app.mount("/", Site(directory=settings.site, html=True))
    else:
        app.add_api_route("/", partial(_no_page), methods=["GET"], include_in_schema=False)
    return SafeHeaders(Watched(app, service))


def _add_questions(app: FastAPI, service: Service) -> None:
    """A place for every ask, one for all, and one that caches can keep."""
    for ask in OFFERED:
        app.add_api_route(f"/api/v1/{ask}", _asking(service, ask), methods=["POST"], include_in_schema=False)
    app.add_api_route("/api/v1/answer", _asking(service, ""), methods=["POST"], include_in_schema=False)
    app.add_api_route("/api/v1/answer", _reading(service), methods=["GET"], include_in_schema=False)


def _asking(service: Service, ask: str) -> Callable[[Request], Awaitable[Response]]:
    async def asking(request: Request) -> Response:
        text = await body_of(request, service.settings)
        return _noted(request, await service.answer(ask, text))

    return asking


def _reading(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def reading(request: Request) -> Response:
        values = request.query_params.getlist("q")
        if len(values) != 1:
            raise RefusedError(422, "question", f"q: given {len(values):,} times; expected once: the question as JSON")
        known = request.headers.get("if-none-match", "").strip().removeprefix("W/").strip('"')
        return _noted(request, await service.answer("", values[0].encode("utf-8", "replace"), known or None))

    return reading


def _noted(request: Request, answered: Answered) -> Response:
    """The response; its lane goes to the log."""
    request.scope["weighbridge.lane"] = answered.lane
    return answered.response


@cache
def catalogues() -> str:
    """Models, families and devices, as the commands list them."""
    families = answer({"ask": "models", "options": {"families": True}})["families"]
    return encoded(
        {
            "models": answer({"ask": "models"})["models"],
            "families": families,
            "devices": answer({"ask": "clusters"})["devices"],
        }
    )


def _add_plain(app: FastAPI, service: Service) -> None:
    """Catalogues, descriptions, and what those who run the service ask."""

    async def health() -> Response:
        return _json(encoded({"status": "ok", "version": __version__}), "no-store")

    async def ready() -> Response:
        if not service.lanes.ready:
            raise RefusedError(503, "busy", "workers are starting", {"Retry-After": "1"})
        return _json(encoded({"status": "ready", "version": __version__}), "no-store")

    async def figures() -> Response:
        return Response(service.metrics.page(), 200, {"Cache-Control": "no-store"}, METRICS_TYPE)

    async def catalogue() -> Response:
        return _json(catalogues())

    async def openapi() -> Response:
        return _json(encoded(description()))

    async def fields_of(request: Request) -> Response:
        ask = request.path_params["ask"]
        if ask not in OFFERED:
            raise RefusedError(404, "not-found", f"nothing is asked by that name; allowed: {', '.join(OFFERED)}")
        return _json(encoded(fields(ask)))

    places: dict[str, Callable[..., Awaitable[Response]]] = {
        "/health": health,
        "/ready": ready,
        "/metrics": figures,
        "/api/v1/catalogue": catalogue,
        "/api/v1/openapi.json": openapi,
        "/api/v1/fields/{ask}": fields_of,
    }
    for place, of in places.items():
        app.add_api_route(place, of, methods=["GET"], include_in_schema=False)


def _json(text: str, caching: str = "public, max-age=300") -> Response:
    return Response(text, 200, {"Cache-Control": caching}, JSON)


async def _no_page() -> Response:
    return not_built(__version__)


async def _refused(request: Request, error: Any) -> Response:
    response: Response = error.response()
    return response


KINDS = {404: "not-found", 405: "method"}


async def _refused_by_http(request: Request, error: Any) -> Response:
    """What the router refuses, as problem details."""
    kind = KINDS.get(error.status_code, "question")
    return RefusedError(error.status_code, kind, str(error.detail), error.headers).response()


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
            refused = RefusedError(
                500, "defect", "a defect of Weighbridge, please report it; the service's log says where"
            )
            await refused.response()(scope, receive, sending)
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
