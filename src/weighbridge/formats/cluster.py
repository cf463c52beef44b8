"""CLUSTER, in every form: a spelling such as ``8xH100``, or a TOML file."""

from __future__ import annotations

from pathlib import Path

from weighbridge.errors import InputError, given, shown
from weighbridge.formats.files import LONGEST_PATH, read_toml
from weighbridge.hardware.cluster import FORMS, Cluster, cluster
from weighbridge.hardware.table import from_table


def load_cluster(text: str | Path) -> Cluster:
    """The cluster of a spelling (``8xH100``, ``2x8xH100``, ``H100``) or of a TOML file.

    What ends in ``.toml`` or has a ``/`` is a path.

    Raises:
        UnreadableError: for a file that cannot be read.
        InputError: for an unknown device, or sizes and fields that cannot be.
    """
    if not isinstance(text, str | Path):
        raise InputError(f"cluster: got {given(text)}; expected {FORMS}")
    name = str(text)
    if isinstance(text, str) and not is_path(name):
        return cluster(text)
    if not name.isprintable():
        raise InputError(f"cluster: got {given(name)}; expected {FORMS}")
    table = read_toml(Path(name))
    try:
        return from_table(table)
    except InputError as error:
        raise InputError(f"{shown(name, LONGEST_PATH)}: {error}") from None


def is_path(text: str) -> bool:
    """Whether a text names a file: it ends in ``.toml`` or has a slash."""
    return text.lower().endswith(".toml") or "/" in text or "\\" in text
