"""A YAML file of arguments."""

from __future__ import annotations

from pathlib import Path

from weighbridge.formats.megatron.command import Command


def command_of(path: Path) -> Command:
    """Arguments of a file."""
    raise NotImplementedError
