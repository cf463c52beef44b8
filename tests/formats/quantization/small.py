"""Small models with sections of ``quantization_config``, and their matrices written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.parameters import params
from weighbridge.estimate.quantised import Checkpoint
from weighbridge.formats import load

RAW: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "dtype": "bfloat16",
}

ATTENTION = {"q": (32, 32), "k": (16, 32), "v": (16, 32), "o": (32, 32)}
MLP = {"gate": (48, 32), "up": (48, 32), "down": (32, 48)}
LAYER = {**ATTENTION, **MLP}
"""Outputs and inputs of the projections of a layer."""

LEFT = 2 * (100 * 32 + 100 * 32 + (2 * 2 + 1) * 32)
"""Bytes in bf16 of embedding, head and five norms."""

HEAD = (100, 32)

SPARSE: dict[str, Any] = {
    "model_type": "mixtral",
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "dtype": "bfloat16",
}


def stored(section: Mapping[str, Any], raw: Mapping[str, Any] = RAW, **more: Any) -> Checkpoint:
    """The checkpoint of a model with that section."""
    found = params(load({**raw, "quantization_config": {**section, **more}})).checkpoint
    assert found is not None
    return found


def layers(each: Callable[[int, int], int], count: int = 2) -> int:
    """Bytes of all projections of so many layers, each of so many outputs and inputs."""
    return count * sum(each(rows, columns) for rows, columns in LAYER.values())


def in_bf16(rows: int, columns: int) -> int:
    """Bytes of a matrix that is not quantised."""
    return 2 * rows * columns


def refused(section: Mapping[str, Any], raw: Mapping[str, Any] = RAW) -> str:
    """The line that refuses a section."""
    with pytest.raises(InputError) as error:
        load({**raw, "quantization_config": section})
    assert "\n" not in str(error.value)
    return str(error.value)
