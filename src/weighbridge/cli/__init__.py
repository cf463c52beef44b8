"""The command line: one thin file per question."""

from weighbridge.cli.main import main

__all__ = ["main"]
