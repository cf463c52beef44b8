"""A hub on loopback: repositories whose files answer as good servers do, and as bad ones do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.formats.weights.files import LLAMA, gguf, llama_tensors, safetensors
from tests.formats.weights.test_gguf import LLAMA as GGUF_LLAMA
from tests.formats.weights.test_gguf import tiny

CONFIG = json.dumps(LLAMA).encode()
WHOLE = safetensors(llama_tensors())
FIRST, SECOND = safetensors(llama_tensors((0,), False)), safetensors(llama_tensors((1,)))
SHARDS = {"model-00001-of-00002.safetensors": FIRST, "model-00002-of-00002.safetensors": SECOND}
WEIGHT_MAP = {
    **dict.fromkeys(llama_tensors((0,), False), "model-00001-of-00002.safetensors"),
    **dict.fromkeys(llama_tensors((1,)), "model-00002-of-00002.safetensors"),
}
TOTAL = 2 * 74_560
INDEX = {"metadata": {"total_size": TOTAL}, "weight_map": WEIGHT_MAP}
GGUF = gguf(tiny(), GGUF_LLAMA)

REPOSITORIES: dict[str, dict[str, bytes]] = {
    "good/tiny": {"config.json": CONFIG, "model.safetensors": WHOLE},
    "good/sharded": {"config.json": CONFIG, "model.safetensors.index.json": json.dumps(INDEX).encode(), **SHARDS},
    "good/ggufs": {f"tiny-{tag}.gguf": GGUF for tag in ("Q2_K", "Q4_K_M", "Q8_0")} | {"mmproj-F16.gguf": GGUF},
    "good/gguf": {"tiny-Q8_0.gguf": GGUF},
    "good/split": {"config.json": CONFIG, **SHARDS},
    "bad/config": {"model.safetensors": WHOLE},
    "bad/unknown": {"config.json": b'{"model_type": "nobody"}', "model.safetensors": WHOLE},
    "bad/empty": {"config.json": CONFIG},
    "bad/missing": {"config.json": CONFIG, "model-00001-of-00002.safetensors": FIRST},
    "bad/cut": {"config.json": CONFIG, "model.safetensors": WHOLE[:5000]},
    "bad/long": {"config.json": CONFIG, "model.safetensors": (10 * 10**9).to_bytes(8, "little") + bytes(5000)},
}

LARGE = 10 * 10**9
"""Bytes that the file of ``good/large`` is said to have; only its header is real."""

BEHAVIOURS = ("norange", "slow", "silent", "redirect", "loop", "shifted", "short", "grows", "large", "nolist")
"""Repositories ``odd/NAME`` that hold ``good/tiny``'s files, and answer in a way of their own; ``status/N`` answers N.
"""


@dataclass
class Seen:
    """What a server was asked and what it sent.

    Attributes:
        sent: bytes of bodies.
        tokens: host, path and token of each request; the token may be empty.
    """

    sent: int = 0
    tokens: list[tuple[str, str, str]] = field(default_factory=list)


class Hub(BaseHTTPRequestHandler):
    """Answers requests for lists and files."""

    seen: Seen

    def do_HEAD(self) -> None:
        self.answer(False)

    def do_GET(self) -> None:
        self.answer(True)

    def answer(self, body: bool) -> None:
        self.body = body
        asked = (self.headers.get("Host", ""), self.path, self.headers.get("Authorization", ""))
        self.seen.tokens.append(asked)
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self.listed("/".join(parts[2:]))
        else:
            self.file("/".join(parts[:2]), "/".join(parts[4:]))

    def listed(self, repository: str) -> None:
        kind, _, name = repository.partition("/")
        if kind == "status":
            self.reply(int(name), b"<html>no</html>")
            return
        files = REPOSITORIES.get("good/tiny" if kind == "odd" else repository)
        if name == "nolist":
            self.reply(200, b"<html>a page</html>")
        elif files is None:
            self.reply(404, b"", {"X-Error-Code": "RepoNotFound"})
        else:
            self.reply(200, json.dumps({"siblings": [{"rfilename": file} for file in files]}).encode())

    def file(self, repository: str, name: str) -> None:
        kind, _, way = repository.partition("/")
        content = REPOSITORIES.get("good/tiny" if kind == "odd" else repository, {}).get(name)
        if content is None:
            self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
        elif kind == "odd" and name.endswith(".safetensors"):
            getattr(self, way)(content)
        else:
            self.part(content, len(content))

    def part(self, content: bytes, size: int, shift: int = 0) -> None:
        """The part that was asked for, the whole where none was."""
        asked = self.headers.get("Range", "")
        if not asked:
            self.reply(200, content, {"ETag": f'"{len(content)}"', "X-Repo-Commit": "0" * 40})
            return
        start, end = (int(number) for number in asked.removeprefix("bytes=").split("-"))
        end = min(end, size - 1)
        found = content[start : end + 1]
        found += bytes(end + 1 - start - len(found))
        self.reply(206, found, {"Content-Range": f"bytes {start + shift}-{end + shift}/{size}"})

    def norange(self, content: bytes) -> None:
        self.reply(200, content + bytes(10**6))

    def slow(self, content: bytes) -> None:
        self.send_response(206)
        self.send_header("Content-Range", f"bytes 0-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for byte in content:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.02)

    def silent(self, content: bytes) -> None:
        time.sleep(3)

    def redirect(self, content: bytes) -> None:
        """To the same server under another name, as a hub redirects to where its files are stored."""
        host = self.headers.get("Host", "")
        if host.startswith("localhost"):
            self.part(content, len(content))
        else:
            self.reply(302, b"", {"Location": f"http://{host.replace('127.0.0.1', 'localhost')}{self.path}"})

    def loop(self, content: bytes) -> None:
        self.reply(302, b"", {"Location": self.path})

    def shifted(self, content: bytes) -> None:
        self.part(content, len(content), 100)

    def short(self, content: bytes) -> None:
        self.send_response(206)
        self.send_header("Content-Range", f"bytes 0-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:100])
        self.close_connection = True

    def grows(self, content: bytes) -> None:
        content = (2**19).to_bytes(8, "little") + bytes(2**19)
        self.part(content, len(content) + len(self.seen.tokens))  # known before it answers

    def large(self, content: bytes) -> None:
        header = json.dumps({"a": {"dtype": "U8", "shape": [LARGE - 1000], "data_offsets": [0, LARGE - 1000]}}).encode()
        header += b" " * (992 - len(header))
        self.part(len(header).to_bytes(8, "little") + header, LARGE)

    def reply(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.body:
            with suppress(OSError):  # the client may have seen enough
                self.wfile.write(content)
            self.seen.sent += len(content)

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def hub() -> Iterator[tuple[str, Seen]]:
    """A server's address, and what it sees."""
    seen = Seen()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Seeing", (Hub,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
