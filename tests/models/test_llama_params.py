"""Llama's own params.json: the reference document's example, done right."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import from_raw
from weighbridge.models.llama_params import Config

LLAMA_31_8B: dict[str, Any] = {
    "dim": 4096,
    "n_layers": 32,
    "n_heads": 32,
    "n_kv_heads": 8,
    "vocab_size": 128256,
    "ffn_dim_multiplier": 1.3,
    "multiple_of": 1024,
    "norm_eps": 1e-05,
    "rope_theta": 500000.0,
}


def test_the_ffn_size_is_scaled_and_then_rounded() -> None:
    config = Config(**{k: v for k, v in LLAMA_31_8B.items() if k not in ("norm_eps", "rope_theta")})
    assert config.ffn_hidden_size == 14336


def test_the_total_includes_the_final_norm() -> None:
    assert params(from_raw("x", LLAMA_31_8B, {}, "")).total == 8_030_261_248


def test_llama_1_has_as_many_key_value_heads_as_heads() -> None:
    small = {"dim": 4096, "multiple_of": 256, "n_heads": 32, "n_layers": 32, "norm_eps": 1e-06, "vocab_size": 32000}
    assert params(from_raw("x", small, {}, "")).total == 6_738_415_616


def test_a_vocabulary_of_minus_one_is_asked_for() -> None:
    raw = {**LLAMA_31_8B, "vocab_size": -1}
    with pytest.raises(InputError, match="--set vocab_size=32000"):
        from_raw("x", raw, {}, "")
    assert params(from_raw("x", raw, {"vocab_size": 128256}, "")).total == 8_030_261_248
