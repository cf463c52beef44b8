"""Configurations (never weights) from the Hugging Face hub, through its own library, environment and cache."""

from __future__ import annotations

import re
from pathlib import Path

from weighbridge.errors import UnreadableError, shown
from weighbridge.formats import door

REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


TIMEOUT = 10
"""Seconds to wait for the hub before the local cache must do."""


def download_config(repository: str) -> Path:
    """The repository's ``config.json`` in the local cache, fetched or refreshed if the hub can be reached.

    Raises:
        UnreadableError: without a network, without permission, or where there is none.
    """
    path = _downloaded(repository, "config.json")
    if path is None:
        raise _unreadable(repository, "the repository has no config.json")
    return path


def download_beside(repository: str, name: str) -> Path | None:
    """Another file of a repository whose configuration was downloaded; ``None`` where there is none, or where the hub
    cannot be reached and the cache has none.

    Raises:
        UnreadableError: where the hub answers that one may not have it, or not at all.
    """
    return _downloaded(repository, name, needed=False)


def _downloaded(repository: str, name: str, needed: bool = True) -> Path | None:
    """A file in the local cache, fetched or refreshed if the hub can be reached; ``None`` where there is none."""
    import logging

    door.check_hub(repository)
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        return Path(hf_hub_download(repository, name, local_files_only=not _reachable(repository)))
    except LocalEntryNotFoundError:
        if not needed:
            return None
        reason = "it is not in the local cache and the hub cannot be reached (no network, or HF_HUB_OFFLINE is set)"
    except EntryNotFoundError:
        return None
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        reason = {
            401: "no such repository, or it is private or gated (set HF_TOKEN)",
            403: "the repository is gated; ask for access and set HF_TOKEN",
            404: "the hub has no such repository",
        }.get(status or 0, f"the hub answered {status}")
    except Exception as error:  # the client raises its transport's own errors, which differ between versions
        reason = f"{type(error).__name__}: {shown(str(error).splitlines()[0] if str(error) else '', 100)}"
    raise _unreadable(repository, reason)


def _unreadable(repository: str, reason: str) -> UnreadableError:
    return UnreadableError(f"{repository}: {reason}; give a config.json or a catalogue name (weighbridge models)")


def _reachable(repository: str) -> bool:
    """Whether the hub answers at all, asked once: the library's own download would try again for half a minute.

    Raises:
        HfHubHTTPError: where the hub answers that it has no such thing, or that one may not have it.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    try:
        get_hf_file_metadata(hf_hub_url(repository, "config.json"), timeout=TIMEOUT)
    except HfHubHTTPError as error:
        if getattr(error.response, "status_code", 0) < 500:
            raise
        return False
    except Exception:  # whatever the transport raises, and offline mode: the cache decides
        return False
    return True
