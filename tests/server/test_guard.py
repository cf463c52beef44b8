"""What workers can no longer do, whatever a question makes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from weighbridge.server.guard import ClosedError, hook

OWN = f"{Path(__file__).parent}{os.sep}"


def refused(event: str, *args: Any, hosts: tuple[str, ...] = (), caches: tuple[str, ...] = ()) -> bool:
    """Whether the hook refuses an event."""
    try:
        hook((OWN,), hosts, caches)(event, args)
    except ClosedError:
        return True
    return False


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", f"{OWN}../../README.md", b"/etc/hostname"])
def test_files_of_others_are_not_read(path: str | bytes) -> None:
    assert refused("open", path, "r", os.O_RDONLY)


def test_files_of_ones_own_are_read_and_not_written(tmp_path: Path) -> None:
    assert not refused("open", __file__, "r", os.O_RDONLY)
    assert not refused("open", 3, "r", os.O_RDONLY)
    assert not refused("open", "/dev/null", "r", os.O_RDONLY)
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_CREAT, os.O_APPEND | os.O_WRONLY):
        assert refused("open", __file__, "w", flags)
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert refused("open", tmp_path / "link", "r", os.O_RDONLY)


def test_the_cache_of_the_hub_is_written_where_the_hub_may_be_asked(tmp_path: Path) -> None:
    caches = (f"{tmp_path.resolve()}{os.sep}",)
    assert refused("open", tmp_path / "x", "w", os.O_WRONLY)
    assert not refused("open", tmp_path / "x", "w", os.O_WRONLY, caches=caches)
    for event in ("os.rename", "shutil.move"):
        assert refused(event, str(tmp_path / "a"), str(tmp_path / "b"))
        assert not refused(event, str(tmp_path / "a"), str(tmp_path / "b"), caches=caches)
        assert refused(event, str(tmp_path / "a"), "/tmp/b", caches=caches)
        assert refused(event, "/etc/passwd", str(tmp_path / "b"), caches=caches)
    assert not refused("os.mkdir", str(tmp_path), 0o777, -1, caches=caches)
    assert not refused("os.symlink", "../blobs/x", str(tmp_path / "x"), -1, caches=caches)
    assert refused("os.symlink", str(tmp_path), "/tmp/x", -1, caches=caches)


@pytest.mark.parametrize("event", ["subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn"])
def test_nothing_is_started(event: str) -> None:
    assert refused(event, "x", caches=("/",))


@pytest.mark.parametrize("event", ["os.remove", "os.rmdir", "os.chmod", "os.truncate", "shutil.rmtree", "shutil.chown"])
def test_nothing_is_changed(event: str) -> None:
    assert refused(event, __file__)


def test_connections_go_nowhere_unless_the_operator_says_so() -> None:
    with pytest.raises(ClosedError, match=r"huggingface\.co is not asked while a question is answered"):
        hook((OWN,), (), ())("socket.getaddrinfo", ("huggingface.co", 443, 0, 0, 0))
    assert refused("socket.connect", None, ("18.66.102.11", 443))
    hosts = ("huggingface.co", "*.hf.co")
    for name in ("huggingface.co", b"huggingface.co", "cdn-lfs.hf.co"):
        assert not refused("socket.getaddrinfo", name, 443, 0, 0, 0, hosts=hosts)
    for name in ("evil.example", "huggingface.co.evil.example", "xhf.co", "hf.co", "localhost", "10.0.0.1", ""):
        assert refused("socket.getaddrinfo", name, 443, 0, 0, 0, hosts=hosts)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
    ],
)
def test_a_redirect_leads_to_no_address_of_the_local_network(address: str) -> None:
    assert refused("socket.connect", None, (address, 80), hosts=("huggingface.co",))
    assert not refused("socket.connect", None, ("18.66.102.11", 443), hosts=("huggingface.co",))
    assert not refused("socket.connect", None, (address, 80), hosts=(address,))
    assert refused("socket.connect", None, "/run/docker.sock", hosts=("huggingface.co",))


def test_a_hook_cannot_be_taken_away_again() -> None:
    code = (
        "from weighbridge.server import guard; guard.shut()\n"
        "for act in (lambda: open('/etc/passwd'), lambda: __import__('os').system('true'),\n"
        "            lambda: __import__('socket').create_connection(('127.0.0.1', 1))):\n"
        "    try: act()\n"
        "    except guard.ClosedError: print('closed')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["closed"] * 3, done.stderr
