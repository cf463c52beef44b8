"""The service asks nothing of the network for a caller, unless the operator turned the hub on; then its hosts alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.server.conftest import Running, served
from tests.server.test_problems import check

CONFIG = json.dumps({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4})


@dataclass
class Hub:
    """A hub of one repository on this machine, which notes what it is asked.

    Attributes:
        port: where it listens.
        asked: paths that came.
        to: where it sends callers on for a file; empty to answer itself.
    """

    port: int = 0
    asked: list[str] = field(default_factory=list)
    to: str = ""


@contextmanager
def hub_running(host: str = "127.0.0.1") -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.asked.append(self.path)
            there = "/own/model/resolve/" in self.path and self.path.endswith("/config.json")
            if there and hub.to:
                self.send_response(302)
                self.send_header("Location", hub.to)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200 if there else 404)
            body = CONFIG.encode() if there else b"{}"
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"0123456789abcdef"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((host, 0), Handler) as server:
        hub.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hub
        server.shutdown()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_running() as running:
        yield running


def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """Where a service looks for the hub, and keeps what it reads."""
    own = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"), "")
    return {**own, "HF_ENDPOINT": f"http://127.0.0.1:{hub.port}", "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": "x"}


ASKED = {"model": "own/model"}


def asks(running: Running) -> str:
    """What the service says of a model of the hub that it does not read."""
    answer = running.ask("params", ASKED)
    check(answer, 422, "question")
    return str(answer.data["detail"])


def test_nothing_is_asked_of_the_network(hub: Hub, tmp_path: Path) -> None:
    with served(env=environment(hub, tmp_path)) as running:
        said = asks(running)
        for question in (
            {"model": "own/model", "options": {"headers": True}},
            {"model": "own/model:Q4_K_M"},
            {"model": f"http://127.0.0.1:{hub.port}/own/model"},
            {
                "model": {
                    "model_type": "llama",
                    "auto_map": {"AutoConfig": "own/model--x.y"},
                    "_name_or_path": "own/model",
                }
            },
        ):
            assert running.ask("params", question).status in (200, 422)
    assert "own/model" in said
    assert hub.asked == []
    assert not (tmp_path / "hf").exists()


def test_the_operator_may_let_questions_name_repositories(hub: Hub, tmp_path: Path) -> None:
    with served("--hub", "--hub-host", "127.0.0.1", env=environment(hub, tmp_path)) as running:
        answer = running.ask("params", ASKED)
        assert answer.status == 200, answer.body
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
        expected = running.ask("params", {"model": json.loads(CONFIG)}).data
        assert answer.data["parameters"] == expected["parameters"]
        assert hub.asked
        secret = running.ask("params", {"model": "/etc/passwd"})
        assert secret.status == 422


def test_hosts_that_were_not_named_are_not_asked(hub: Hub, tmp_path: Path) -> None:
    with served("--hub", "--hub-host", "*.example.org", env=environment(hub, tmp_path)) as running:
        assert "own/model" in asks(running)
    assert hub.asked == []


def test_a_redirect_into_the_local_network_is_not_followed(hub: Hub, tmp_path: Path) -> None:
    with hub_running("127.0.0.2") as inner:
        hub.to = f"http://127.0.0.2:{inner.port}/own/model/resolve/main/config.json"
        with served("--hub", "--hub-host", "127.0.0.1", env=environment(hub, tmp_path)) as running:
            said = asks(running)
            assert running.ask("params", {"model": "gpt2"}).status == 200
        assert hub.asked
        assert inner.asked == []
    assert "own/model" in said
