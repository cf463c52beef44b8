"""bitsandbytes: what QuantState and the modules' state dictionaries hold, written out."""

from __future__ import annotations

from math import ceil

import pytest

from tests.formats.quantization.small import LEFT, in_bf16, layers, refused, stored

FOUR = {"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False, "bnb_4bit_quant_type": "nf4"}
EIGHT = {"quant_method": "bitsandbytes", "load_in_8bit": True, "llm_int8_threshold": 6.0}


def test_eight_bits() -> None:
    """Linear8bitLt (bitsandbytes, nn/modules.py, _save_to_state_dict): int8, SCB in fp32, a byte weight_format."""
    assert stored(EIGHT).bytes == LEFT + layers(lambda out, into: out * into + 4 * out + 1)


def test_four_bits() -> None:
    """QuantState.as_dict (bitsandbytes, functional.py): absmax in fp32 per 64, quant_map of 16 fp32."""

    def each(out: int, into: int) -> int:
        return ceil(out * into / 2) + 4 * ceil(out * into / 64) + 64

    assert stored(FOUR).bytes == LEFT + layers(each)


def test_scales_quantised_too() -> None:
    """absmax in uint8, nested_absmax in fp32 per 256 of them, nested_quant_map of 256 fp32."""

    def each(out: int, into: int) -> int:
        absmax = ceil(out * into / 64)
        return ceil(out * into / 2) + absmax + 4 * ceil(absmax / 256) + 64 + 1024

    section = {**FOUR, "bnb_4bit_use_double_quant": True}
    assert stored(section).bytes == LEFT + layers(each)
    assert stored(section).other == 14 * (64 + 1024)


def test_blocks_run_over_the_ends_of_rows() -> None:
    # k: 16 x 32 = 512 elements are 8 blocks of 64; blocks within rows of 32 would be 16
    section = {**FOUR, "llm_int8_skip_modules": ["lm_head", "q_proj", "v_proj", "o_proj", "mlp.gate_proj", "up_proj"]}
    down, k = 32 * 48, 16 * 32
    assert stored(section).scales == 2 * 4 * (down // 64 + k // 64)


def test_a_skipped_module_stays() -> None:
    section = {**EIGHT, "llm_int8_skip_modules": ["lm_head", "model.layers.1.self_attn.k_proj"]}
    assert stored(section).bytes == stored(EIGHT).bytes + in_bf16(16, 32) - (16 * 32 + 4 * 16 + 1)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"load_in_8bit": True}, "load_in_4bit: got true; allowed: true for one of"),
        ({"load_in_4bit": False}, "load_in_4bit: got false; allowed: true for one of"),
        ({"bnb_4bit_quant_type": "nf8"}, 'bnb_4bit_quant_type: got "nf8"; allowed: nf4, fp4; did you mean nf4'),
        ({"bnb_4bit_use_double_quant": 1}, "bnb_4bit_use_double_quant: got 1; allowed: true or false"),
    ],
)
def test_what_is_wrong_is_named(more: dict[str, object], said: str) -> None:
    assert refused({**FOUR, **more}).startswith(f"quantization_config.{said}")
