"""What a worker can no longer do once it is warm, whatever a question makes of it: defence behind the door.

Python tells an audit hook of every file that is opened and every connection that is made (PEP 578); a hook cannot be
taken away again. Files are opened for reading only, and only Python's own and this package's; connections go nowhere,
or to the hub's hosts where the operator turned it on, and never to an address of the local network.
"""

from __future__ import annotations

import ipaddress
import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC

NEVER = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "ctypes.dlopen")
"""Events that no question has a use for, and beginnings of their names."""

CHANGING = (
    *("os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.mkdir", "os.chmod", "os.utime"),
    "shutil.",
)
"""Events that change files, and beginnings of their names: done in the hub's cache alone."""


class ClosedError(PermissionError):
    """What the guard refuses."""


def shut(hosts: tuple[str, ...] = ()) -> None:
    """Shut everything that answering needs not.

    Args:
        hosts: that may be asked over the network; with any, files of the hub's cache may be written too.
    """
    sys.dont_write_bytecode = True
    sys.addaudithook(hook(_own_folders(), hosts, _caches() if hosts else ()))


def _own_folders() -> tuple[str, ...]:
    """Folders of Python, of what is installed, and of this package."""
    found = {*sysconfig.get_paths().values(), *filter(None, sys.path), str(Path(__file__).parents[1])}
    return tuple(sorted(f"{Path(path).resolve()}{os.sep}" for path in found if Path(path).is_dir()))


def _caches() -> tuple[str, ...]:
    """Folders of the hub's cache, which are there from now on."""
    from huggingface_hub import constants

    found = [Path(folder) for folder in (constants.HF_HOME, constants.HF_HUB_CACHE)]
    for folder in found:
        folder.mkdir(parents=True, exist_ok=True)
    return tuple(f"{folder.resolve()}{os.sep}" for folder in found)


def hook(
    folders: tuple[str, ...], hosts: tuple[str, ...], caches: tuple[str, ...]
) -> Callable[[str, tuple[Any, ...]], None]:
    """The hook itself, to be tried without being added."""

    def check(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            _check_open(args, folders, caches)
        elif event == "socket.getaddrinfo":
            _check_host(args[0], hosts)
        elif event == "socket.connect":
            _check_address(args[1], hosts)
        elif event.startswith(CHANGING):
            _check_change(event, args, caches)
        elif event.startswith(NEVER):
            raise ClosedError(f"{event} is not done while a question is answered")

    return check


def _real(path: Any) -> str:
    return os.path.realpath(os.fsdecode(path))


def _check_open(args: tuple[Any, ...], folders: tuple[str, ...], caches: tuple[str, ...]) -> None:
    path, _, flags = args
    if not isinstance(path, str | bytes | os.PathLike):  # a number of a file that is open already
        return
    name = _real(path)
    if name.startswith(caches):
        return
    writes = bool((flags or 0) & WRITING)
    if writes or not (name.startswith(folders) or name in ("/dev/null", "/dev/urandom")):
        raise ClosedError(f"{name} is not {'written' if writes else 'read'} while a question is answered")


def _check_change(event: str, args: tuple[Any, ...], caches: tuple[str, ...]) -> None:
    """Refuse a change outside the caches; what a link points to is looked at when it is opened."""
    places = args[1:] if event == "os.symlink" else args
    for path in places:
        if isinstance(path, str | bytes | os.PathLike) and not f"{_real(path)}{os.sep}".startswith(caches):
            raise ClosedError(f"{event} is not done while a question is answered: {_real(path)}")


def _check_host(host: Any, hosts: tuple[str, ...]) -> None:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if not any(name == one or (one.startswith("*.") and name.endswith(one[1:])) for one in hosts):
        raise ClosedError(f"{name} is not asked while a question is answered")


def _check_address(address: Any, hosts: tuple[str, ...]) -> None:
    """Refuse what is no address of the public network, which a redirect may lead to; but a host that is allowed by its
    address is meant.
    """
    where = address[0] if isinstance(address, tuple) else str(address)
    if hosts and where in hosts:
        return
    try:
        public = ipaddress.ip_address(where.partition("%")[0]).is_global
    except ValueError:
        public = False
    if not hosts or not public:
        raise ClosedError(f"{where} is not connected to while a question is answered")
