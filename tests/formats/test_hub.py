"""Hugging Face ids: the configuration only, from the cache or a hub on loopback, and one line when there is none."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CONFIG = json.dumps({"model_type": "gpt2", "vocab_size": 100, "n_embd": 8, "n_head": 2, "n_layer": 1}).encode()

QUANTISED = json.dumps({"quantization": {"quant_algo": "FP8", "exclude_modules": ["lm_head"]}}).encode()

FILES = {
    "/someone/tiny/resolve/main/config.json": CONFIG,
    "/someone/quantised/resolve/main/config.json": CONFIG,
    "/someone/quantised/resolve/main/hf_quant_config.json": QUANTISED,
}


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for repositories with a configuration, one without, and one that is gated."""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        file = FILES.get(self.path.partition("?")[0])
        if file is not None:
            tag = f'"{len(file)}"'
            self.reply(200, file, {"ETag": tag, "X-Repo-Commit": "0" * 40}, body)
        elif self.path.startswith(("/someone/empty/", "/someone/tiny/")):
            self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
        elif self.path.startswith("/someone/gated/"):
            self.reply(403, b"", {"X-Error-Code": "GatedRepo"})
        else:
            self.reply(404, b"", {"X-Error-Code": "RepoNotFound"})

    def reply(self, status: int, content: bytes, headers: dict[str, str], body: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def run(model: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, because the hub's library reads the environment once."""
    code = "from weighbridge.cli import main; main()"
    settings = {"HF_HOME": str(tmp_path), "PATH": "", "NO_PROXY": "*", **environment}
    command = [sys.executable, "-c", code, "params", model]
    return subprocess.run(command, capture_output=True, text=True, env=settings, timeout=60, check=False)


def test_a_repository_gives_its_configuration_and_the_cache_keeps_it(endpoint: str, tmp_path: Path) -> None:
    first = run("someone/tiny", tmp_path, HF_ENDPOINT=endpoint)
    assert "someone/tiny" in first.stdout, first.stderr
    offline = run("someone/tiny", tmp_path, HF_ENDPOINT=endpoint, HF_HUB_OFFLINE="1")
    assert offline.stdout == first.stdout


def test_what_stands_beside_the_configuration_is_read_too(endpoint: str, tmp_path: Path) -> None:
    done = run("someone/quantised", tmp_path, HF_ENDPOINT=endpoint)
    assert "stored as fp8, one scale per tensor:" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("repository", "message"),
    [
        ("someone/empty", "the repository has no config.json"),
        ("someone/gated", "gated"),
        ("someone/nothing", "no such repository"),
    ],
)
def test_the_hub_says_no_in_one_line(repository: str, message: str, endpoint: str, tmp_path: Path) -> None:
    done = run(repository, tmp_path, HF_ENDPOINT=endpoint)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert message in done.stderr


@pytest.mark.parametrize("environment", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_without_a_network_there_is_one_line_and_no_hang(environment: dict[str, str], tmp_path: Path) -> None:
    done = run("someone/tiny", tmp_path, **environment)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "someone/tiny" in done.stderr
    assert "catalogue name" in done.stderr
