"""Random configurations of every covered type, as the raw fields of a ``config.json``; and of each a small model that
runs. Each file in ``types/`` has those of some families.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.oracle.draw import Draw

MODULES: list[ModuleType] = [
    import_module(f"tests.oracle.types.{path.stem}") for path in sorted((Path(__file__).parent / "types").glob("*.py"))
]

TYPES: dict[str, Callable[[Draw], None]] = {kind: draw for module in MODULES for kind, draw in module.DRAWS.items()}
"""What draws the fields of a type."""

SMALL: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    kind: small for module in MODULES for kind, small in module.SMALL.items()
}
"""What draws the fields of a small model of a type that runs on the CPU."""

CLASSES: dict[str, Any] = {kind: name for module in MODULES for kind, name in getattr(module, "CLASSES", {}).items()}
"""The class that builds a type's whole model, where ``AutoModelForCausalLM`` would build another: its name, or an
object that has its ``_from_config``."""

KINDS: dict[str, tuple[tuple[str, str], ...]] = {
    kind: patterns for module in MODULES for kind, patterns in getattr(module, "KINDS", {}).items()
}
"""What a type's parameters are for, by patterns of their names, where the usual patterns do not say."""

NAMES: dict[str, Callable[[Sequence[str]], list[str]]] = {
    kind: names for module in MODULES for kind, names in getattr(module, "NAMES", {}).items()
}
"""What a type's parameters would be called if like things had like names: where what one is for is to be seen only from
the others.
"""


def drawn(model_type: str, seed: str) -> dict[str, Any]:
    """The raw fields of one random configuration."""
    draw = Draw(model_type, random.Random(seed))
    draw.field("vocab_size", (64, 100, 32003))
    draw.flag("tie_word_embeddings")
    if draw.rng.random() < 0.5:
        draw.raw["torch_dtype"] = draw.rng.choice(("bfloat16", "float32"))
    if "num_hidden_layers" in draw.declared:
        draw.field("num_hidden_layers", (1, 2, 3, 5, 8))
    TYPES[model_type](draw)
    return draw.raw
