"""The page's files: those whose names hold a hash of their content are kept for ever, others are asked for again."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

HASHED = re.compile(r"[.-][0-9A-Za-z_-]{8,64}\.[a-z0-9.]{1,12}$")
"""A name with a hash before its ending: ``main.3f2a91bc.js``, ``python-3f2a91bc.wasm``."""

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"

PAGE = "index.html"

MARK = '<meta name="weighbridge-service" content="api/v1">'
"""By this the page knows that the machine it came from answers, and loads no Python of its own."""

NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Weighbridge</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>Weighbridge {version}</h1>
<p>The service runs; the page is not built. In the repository, <code>make site</code> builds it, and
<code>weighbridge serve --site FOLDER</code> serves it from there.</p>
<p>What can be asked: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p></main></body></html>
"""


def hashed(path: str) -> bool:
    """Whether a file's name holds a hash of its content: eight characters or more, a digit among them."""
    found = HASHED.search(path.rpartition("/")[2])
    return found is not None and any(c.isdigit() for c in found[0].partition(".")[2] or found[0])


class Site(StaticFiles):
    """The built page."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code in (200, 304):
            response.headers["Cache-Control"] = FOR_EVER if hashed(path) else ASK_AGAIN
        return response

    def file_response(self, full_path: Any, stat_result: Any, scope: Scope, status_code: int = 200) -> Response:
        """A file; the page itself with a mark by which it knows that a service answers."""
        if Path(full_path).name != PAGE:
            return super().file_response(full_path, stat_result, scope, status_code)
        text, tag = marked(Path(full_path), stat_result.st_mtime_ns)
        if Headers(scope=scope).get("if-none-match", "").removeprefix("W/") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return HTMLResponse(text, status_code, {"ETag": tag})


@lru_cache(maxsize=2)
def marked(page: Path, changed: int) -> tuple[str, str]:
    """The page's text with the mark, and its entity tag; ``changed`` is when the file did."""
    text = page.read_text("utf-8").replace("<head>", f"<head>{MARK}", 1)
    return text, f'"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"'


def built(folder: Path) -> bool:
    """Whether a folder holds the page."""
    return (folder / "index.html").is_file()


def not_built(version: str) -> HTMLResponse:
    """What stands in the page's place until it is built."""
    return HTMLResponse(NOT_BUILT.format(version=escape(version)), headers={"Cache-Control": "no-store"})
