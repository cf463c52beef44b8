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
        return _late(result)
    raise TypeError(f"{type(result).__name__} has no report")


def _late(result: Shown) -> Document:
    """The document of a training step, of scaling laws or of a fit, whose files load only when there is one.

    Raises:
        TypeError: for what is no result of this package.
    """
    from weighbridge.estimate.inference.deployment import Deployment
    from weighbridge.estimate.law_fit import Fit
    from weighbridge.estimate.scaling import Scaling
    from weighbridge.estimate.training import Training
    from weighbridge.estimate.weights import WeightsReport

    if isinstance(result, Training):
        from weighbridge.report.training import View
        from weighbridge.report.training import document as training

        return training(result, View(width=window()))
    if isinstance(result, Scaling):
        from weighbridge.report.scaling import document as scaling

        return scaling(result)
    if isinstance(result, Deployment):
        from weighbridge.report.inference import document as serving

        return serving(result)
    if isinstance(result, Fit):
        from weighbridge.report.scaling_laws import fitted

        return fitted(result)
    if isinstance(result, WeightsReport):
        from weighbridge.report.weights import weights

        return weights(result)
    raise TypeError(f"{type(result).__name__} has no report")


def text(result: Any) -> str:
    """A result as plain text, as wide as the window."""
    if isinstance(result, Comparison):
        return rendered(tables.turned(document(result), window()), window()).rstrip("\n")
    return rendered(document(result), window()).rstrip("\n")


def html(result: Any) -> str:
    """A result as an HTML fragment."""
    return page(document(result))
