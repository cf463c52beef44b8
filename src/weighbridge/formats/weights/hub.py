"""Headers of a Hugging Face repository's weights, with the endpoint, token and offline mode of the hub's library."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from weighbridge import __version__
from weighbridge.errors import UnreadableError
from weighbridge.formats.weights.sources import Source
from weighbridge.formats.weights.web import Web

LONGEST_LIST = 16 * 2**20
"""Bytes of a repository's list of files."""

LEAST_STEP, MOST_STEP = 2**18, 2**22
"""Bytes asked for at a time, at first and at most."""


class RemoteFile:
    """A file of a repository.

    Attributes:
        name: what errors call it.
        size: its bytes, as the server says.
        step: bytes to ask for at a time; more after every time, because a long header has a vocabulary in it.
    """

    def __init__(self, web: Web, url: str, name: str) -> None:
        self._web, self._url, self.name, self.step = web, url, name, LEAST_STEP
        self._start, self.size = web.part(url, name, 0, LEAST_STEP)

    def read(self, start: int, length: int) -> bytes:
        if start + length <= len(self._start):
            return self._start[start : start + length]
        ready = self._start[start:]
        if start + len(ready) >= self.size:
            return ready
        found, size = self._web.part(self._url, self.name, start + len(ready), length - len(ready))
        if size != self.size:
            raise UnreadableError(f"{self.name}: the server gives another size than before; try again")
        self.step = min(2 * self.step, MOST_STEP)
        return ready + found


@dataclass(frozen=True)
class Repository:
    """A repository of models.

    Attributes:
        name: ``organisation/name``.
        web: requests to it.
    """

    name: str
    web: Web = field(default_factory=lambda: _web())

    @cached_property
    def _files(self) -> Sequence[str]:
        from huggingface_hub import constants

        url = f"{constants.ENDPOINT}/api/models/{quote(self.name)}"
        try:
            listed = json.loads(self.web.whole(url, self.name, LONGEST_LIST))["siblings"]
            return sorted(str(entry["rfilename"]) for entry in listed)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            if isinstance(error, UnreadableError):
                raise
            what = f"{self.name}: the server's list of files is not understood"
            raise UnreadableError(f"{what}; see that HF_ENDPOINT is a Hugging Face hub") from None

    def files(self) -> Sequence[str]:
        """Names of files.

        Raises:
            UnreadableError: for a repository that there is not, or may not be read.
        """
        return self._files

    def _url(self, name: str) -> str:
        from huggingface_hub import constants

        return f"{constants.ENDPOINT}/{quote(self.name)}/resolve/{constants.DEFAULT_REVISION}/{quote(name)}"

    def open(self, name: str) -> Source:
        """A file, to be read in parts."""
        return RemoteFile(self.web, self._url(name), f"{self.name}/{name}")

    def text(self, name: str, most: int) -> str:
        """The text of a file of at most so many bytes."""
        what = f"{self.name}/{name}"
        try:
            return self.web.whole(self._url(name), what, most).decode("utf-8")
        except UnicodeDecodeError:
            raise UnreadableError(f"{what} is not UTF-8 text") from None


def _web() -> Web:
    """Requests with the token that the hub's own library would send; it goes to the hub alone."""
    from huggingface_hub import get_token

    token = get_token()
    return Web({"User-Agent": f"weighbridge/{__version__}"}, {"Authorization": f"Bearer {token}"} if token else {})


def offline() -> bool:
    """Whether the hub's library was told to stay offline."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def cached(repository: str) -> Path:
    """The folder of the local cache that holds a repository's files.

    Raises:
        UnreadableError: where there is none.
    """
    from huggingface_hub import snapshot_download

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        return Path(snapshot_download(repository, local_files_only=True))
    except Exception as error:  # its own errors, which differ between versions
        reason = "its weights are not in the local cache, and HF_HUB_OFFLINE is set"
        raise UnreadableError(f"{repository}: {reason}; unset it, or give a file's path") from error
