"""Models side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from weighbridge.errors import InputError, given
from weighbridge.estimate.compute import FlopReport, check_length, forward_pass, usual_length
from weighbridge.estimate.parameters import as_model, params
from weighbridge.estimate.shown import Shown
from weighbridge.tree import layer_count

MOST = 100
"""Models in one comparison."""

COLUMNS = (
    "model",
    "family",
    "parameters",
    "active",
    "embedding",
    "layers",
    "hidden",
    "heads",
    "kv heads",
    "vocabulary",
    "bytes",
    "forward FLOPs",
    "training FLOPs",
)


@dataclass(frozen=True)
class Comparison(Shown):
    """A table of models.

    Attributes:
        columns: what is compared.
        rows: one per model, in the order given; ``None`` where a model has no such thing.
        note: under which conditions.
        notes: what the reader should know of single models.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str
    notes: tuple[str, ...] = ()


def compare(models: Sequence[Any], sequence: int | None = None, dtype: str | None = None) -> Comparison:
    """Compare models: sizes, bytes, and FLOPs of one sequence.

    Args:
        models: loaded models, networks, names or paths.
        sequence: tokens of the sequence whose FLOPs are counted; 4,096, or what every model's positions allow.
        dtype: data type of the weights; each model's own, else bf16.

    Raises:
        InputError: for no models, or a sequence longer than learned positions.
    """
    rows, notes = [], []
    if not isinstance(models, str | Iterable):
        raise InputError(f"models: got {given(models)}; expected names, paths or models")
    names = [models] if isinstance(models, str) else list(models)
    if len(names) > MOST:
        raise InputError(f"models: got {len(names):,}; allowed is at most {MOST}")
    loaded = [as_model(each) for each in names]
    if not loaded:
        raise InputError("models: got none; expected at least one")
    if sequence is None:
        sequence = min(map(usual_length, loaded))
    for model in loaded:
        weights = params(model, dtype)
        check_length(model, sequence)
        work = FlopReport(model, forward_pass(sequence))
        sizes = (layer_count(weights.tree), _size(model.config, "hidden_size", "dim"), *_heads(model.config))
        vocabulary = _size(model.config, "vocab_size")
        head = (model.name, model.family, weights.total, weights.active, weights.embedding)
        rows.append((*head, *sizes, vocabulary, weights.bytes(), work.forward, work.training))
        notes += [f"{model.name}: {note}" for note in model.notes]
    return Comparison(COLUMNS, tuple(rows), f"{dtype or 'own data type'}, FLOPs of {sequence:,} tokens", tuple(notes))


def _size(config: Any, *names: str) -> int | None:
    return next((getattr(config, name) for name in names if hasattr(config, name)), None)


def _heads(config: Any) -> tuple[int | None, int | None]:
    heads = _size(config, "num_attention_heads", "n_heads")
    if hasattr(config, "kv_lora_rank"):
        return heads, None
    groups = _size(config, "num_key_value_heads", "n_kv_heads")
    return heads, heads if groups is None else groups
