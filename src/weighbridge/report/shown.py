"""Which document a result becomes, for ``print`` and for notebooks."""

from __future__ import annotations

from typing import Any

from weighbridge.estimate.comparison import Comparison
from weighbridge.estimate.compute import FlopReport
from weighbridge.estimate.generation import Generation
from weighbridge.estimate.parameters import ParameterReport
from weighbridge.estimate.shown import Shown
from weighbridge.report import tables
from weighbridge.report.document import Document
from weighbridge.report.html import page
from weighbridge.report.text import rendered, window


def document(result: Any) -> Document:
    """The document of a result.

    Raises:
        TypeError: for what is no result of this package.
    """
    if isinstance(result, ParameterReport):
        return tables.parameters(result)
    if isinstance(result, FlopReport):
        return tables.compute(result)
    if isinstance(result, Generation):
        return tables.generation(result)
    if isinstance(result, Comparison):
        return tables.comparison(result)
    if isinstance(result, Shown):
        return _training(result)
    raise TypeError(f"{type(result).__name__} has no report")


def _training(result: Any) -> Document:
    """The document of a training step, whose files load only when there is one.

    Raises:
        TypeError: for what is no result of this package.
    """
    from weighbridge.estimate.training import Training
    from weighbridge.report.training import View, document

    if not isinstance(result, Training):
        raise TypeError(f"{type(result).__name__} has no report")
    return document(result, View(width=window()))


def text(result: Any) -> str:
    """A result as plain text, as wide as the window."""
    if isinstance(result, Comparison):
        return rendered(tables.turned(document(result), window()), window()).rstrip("\n")
    return rendered(document(result), window()).rstrip("\n")


def html(result: Any) -> str:
    """A result as an HTML fragment."""
    return page(document(result))
