"""The command line: one thin file per question."""

from __future__ import annotations

import sys
from typing import NoReturn


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; an interrupt while it still loads ends it in one line too."""
    try:
        from weighbridge.cli.program import run
    except KeyboardInterrupt:
        print("weighbridge: interrupted", file=sys.stderr)
        sys.exit(130)
    run(arguments)
