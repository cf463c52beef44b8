"""Sessions of the documentation that ask the service: the little of curl, jq and grep that they use, for real.

``curl URL [-s] [-i] [-H HEADER] [-d DATA] [--data-urlencode NAME=VALUE -G]``, then perhaps ``| jq [-c] PATHS`` or
``| grep WORDS``. Port 8000 stands for that of the service which the first of them starts.
"""

from __future__ import annotations

import atexit
import json
import re
from functools import cache
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.server.conftest import start, stop

PASSING = ("date", "x-request-id")
"""Headers that differ each time."""


@cache
def port() -> int:
    """Where the service listens that the sessions ask; it ends with this process."""
    running = start("--workers", "1", "--slow-workers", "1")
    atexit.register(stop, running)
    return running.port


def session(words: list[str]) -> str:
    """What a line prints."""
    before, *after = _split(words)
    text = curl(before[1:])
    for program, *arguments in after:
        text = {"jq": jq, "grep": grep}[program](text, arguments)
    return text if text.endswith("\n") else f"{text}\n"


def _split(words: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            found.append([])
        else:
            found[-1].append(word)
    return found


def curl(words: list[str]) -> str:
    """A request and its response."""
    address, body, shown = "", None, False
    headers: dict[str, str] = {}
    asked: list[tuple[str, str]] = []
    rest = iter(words)
    for word in rest:
        if word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(rest)
        elif word == "--data-urlencode":
            name, _, value = next(rest).partition("=")
            asked.append((name, value))
        elif word == "-i":
            shown = True
        elif word not in ("-s", "-G"):
            address = word
    parts = urlsplit(f"http://{address.removeprefix('http://')}")
    assert parts.port == 8000, f"{address}: sessions ask port 8000"
    connection = HTTPConnection("127.0.0.1", port(), timeout=60)
    query = f"?{urlencode(asked)}" if asked else ""
    connection.request("POST" if body is not None else "GET", parts.path + query, body, headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    lines = [f"{name}: {value}" for name, value in response.getheaders() if name.lower() not in PASSING]
    return "\n".join([f"HTTP/1.1 {response.status} {response.reason}", *lines, "", text]) if shown else text


def jq(text: str, words: list[str]) -> str:
    """The values at some paths."""
    data = json.loads(text)
    indent, separators = (None, (",", ":")) if "-c" in words else (2, None)
    paths = [path.strip() for path in words[-1].split(",")]
    found = [json.dumps(_at(data, path), indent=indent, separators=separators, ensure_ascii=False) for path in paths]
    return "\n".join(found)


def _at(data: Any, path: str) -> Any:
    for name, number in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        data = data[name] if name else data[int(number)]
    return data


def grep(text: str, words: list[str]) -> str:
    """Lines that hold a word."""
    return "\n".join(line for line in text.splitlines() if re.search(words[-1], line))
