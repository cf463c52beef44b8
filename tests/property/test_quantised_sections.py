"""Sections of ``quantization_config`` changed at random: bytes, or one line that refuses them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.formats.quantization.small import RAW, SPARSE
from weighbridge.errors import InputError
from weighbridge.estimate.parameters import params
from weighbridge.formats import load

SECTIONS: tuple[dict[str, Any], ...] = (
    {"quant_method": "fp8", "weight_block_size": [16, 16], "modules_to_not_convert": ["lm_head"], "scale_fmt": "ue8m0"},
    {"quant_method": "gptq", "bits": 4, "group_size": 16, "dynamic": {"-:.*attn": {"bits": 8}}, "lm_head": True},
    {"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemv", "modules_to_not_convert": ["gate"]},
    {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]},
    {
        "quant_method": "modelopt",
        "quant_algo": "MIXED_PRECISION",
        "exclude_modules": ["*.gate"],
        "quantized_layers": {"model.layers.0.self_attn.q_proj": {"quant_algo": "NVFP4", "group_size": 16}},
    },
    {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "ignore": ["re:.*attn.*"],
        "config_groups": {
            "group_0": {
                "targets": ["Linear"],
                "weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 16, "symmetric": False},
                "input_activations": {"dynamic": False},
            }
        },
    },
)

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    3.5,
    float("nan"),
    10**40,
    "",
    "x",
    "re:(",
    "(a+)+",
    [],
    [[[[]]]],
    [1],
    {},
    {"a": {}},
    "\0",
)


def changed(value: Any, rng: random.Random) -> Any:
    """A value with parts of it replaced or left out."""
    if rng.random() < 0.2:
        return rng.choice(ODD)
    if isinstance(value, dict):
        return {k: changed(v, rng) if rng.random() < 0.3 else v for k, v in value.items() if rng.random() > 0.05}
    if isinstance(value, list):
        return [changed(item, rng) if rng.random() < 0.5 else item for item in value]
    return rng.choice(ODD) if rng.random() < 0.5 else value


@pytest.mark.parametrize("number", range(len(SECTIONS)))
def test_bytes_or_one_line(number: int) -> None:
    rng, weighed = random.Random(number), 0
    for _ in range(150):
        raw = {**rng.choice((RAW, SPARSE)), "quantization_config": changed(SECTIONS[number], rng)}
        try:
            checkpoint = params(load(raw)).checkpoint
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017 (not every section is refused)
        else:
            weighed += checkpoint is not None and checkpoint.bytes > 0 and len(checkpoint.notes) >= 0
    assert weighed
