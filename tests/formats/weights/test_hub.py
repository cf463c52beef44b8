"""Headers of a Hugging Face repository by range requests: a real client, and a real server that may misbehave."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import weighbridge as wb
from tests.formats.weights.server import LARGE, TOTAL, Seen, hub
from weighbridge.errors import UnreadableError
from weighbridge.formats.weights import read, web

PYTHON_PATH = os.environ.get("PYTHONPATH", "")

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Seen]:
    """A hub that the hub's own library is pointed at."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with hub() as (address, seen):
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
        yield seen


@pytest.mark.parametrize("name", ["good/tiny", "good/sharded", "good/split"])
def test_headers_alone_give_every_tensor(name: str, server: Seen) -> None:
    file = read(name)
    assert file.bytes == TOTAL
    assert (len(file.tensors), file.files) == (21, 1 if name == "good/tiny" else 2)


def test_a_file_of_a_repository_may_be_named(server: Seen) -> None:
    assert read("good/sharded/model-00001-of-00002.safetensors").bytes == TOTAL
    assert read("good/gguf").form == "gguf"
    assert wb.load("good/ggufs:Q8_0").model_type == "llama"
    assert wb.load("good/ggufs/tiny-Q4_K_M.gguf").config.hidden_size == 64


def test_of_ten_gigabytes_a_few_kilobytes_are_asked_for(server: Seen) -> None:
    file = read("odd/large")
    assert (file.size, file.bytes) == (LARGE, LARGE - 1000)
    assert server.sent < 300_000


def test_redirects_are_followed_without_the_token(server: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert read("odd/redirect").bytes == TOTAL
    assert {token for host, _, token in server.tokens if host.startswith("127.")} == {"Bearer hf_secret"}
    assert {token for host, _, token in server.tokens if host.startswith("localhost")} == {""}


BAD = {
    "odd/norange": "model.safetensors: the server ignores range requests, so that headers cannot be had alone",
    "odd/loop": "it redirects in circles",
    "odd/shifted": "the server sent another part than was asked for; download the file and give its path",
    "odd/short": "the server sent 100 of",
    "odd/grows": "the server gives another size than before; try again",
    "odd/nolist": "list of files is not understood; see that HF_ENDPOINT is a Hugging Face hub",
    "status/401": "the server answered 401: it is private or gated, or there is none; set HF_TOKEN",
    "status/403": "the server answered 403: it is gated; ask for access on its page and set HF_TOKEN",
    "nobody/nothing": "nobody/nothing: the server answered 404: there is none",
    "status/429": "the server answered 429: too many requests; try again later, or set HF_TOKEN",
    "status/418": "the server answered 418: it cannot be read",
    "status/500": "the server answered 500: try again later",
    "status/503": "the server answered 503: try again later",
    "bad/empty": "bad/empty holds no .safetensors and no .gguf file",
    "bad/missing": "1 of 2 files are missing, such as model-00002-of-00002.safetensors",
    "bad/cut": "bad/cut/model.safetensors has 2,725 bytes of data; its header describes 149,120",
    "bad/long": "says that its header has 10,000,000,000 bytes, and has 5,008 itself",
    "good/ggufs": "3 models: tiny-Q2_K.gguf, tiny-Q4_K_M.gguf, tiny-Q8_0.gguf; say which, as in good/ggufs:Q8_0",
    "good/ggufs:Q4_K": 'no GGUF file is called "Q4_K"; there are Q2_K, Q4_K_M, Q8_0; did you mean Q4_K_M',
    "good/gguf/other.gguf": "the server answered 404: there is none",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_one_line(name: str, server: Seen, cli: Cli) -> None:
    status, out, err = cli("params", name, "--headers")
    assert (status, out) == (2, "")
    assert BAD[name] in err, err
    assert err.count("\n") == 1


def test_a_silent_server_is_not_waited_for(server: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "PATIENCE", 0.3)
    with pytest.raises(UnreadableError, match=r"no answer in 0.3 seconds; try again, or download the file"):
        read("odd/silent")


def test_a_slow_server_gets_so_much_time(server: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web.Web, "__post_init__", lambda self: setattr(self, "_ends", time.monotonic() + 0.5))
    with pytest.raises(UnreadableError, match=r"not read in 120 seconds; try again, or download the file"):
        read("odd/slow")


def test_no_server_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(UnreadableError, match=r"the server cannot be reached .* download the file and give its path"):
        read("good/tiny")


def test_https_is_never_left_for_http() -> None:
    import urllib.error
    import urllib.request
    from http.client import HTTPMessage
    from io import BytesIO

    request = urllib.request.Request("https://hub.example/a")
    with pytest.raises(urllib.error.URLError, match="redirects from https to http"):
        web._Redirects().redirect_request(request, BytesIO(), 302, "", HTTPMessage(), "http://hub.example/a")


def run(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, because the hub's library reads the environment once."""
    code = "from weighbridge.cli import main; main()"
    settings = {"HF_HOME": str(tmp_path), "PATH": "", "NO_PROXY": "*", "PYTHONPATH": PYTHON_PATH, **environment}
    command = [sys.executable, "-c", code, "params", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=settings, timeout=60, check=False)


def test_the_command_line_reads_headers_and_leaves_no_weights(tmp_path: Path) -> None:
    with hub() as (address, seen):
        found = run(tmp_path, "good/sharded", "--headers", HF_ENDPOINT=address, HF_TOKEN="hf_secret")
        assert "every tensor is one of the architecture's, in its shape; 74,560 parameters in them" in found.stdout
        assert "21 tensors in 2 files, 149,120 bytes" in found.stdout
        ours = [token for _, path, token in seen.tokens if path.startswith("/api/models/") or "safetensors" in path]
        assert set(ours) == {"Bearer hf_secret"}
    kept = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert not [name for name in kept if "safetensors" in name or name.endswith(".incomplete")]


def test_weights_without_a_known_configuration_have_their_bytes(tmp_path: Path) -> None:
    with hub() as (address, _):
        for name, why in (("bad/config", "no config.json"), ("bad/unknown", "is not covered")):
            found = run(tmp_path, name, "--headers", HF_ENDPOINT=address)
            assert found.returncode == 0, found.stderr
            assert why in " ".join(found.stdout.split())
            assert "149,120 bytes" in found.stdout


def test_offline_the_cache_must_do(tmp_path: Path) -> None:
    found = run(tmp_path, "good/tiny", "--headers", HF_HUB_OFFLINE="1")
    assert found.returncode == 2
    assert found.stderr.endswith("HF_HUB_OFFLINE is set; unset it, or give a file's path\n")
    folder = tmp_path / "hub" / "models--good--tiny"
    snapshot = folder / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0" * 40)
    from tests.formats.weights.server import REPOSITORIES

    for name, content in REPOSITORIES["good/tiny"].items():
        (snapshot / name).write_bytes(content)
    found = run(tmp_path, "good/tiny", "--headers", HF_HUB_OFFLINE="1")
    assert "every tensor is one of the architecture's" in found.stdout, found.stderr
