"""What the service says of itself, the same for everybody: catalogues, fields, the description; and of its state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from hashlib import blake2b

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from weighbridge import __version__
from weighbridge.answer import answer, fields
from weighbridge.answer.exchange import encoded
from weighbridge.errors import did_you_mean
from weighbridge.server.metrics import MEDIA_TYPE as METRICS_TYPE
from weighbridge.server.openapi import description
from weighbridge.server.packing import fitted
from weighbridge.server.problems import RefusedError
from weighbridge.server.service import Service
from weighbridge.server.settings import OFFERED

JSON = "application/json"
NO_STORE = {"Cache-Control": "no-store"}
KEPT = "public, max-age=300"

READS = ["GET", "HEAD"]

OWN = ("/health", "/ready", "/metrics")
"""Places of the service outside ``/api/``."""


def add_documents(app: FastAPI, service: Service) -> None:
    """Places of documents, and of what those who run the service ask."""

    async def health() -> Response:
        return Response(encoded({"status": "ok", "version": __version__}), 200, NO_STORE, JSON)

    async def ready() -> Response:
        service.check_ready()
        return Response(encoded({"status": "ready", "version": __version__}), 200, NO_STORE, JSON)

    async def figures() -> Response:
        return Response(service.metrics.page(), 200, NO_STORE, METRICS_TYPE)

    async def catalogue(request: Request) -> Response:
        return document(request, catalogues())

    async def openapi(request: Request) -> Response:
        return document(request, described())

    async def fields_of(request: Request) -> Response:
        ask = request.path_params["ask"]
        if ask not in OFFERED:
            near = did_you_mean(ask, OFFERED)
            raise RefusedError(404, "not-found", f"no ask of that name; allowed: {', '.join(OFFERED)}{near}")
        return document(request, fields_text(ask))

    places: dict[str, Callable[..., Awaitable[Response]]] = {
        **dict(zip(OWN, (health, ready, figures), strict=True)),
        "/api/v1/catalogue": catalogue,
        "/api/v1/openapi.json": openapi,
        "/api/v1/fields/{ask}": fields_of,
    }
    for place, of in places.items():
        app.add_api_route(place, of, methods=READS, include_in_schema=False)


def document(request: Request, text: str) -> Response:
    """A document that changes with the version only, unless the caller has it already."""
    etag = blake2b(text.encode(), digest_size=16).hexdigest()
    headers = {"ETag": f'W/"{etag}"', "Cache-Control": KEPT}
    if etag in tags(request):
        return Response(status_code=304, headers=headers)
    return fitted(Response(text, 200, headers, JSON), request.headers)


def tags(request: Request) -> frozenset[str]:
    """The entity tags of what a caller says it holds."""
    held = request.headers.get("if-none-match", "").split(",")
    return frozenset(one.strip().removeprefix("W/").strip('"') for one in held)


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


@cache
def described() -> str:
    """The description of the service."""
    return encoded(description())


@cache
def fields_text(ask: str) -> str:
    """Fields of a question."""
    return encoded(fields(ask))
