"""weighbridge serve: its options, and what it says in one line where it cannot start."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.conftest import children, served
from weighbridge.cli.program import COMMANDS
from weighbridge.server.command import command, settings_of
from weighbridge.server.settings import SITE, Settings, processors

Cli = Callable[..., tuple[int, str, str]]

NONE = {option.name: None for option in command.params} | {"hub": False, "hub_host": (), "drain": 0.0}


def test_help_says_where_it_listens_and_what_it_needs(cli: Cli) -> None:
    status, out, _ = cli("serve", "--help")
    assert status == 0
    assert "127.0.0.1" in out
    assert 'pip install "weighbridge[serve]"' in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 100
    assert "serve" in COMMANDS


def test_help_needs_no_web_stack() -> None:
    code = (
        "import sys\nfrom weighbridge.cli import main\ntry:\n    main(['serve', '--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('fastapi', 'starlette', 'uvicorn', 'prometheus_client') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn", "prometheus_client", "httptools"])
def test_without_the_extra_it_says_how_to_install_it(missing: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    status, out, err = cli("serve", "--port", "0")
    assert (status, out) == (2, "")
    assert err == f'weighbridge: serve needs {missing}: pip install "weighbridge[serve]"\n'


def one_line(cli: Cli, *options: str) -> str:
    """What it refuses these options with."""
    status, out, err = cli("serve", *options)
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith("weighbridge: ")
    return err


def test_a_port_that_is_taken_is_named(cli: Cli) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = one_line(cli, "--port", str(port))
    assert f"--port: 127.0.0.1:{port} cannot be listened at" in said
    assert "choose another, or 0 for any" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "no such host"], '--host: got "no such host", which is no address here'),
        (["--host", "x" * 300], "which is no address here"),
        (["--host", "203.0.113.1"], "--host: 203.0.113.1:8000 cannot be listened at"),
        (["--port", "70000"], "got 70,000; allowed is 0 to 65,535"),
        (["--workers", "0"], "got 0; allowed is 1 to 256"),
        (["--seconds", "nan"], 'got "nan"; expected a number'),
        (["--max-body", "1"], "got 1; allowed is 1,024 to 1,073,741,824"),
        (["--log-level", "loud"], "'loud' is not one of"),
        (["--hub-host", "example.org"], '--hub-host: got "example.org"; of the hub, which --hub turns on'),
        (["--site", "/no/such/folder"], "does not exist"),
        (["--port", "1", "--port", "2"], "--port: given twice"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(options: list[str], said: str, cli: Cli) -> None:
    assert said in one_line(cli, *options)


def test_a_folder_without_the_page_is_refused(cli: Cli, tmp_path: Path) -> None:
    said = one_line(cli, "--site", str(tmp_path))
    assert said.endswith("which has no index.html; make site builds the page\n")


def test_the_user_may_not_take_a_low_port(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.bind", refused)
    assert "127.0.0.1:80 cannot be listened at: Permission denied" in one_line(cli, "--port", "80")


def test_defaults_are_those_of_the_settings() -> None:
    found = settings_of({**NONE, "queue": 256, "seconds": 20.0, "max_body": 8 * 2**20, "cache": 64 * 2**20})
    assert found == Settings()
    assert (found.quick, found.slow, found.site) == (processors(), max(1, processors() // 2), SITE)


def test_options_reach_the_settings() -> None:
    given = {"workers": 3, "slow_workers": 2, "queue": 7, "seconds": 1.5, "max_body": 4096, "cache": 0, "drain": 2.0}
    found = settings_of({**NONE, **given, "hub": True, "hub_host": ("*.example.org",)})
    assert found == Settings(
        quick=3, slow=2, queue=7, seconds=1.5, body=4096, cached=0, drain=2.0, hub=True, hub_hosts=("*.example.org",)
    )


def test_it_has_as_many_workers_as_it_is_told() -> None:
    with served("--workers", "2") as running:
        words = [Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in children(running)]
        assert [b"--quick" in one for one in words] == [True, True, False]


def test_it_says_where_it_listens(service: object) -> None:
    code = "from weighbridge.cli import main; main(['serve', '--port', '0', '--host', 'localhost'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    assert (said["message"], said["host"], said["level"]) == ("listening", "127.0.0.1", "info")
    assert said["port"] > 0
    process.terminate()
    process.stdout.read()
    assert process.wait(60) == 0
