"""Small real models that run on the CPU, and the groups of fields that they share."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.oracle.draws import CLASSES, SMALL

torch = pytest.importorskip("torch", reason="the oracle needs torch: make oracle")
transformers = pytest.importorskip("transformers", reason="the oracle needs transformers: make oracle")


def small(kind: str, rng: random.Random) -> dict[str, Any]:
    """A random small configuration of a ``model_type``."""
    return SMALL[kind](rng)


def class_of(kind: str) -> Any:
    """What builds a type's whole model: a class of transformers, or what stands for one."""
    made = CLASSES.get(kind, "AutoModelForCausalLM")
    return getattr(transformers, made) if isinstance(made, str) else made


def from_config(kind: str, config: Any, **options: Any) -> Any:
    """The model that transformers builds of a configuration."""
    made = class_of(kind)
    return made._from_config(config, **options) if kind in CLASSES else made.from_config(config, **options)


def real_model(kind: str, fields: dict[str, Any]) -> Any:
    """The model that transformers builds, with matrix multiplies instead of fused kernels."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **fields)
    model = from_config(kind, config, attn_implementation="eager").float()
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("eager")
    return model
