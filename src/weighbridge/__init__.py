"""Weighbridge weighs a transformer language model before it takes the cluster.

>>> import weighbridge as wb
>>> wb.params("llama-3.1-8b").total
8030261248

Names load when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weighbridge import laws as laws
    from weighbridge import nn as nn
    from weighbridge.errors import WeighbridgeError as WeighbridgeError
    from weighbridge.estimate.cache import cache as cache
    from weighbridge.estimate.comparison import compare as compare
    from weighbridge.estimate.compute import flops as flops
    from weighbridge.estimate.generation import generate as generate
    from weighbridge.estimate.inference.deployment import deploy as deploy
    from weighbridge.estimate.inference.inference import infer as infer
    from weighbridge.estimate.inference.local import local as local
    from weighbridge.estimate.law_fit import fit_law as fit_law
    from weighbridge.estimate.parameters import params as params
    from weighbridge.estimate.scaling import scaling as scaling
    from weighbridge.estimate.training import Training as Training
    from weighbridge.estimate.training import train as train
    from weighbridge.estimate.weights import weights as weights
    from weighbridge.formats import load as load
    from weighbridge.formats.cluster import load_cluster as cluster
    from weighbridge.hardware.catalogue import entries as devices
    from weighbridge.models import Model as Model
    from weighbridge.models.catalogue import entries as catalogue
    from weighbridge.parallel.plan import Plan as Plan
    from weighbridge.report.explanation import explain as explain

__version__ = "0.1.0"

_HOMES = {
    "Model": ("weighbridge.models", "Model"),
    "Plan": ("weighbridge.parallel.plan", "Plan"),
    "Training": ("weighbridge.estimate.training", "Training"),
    "WeighbridgeError": ("weighbridge.errors", "WeighbridgeError"),
    "cache": ("weighbridge.estimate.cache", "cache"),
    "catalogue": ("weighbridge.models.catalogue", "entries"),
    "cluster": ("weighbridge.formats.cluster", "load_cluster"),
    "compare": ("weighbridge.estimate.comparison", "compare"),
    "devices": ("weighbridge.hardware.catalogue", "entries"),
    "deploy": ("weighbridge.estimate.inference.deployment", "deploy"),
    "explain": ("weighbridge.report.explanation", "explain"),
    "infer": ("weighbridge.estimate.inference.inference", "infer"),
    "local": ("weighbridge.estimate.inference.local", "local"),
    "fit_law": ("weighbridge.estimate.law_fit", "fit_law"),
    "flops": ("weighbridge.estimate.compute", "flops"),
    "generate": ("weighbridge.estimate.generation", "generate"),
    "laws": ("weighbridge.laws", ""),
    "load": ("weighbridge.formats", "load"),
    "nn": ("weighbridge.nn", ""),
    "params": ("weighbridge.estimate.parameters", "params"),
    "scaling": ("weighbridge.estimate.scaling", "scaling"),
    "train": ("weighbridge.estimate.training", "train"),
    "weights": ("weighbridge.estimate.weights", "weights"),
}

__all__ = [
    "Model",
    "Plan",
    "Training",
    "WeighbridgeError",
    "cache",
    "catalogue",
    "cluster",
    "compare",
    "deploy",
    "devices",
    "explain",
    "fit_law",
    "flops",
    "generate",
    "infer",
    "laws",
    "load",
    "local",
    "nn",
    "params",
    "scaling",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'weighbridge' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    loaded = import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
