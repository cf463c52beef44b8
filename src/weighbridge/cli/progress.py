"""What long work has done and the time left, on standard error where that is a terminal."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

import click


class Progress:
    """What a fit has done and the time left, on standard error where that is a terminal; gone when it is done.

    An interrupt says what was done; nothing has been written then.
    """

    PARTS: ClassVar = {"starts": "fitting from starts", "draws": "drawing runs again"}

    def __init__(self) -> None:
        self.done = ""
        self.bar: Any = None
        self.tasks: dict[str, Any] = {}

    def __enter__(self) -> Progress:
        if sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bars

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bar = Bars(*columns, console=Console(stderr=True), transient=True)
            self.bar.start()
        return self

    def told(self, part: str, done: int, of: int) -> None:
        """Show that so many of so many are done."""
        self.done = f"{self.PARTS[part]}: {done:,} of {of:,} done"
        if self.bar is not None:
            if part not in self.tasks:
                self.tasks[part] = self.bar.add_task(self.PARTS[part], total=of)
            self.bar.update(self.tasks[part], completed=done)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if self.bar is not None:
            self.bar.stop()
        if kind is KeyboardInterrupt and self.done:
            click.echo(f"weighbridge: {self.done}, nothing written; fewer --starts or --bootstrap end sooner", err=True)
