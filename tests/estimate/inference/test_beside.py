"""Formats in which a deployment is set side by side."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.answer import answer
from weighbridge.estimate.inference.beside import CACHE, WEIGHTS
from weighbridge.estimate.inference.deployment import STORED
from weighbridge.parallel.engine import ENGINES, SERVERS

PACKED = {
    "model_type": "llama",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "vocab_size": 32000,
    "torch_dtype": "float16",
    "quantization_config": {
        "quant_method": "compressed-tensors",
        "format": "float-quantized",
        "config_groups": {
            "group_0": {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "float", "strategy": "channel"}}
        },
    },
}
"""A checkpoint that is published in 8 bits, by a method that is no name of ``--quant``."""


def asked(model: Any, **options: Any) -> dict[str, Any]:
    """What ``infer --json`` says."""
    return answer({"ask": "infer", "model": model, "options": {"advice": False, **options}})


def test_all_of_them_are_known() -> None:
    assert set(WEIGHTS) < set(STORED)
    assert all(CACHE in ENGINES[name].caches for name in SERVERS)


@pytest.mark.parametrize(
    ("model", "options", "own", "caches"),
    [
        ("llama-7b", {"cluster": "1xa100"}, "bf16", ["bf16", "fp8"]),
        ("gpt2", {"cluster": "1xt4"}, "fp16", ["fp16", "fp8"]),
        ("llama-7b", {"cluster": "1xa100", "quant": "w4a16", "kv": "int4"}, "w4a16", ["bf16", "fp8", "int4"]),
        (PACKED, {"cluster": "1xh100"}, "published", ["bf16", "fp8"]),
    ],
)
def test_the_first_is_the_deployment_itself(model: Any, options: dict[str, Any], own: str, caches: list[str]) -> None:
    found = asked(model, **options)
    assert found["formats"]["weights"] == [own, *(name for name in WEIGHTS if name != own)]
    assert found["formats"]["caches"] == caches
    again = asked(model, **options | {"quant": own, "kv": found["plan"]["kv_cache_dtype"]})
    for key in ("plan", "memory", "weights", "max_batch", "ttft_seconds", "tpot_seconds"):
        assert again[key] == found[key]
