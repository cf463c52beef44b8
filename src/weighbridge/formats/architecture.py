"""Which family reads a configuration, and what an unknown one resembles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weighbridge.errors import UnknownArchitectureError, given
from weighbridge.models import families, family, known_fields


def check_architecture(model_type: object, raw: Mapping[str, Any]) -> str:
    """The family that builds a ``model_type``.

    Raises:
        UnknownArchitectureError: with what it resembles and how to describe it instead.
    """
    known = families()
    if model_type in known:
        flat = "text_config" not in raw and "hidden_size" in raw
        alone = getattr(family(str(model_type)).Config, "text_alone", "") if flat else ""
        return alone or str(model_type)
    how = "describe it in TOML (docs/describe.md); weighbridge models --families lists what is covered"
    if not isinstance(model_type, str) or not model_type:
        what = "missing" if model_type is None else f"got {given(model_type)}"
        alike = most_alike("", raw)
        raise UnknownArchitectureError(f"model_type: {what}; by its fields it resembles {alike}; give it, or {how}")
    inner = text_section(raw)
    if inner is not None and inner.get("model_type") in known:
        alike = inner["model_type"]
        raise UnknownArchitectureError(
            f"model_type {given(model_type)} is not covered; --family {alike} reads its text_config alone, "
            f"without what it has for images or sound; or {how}"
        )
    alike = most_alike(model_type, inner or raw)
    raise UnknownArchitectureError(
        f"model_type {given(model_type)} is not covered; by its name and fields it resembles {alike}. "
        f"Only if it is the same, --family {alike} reads it so; else {how}"
    )


def text_section(raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The language model's section of a multimodal configuration; ``None`` where there is none beside sizes."""
    inner = raw.get("text_config")
    return inner if isinstance(inner, Mapping) and "hidden_size" not in raw else None


def most_alike(model_type: str, raw: Mapping[str, Any]) -> str:
    """The family whose fields and name are nearest to those of a configuration; fields weigh more than the name."""
    from difflib import SequenceMatcher

    def likeness(name: str) -> float:
        own = set(known_fields(name)) - set(COMMON)
        shared = len(own & set(raw)) / (len(own | (set(raw) & _all_fields())) or 1)
        return 4 * shared + SequenceMatcher(None, name, model_type[:LONGEST_TYPE]).ratio()

    return max(families(), key=likeness)


LONGEST_TYPE = 100
"""Characters of a ``model_type`` that are compared."""

COMMON = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "tie_word_embeddings",
    "dtype",
    "torch_dtype",
    "attention_bias",
    "mlp_bias",
)
"""Fields that tell no family from another."""


def _all_fields() -> set[str]:
    """Every field that some family reads."""
    return {field for name in families() for field in known_fields(name)} - set(COMMON)


def unread(model_type: str, raw: Mapping[str, Any]) -> list[str]:
    """Fields of a configuration that a family does not read, sizes first."""
    known = {*known_fields(model_type), "model_type"}
    found = [key for key, value in raw.items() if key not in known and type(value) in (int, list, dict, bool)]
    return sorted(found, key=lambda key: type(raw[key]) is not int)
