"""The page's files: those whose names hold a hash of their content are kept for ever, others are asked for again."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from weighbridge import __version__
from weighbridge.server.headers import PAGE, POLICY
from weighbridge.server.packing import LEAST, ONCE, packed, reads_gzip
from weighbridge.server.problems import of_http

HASHED = re.compile(r"-(?:[A-Z2-7]{8}|[0-9a-f]{12})\.\w+$|(?:^|/)[0-9a-f]{12}/[^/]+$")
"""A name, or the folder of a name, with the hash of its content, as the page's build writes them
(``assets/main-ZWCI57AX.js``, ``python/5743a7c2cd02/pyodide.asm.wasm``).
"""

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"

TYPES = {
    ".mjs": "text/javascript",
    ".pack": "application/octet-stream",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Media types that not every machine's table has; a browser compiles WebAssembly as it comes only by its own."""

SHRINK = frozenset({".css", ".html", ".js", ".json", ".mjs", ".svg", ".wasm", ".webmanifest"})
"""Files that gzip makes smaller; the others are packed already."""

SERVICE = f'<meta name="weighbridge-service" content="{escape(__version__)}">'
"""What tells the page that a service answers, so that it does not load Python."""

NOT_BUILT = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Weighbridge</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>Weighbridge {escape(__version__)}</h1>
<p>The service runs; the page is not built. In the repository, <code>make site</code> builds it, and
<code>weighbridge serve --site FOLDER</code> serves it from there.</p>
<p>What can be asked: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p></main></body></html>
"""


class Site(StaticFiles):
    """The built page."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)
        self._page = (folder / "index.html").read_text("utf-8").replace("<head>", f"<head>\n    {SERVICE}", 1)
        self._packed: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except HTTPException as error:
            await of_http(error).response()(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code not in (200, 206, 304):
            return response
        end = Path(path).suffix
        if path in (".", "index.html"):
            response, end = HTMLResponse(self._page), ".html"
        response.headers["Cache-Control"] = FOR_EVER if HASHED.search(path) else ASK_AGAIN
        response.headers[POLICY] = PAGE
        if end in TYPES:
            response.headers["Content-Type"] = TYPES[end]
        if end in SHRINK and response.status_code == 200:
            return await self._fitted(path, response, Headers(scope=scope))
        return response

    async def _fitted(self, path: str, response: Response, asked: Headers) -> Response:
        """A whole file, in gzip where its caller reads that; each is packed once."""
        response.headers["Vary"] = "Accept-Encoding"
        size = int(response.headers.get("content-length", "0"))
        if size < LEAST or not reads_gzip(asked) or "range" in asked:
            return response
        if path not in self._packed:
            own = getattr(response, "path", None)
            self._packed[path] = await to_thread.run_sync(
                lambda: packed(Path(own).read_bytes() if own else bytes(response.body), ONCE)
            )
        body = self._packed[path]
        headers = {**response.headers, "content-encoding": "gzip", "content-length": str(len(body))}
        return Response(body, 200, headers)


def built(folder: Path) -> bool:
    """Whether a folder holds the page."""
    return (folder / "index.html").is_file()


def not_built() -> HTMLResponse:
    """What stands in the page's place until it is built."""
    return HTMLResponse(NOT_BUILT, headers={"Cache-Control": "no-store", POLICY: PAGE})
