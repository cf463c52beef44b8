"""Those who serve the page on this machine: a careful host of static files, and the service."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

SITE = Path(__file__).parents[2] / "src" / "weighbridge" / "web" / "site"

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""What the page may load and run: nothing of others, and no script that stands in a page or a string."""

TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Types that not every machine's table has."""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Static files with their types and headers."""

    protocol_version = "HTTP/1.1"

    def guess_type(self, path: Any) -> str:
        return TYPES.get(Path(path).suffix) or super().guess_type(path)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Host(http.server.ThreadingHTTPServer):
    """Answers each request in a thread; browsers that go away in the middle of an answer are nothing to report."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Server:
    """Serves a folder while it is entered; ``address`` is where."""

    def __init__(self, folder: Path) -> None:
        handler = functools.partial(Handler, directory=str(folder))
        self._server = Host(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Server:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Service:
    """``weighbridge serve`` in a process of its own while it is entered; ``address`` is where."""

    def __init__(self) -> None:
        self.address = ""

    def __enter__(self) -> Service:
        command = [sys.executable, "-c", "from weighbridge.cli import main; main()", "serve", "--port", "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if (port := _port(line)) and not self.address:
                self.address = f"http://127.0.0.1:{port}/"
            if '"message": "ready"' in line and self.address:
                break
        else:
            raise RuntimeError(f"weighbridge serve ended: {''.join(said)}")
        threading.Thread(target=self._process.stdout.read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


def _port(line: str) -> Any:
    try:
        return json.loads(line).get("port")
    except ValueError:
        return None
