"""Parts of files over HTTP: bounded in bytes and in time, redirected safely, every refusal in one line."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO
from urllib.parse import urlsplit

from weighbridge.errors import UnreadableError, shown

PATIENCE = 10.0
"""Seconds to wait for a server's next bytes."""

ALLOWED = 120.0
"""Seconds that everything asked of one repository may take."""

CHUNK = 2**16
"""Bytes taken at a time; between two the clock is looked at."""

STATUS = {
    401: "it is private or gated, or there is none; set HF_TOKEN to a token that may read it",
    403: "it is gated; ask for access on its page and set HF_TOKEN",
    404: "there is none",
    408: "the server waited in vain; try again",
    429: "too many requests; try again later, or set HF_TOKEN",
}
"""What to do about answers."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects as urllib follows them (ten at most, the token left out), but never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError("it redirects from https to http")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass
class Web:
    """Requests to one server, within one span of time.

    Attributes:
        headers: sent with every request and passed on when redirected.
        private: sent to the server alone (the token).
        allowed: seconds for all of them.
    """

    headers: Mapping[str, str]
    private: Mapping[str, str]
    allowed: float = ALLOWED
    _ends: float = field(init=False)

    def __post_init__(self) -> None:
        self._ends = time.monotonic() + self.allowed

    def whole(self, url: str, what: str, most: int) -> bytes:
        """A whole answer of at most so many bytes.

        Raises:
            UnreadableError: for a longer one, or none.
        """
        with self._opened(url, what, {}) as answer:
            found = self._body(answer, what, most + 1)
        if len(found) > most:
            raise UnreadableError(f"{what}: the server's answer has more than {most:,} bytes, which is not read")
        return found

    def part(self, url: str, what: str, start: int, length: int) -> tuple[bytes, int]:
        """So many bytes of a file from a place on, and the bytes of the whole file.

        Raises:
            UnreadableError: where the server does not send that part, or anything.
        """
        with self._opened(url, what, {"Range": f"bytes={start}-{start + length - 1}"}) as answer:
            size = self._size(answer, what, start, length)
            wanted = min(length, max(size - start, 0))
            found = self._body(answer, what, wanted)
        if len(found) < wanted:
            raise UnreadableError(f"{what}: the server sent {len(found):,} of {wanted:,} bytes; try again")
        return found, size

    def _size(self, answer: HTTPResponse, what: str, start: int, length: int) -> int:
        """Bytes of the whole file, by the answer to a request for a part of it."""
        if answer.status == 206:
            found = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", answer.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != start:
                raise UnreadableError(f"{what}: the server sent another part than was asked for; {BY_HAND}")
            return int(found[3])
        size = answer.headers.get("Content-Length", "")
        if start == 0 and re.fullmatch(r"\d{1,18}", size) and int(size) <= length:
            return int(size)
        raise UnreadableError(
            f"{what}: the server ignores range requests, so that headers cannot be had alone; {BY_HAND}"
        )

    def _opened(self, url: str, what: str, more: Mapping[str, str]) -> HTTPResponse:
        request = urllib.request.Request(url, headers={**self.headers, **more, "Accept-Encoding": "identity"})
        for name, value in self.private.items():
            request.add_unredirected_header(name, value)
        try:
            opener = urllib.request.build_opener(_Redirects)
            answer: HTTPResponse = opener.open(request, timeout=min(PATIENCE, self._left(what)))
        except urllib.error.HTTPError as error:
            error.close()
            raise UnreadableError(f"{what}: {_meaning(error.code, error.headers)}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise UnreadableError(f"{what}: {_unreached(error)}") from None
        return answer

    def _body(self, answer: HTTPResponse, what: str, most: int) -> bytes:
        """The answer's first bytes, as long as time allows."""
        found = bytearray()
        try:
            while len(found) < most:
                self._left(what)
                chunk = answer.read1(min(CHUNK, most - len(found)))
                if not chunk:
                    break
                found += chunk
        except (OSError, HTTPException) as error:
            raise UnreadableError(f"{what}: {_unreached(error)}") from None
        return bytes(found)

    def _left(self, what: str) -> float:
        """Seconds left.

        Raises:
            UnreadableError: where there are none.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise UnreadableError(f"{what}: not read in {self.allowed:g} seconds; try again, or {BY_HAND}")
        return left


BY_HAND = "download the file and give its path"


def _meaning(status: int, headers: Message) -> str:
    """What an answer that is a refusal means, and what to do."""
    code = headers.get("X-Error-Code", "")
    if code == "GatedRepo":
        return STATUS[403]
    said = STATUS.get(status)
    if said is None:
        said = "try again later" if status >= 500 else "it cannot be read"
        said = "it redirects in circles" if 300 <= status < 400 else said
    return f"the server answered {status}: {said}"


def _unreached(error: Exception) -> str:
    """Why no answer came, and what to do."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return f"no answer in {PATIENCE:g} seconds; try again, or {BY_HAND}"
    text = str(reason).splitlines()[0] if str(reason) else type(error).__name__
    return f"the server cannot be reached ({shown(text, 100)}); {BY_HAND}"
