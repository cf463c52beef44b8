"""Results that show themselves, in a terminal and in a notebook."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Shown:
    """A result that :mod:`weighbridge.report` renders. It is found by name, because rendering is a floor above."""

    def __str__(self) -> str:
        renderer: Any = import_module("weighbridge.report.shown")
        return str(renderer.text(self))

    def _repr_html_(self) -> str:
        renderer: Any = import_module("weighbridge.report.shown")
        return str(renderer.html(self))
