"""Problem details (RFC 9457): what the service says where it has no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from weighbridge.answer.exchange import encoded

MEDIA_TYPE = "application/problem+json"

TYPES = {
    "question": "The question cannot be answered",
    "not-found": "There is nothing there",
    "method": "The method is not allowed",
    "media-type": "The body is not JSON",
    "size": "The body is too large",
    "body": "The body did not come",
    "too-much": "The question asks for too much computing",
    "busy": "Too many questions are waiting",
    "defect": "A defect of Weighbridge",
}
"""Kinds of problems, and their titles."""


@dataclass(eq=False)
class RefusedError(Exception):
    """A request that is refused.

    Attributes:
        status: as HTTP has it.
        kind: of :data:`TYPES`.
        detail: one line.
        headers: beside it.
    """

    status: int
    kind: str
    detail: str
    headers: Mapping[str, str] | None = None

    def response(self) -> Response:
        """What is sent."""
        body: dict[str, Any] = {
            "type": f"urn:weighbridge:problem:{self.kind}",
            "title": TYPES[self.kind],
            "status": int(HTTPStatus(self.status)),
            "detail": self.detail,
            "errors": [{"pointer": "#", "field": "", "detail": self.detail}],
        }
        return Response(encoded(body), self.status, dict(self.headers or {}), MEDIA_TYPE)
