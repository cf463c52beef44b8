"""Formats of weights and of the cache in which the same deployment is set side by side."""

from __future__ import annotations

from weighbridge.estimate.inference.deployment import Deployment

WEIGHTS = ("fp32", "bf16", "fp8-block", "int8", "w4a16", "awq", "nf4", "nvfp4")
"""Of 32, 16, 8 and 4 bits: plain types, and packings that engines load."""

CACHE = "fp8"
"""The narrower type that every engine that serves many users has."""


def weights_beside(found: Deployment) -> list[str]:
    """Ways to store weights (``--quant``): the deployment's own first, and those of :data:`WEIGHTS`."""
    plain = found.inference.storage is None
    own = found.inference.dtype.name if plain else found.stored
    return list(dict.fromkeys((own, *WEIGHTS)))


def caches_beside(found: Deployment) -> list[str]:
    """Types of keys and values (``--kv``): what is computed in, the narrower one, and the deployment's own."""
    serving = found.inference.serving
    return list(dict.fromkeys((serving.compute.name, CACHE, serving.cache.name)))
