"""Problem details (RFC 9457): what the service says where it has no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import Response

from weighbridge.answer.exchange import QUESTION, UNANSWERED, problem_details
from weighbridge.answer.problems import Problem

MEDIA_TYPE = "application/problem+json"

TYPES = {
    QUESTION: UNANSWERED,
    "request": "The request is no HTTP",
    "not-found": "There is nothing there",
    "method": "The method is not allowed",
    "media-type": "The body is not JSON",
    "size": "The request is too large",
    "body": "The request did not come",
    "too-much": "The question asks for too much computing",
    "busy": "Too many questions are waiting",
    "not-ready": "The service is starting or ending",
    "lost": "The process that answered has ended",
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
        body = problem_details(self.status, (Problem("", self.detail),), self.kind, TYPES[self.kind])
        headers = {"Cache-Control": "no-store", **(self.headers or {})}
        return Response(body, self.status, headers, MEDIA_TYPE)


def defect() -> RefusedError:
    """What is said of a mistake of the service's own."""
    return RefusedError(500, "defect", "a defect of Weighbridge, please report it; the service's log says where")


KINDS = {404: "not-found", 405: "method"}


def of_http(error: HTTPException) -> RefusedError:
    """What a router refuses, as problem details."""
    kind = KINDS.get(error.status_code, "request")
    return RefusedError(error.status_code, kind, str(error.detail), error.headers)
