"""awq and gptq: the buffers of AutoAWQ's and GPTQModel's modules, written out, and a published size."""

from __future__ import annotations

from math import ceil

import pytest

from tests.formats.quantization.small import ATTENTION, HEAD, LAYER, LEFT, RAW, in_bf16, layers, refused, stored
from weighbridge.models import catalogue

AWQ = {"quant_method": "awq", "bits": 4, "group_size": 16, "zero_point": True, "version": "gemm"}
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 16, "desc_act": False, "sym": True}


def awq(out: int, into: int) -> int:
    """WQLinear_GEMM (AutoAWQ, awq/modules/linear/gemm.py): qweight, qzeros in int32 of eight, scales in fp16."""
    return into * (out // 8) * 4 + (into // 16) * (out // 8) * 4 + (into // 16) * out * 2


def gptq(out: int, into: int, bits: int = 4, group: int = 16) -> int:
    """GPTQModel (nn_modules/qlinear/__init__.py, _register_gptq_buffers): qweight, qzeros, scales, g_idx."""
    groups = ceil(into / group)
    words = ceil(into * bits / 32) * out + groups * ceil(out * bits / 32) + into
    return 4 * words + 2 * groups * out


def test_awq() -> None:
    assert stored(AWQ).bytes == LEFT + layers(awq)
    older = {"quant_method": "awq", "w_bit": 4, "q_group_size": 16, "zero_point": True, "version": "GEMM"}
    assert stored(older).bytes == stored(AWQ).bytes


def test_awq_in_the_order_of_gemv() -> None:
    """WQLinear_GEMV (awq/modules/linear/gemv.py): zero points per row, in words that come four at a time at groups of
    32, and eight scales to each such word."""

    def each(out: int, into: int) -> int:
        words = ceil(ceil((into // 32) / 8) / 4) * 4
        return out * (into // 8) * 4 + out * words * 4 + out * words * 8 * 2

    section = {**AWQ, "version": "gemv", "group_size": 32}
    raw = {**RAW, "intermediate_size": 64}
    wide = {**ATTENTION, "gate": (64, 32), "up": (64, 32), "down": (32, 64)}
    assert stored(section, raw).bytes == LEFT + 2 * sum(each(*shape) for shape in wide.values())


def test_awq_published_size() -> None:
    """``total_size`` of model.safetensors.index.json of a Llama 3 70B in AWQ, groups of 128: 39,767,785,472."""
    entry = catalogue.find("llama-3.1-70b")
    assert entry is not None
    section = {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"}
    assert stored(section, {**entry.config, "dtype": "float16"}).bytes == 39_767_785_472


def test_awq_leaves_the_head_and_what_is_listed() -> None:
    section = {**AWQ, "modules_to_not_convert": ["self_attn.v_proj"]}
    assert stored(section).bytes == stored(AWQ).bytes + 2 * (in_bf16(16, 32) - awq(16, 32))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("group", [16, 20, 128])
def test_gptq(bits: int, group: int) -> None:
    section = {**GPTQ, "bits": bits, "group_size": group}
    assert stored(section).bytes == LEFT + layers(lambda out, into: gptq(out, into, bits, group))


def test_gptq_with_one_scale_per_channel() -> None:
    assert stored({**GPTQ, "group_size": -1}).bytes == LEFT + layers(lambda out, into: gptq(out, into, 4, into))


def test_gptq_of_the_head() -> None:
    assert stored({**GPTQ, "lm_head": True}).bytes == stored(GPTQ).bytes + gptq(*HEAD) - in_bf16(*HEAD)


def test_gptq_with_exceptions() -> None:
    dynamic = {r"-:.*self_attn\..*": {}, r"+:model\.layers\.1\.mlp\.down_proj": {"bits": 8, "group_size": 32}}
    attention = 2 * sum(in_bf16(*s) - gptq(*s) for s in ATTENTION.values())
    down = gptq(*LAYER["down"], 8, 32) - gptq(*LAYER["down"])
    assert stored({**GPTQ, "dynamic": dynamic}).bytes == stored(GPTQ).bytes + attention + down


def test_gptq_of_listed_projections() -> None:
    section = {**GPTQ, "modules_in_block_to_quantize": [["self_attn.q_proj"], ["mlp.down_proj"]]}
    quantised = sum(gptq(*LAYER[name]) for name in ("q", "down"))
    left = sum(in_bf16(*shape) for name, shape in LAYER.items() if name not in ("q", "down"))
    assert stored(section).bytes == LEFT + 2 * (quantised + left)


def test_projections_of_another_class() -> None:
    """GPT-2's are Conv1D in transformers: gptq packs them, awq and fp8 replace nn.Linear only."""
    raw = {"model_type": "gpt2", "vocab_size": 100, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
    whole = stored({"quant_method": "fp8", "weight_block_size": [16, 16]}, raw).bytes
    assert not any(row.quantised for row in stored(AWQ, raw).tensors)
    shapes = ((96, 32), (32, 32), (128, 32), (32, 128))
    assert stored(GPTQ, raw).bytes == whole + 2 * sum(gptq(*shape) - in_bf16(*shape) for shape in shapes)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({**GPTQ, "bits": 3.5}, "quantization_config.bits: got 3.5; allowed: 2, 3, 4, 5, 6, 7, 8"),
        ({**GPTQ, "bits": "4"}, 'quantization_config.bits: got "4"; allowed: 2, 3'),
        ({**GPTQ, "bits": float("nan")}, "quantization_config.bits: got nan; allowed: 2, 3"),
        ({"quant_method": "gptq"}, "quantization_config.bits: got null; allowed: 2, 3"),
        ({**GPTQ, "group_size": 0}, "quantization_config.group_size: got 0; allowed: a whole number from 1"),
        ({**GPTQ, "group_size": True}, "quantization_config.group_size: got true; allowed: a whole number from 1"),
        ({**GPTQ, "sym": "yes"}, 'quantization_config.sym: got "yes"; allowed: true or false'),
        ({**GPTQ, "checkpoint_format": "marlin"}, 'quantization_config.checkpoint_format: got "marlin"; allowed: gptq'),
        ({**GPTQ, "dynamic": {"-:(a+)+$": {}}}, "quantization_config.dynamic: got"),
        ({**GPTQ, "dynamic": [1]}, "quantization_config.dynamic: got a list of 1; allowed: a table"),
        ({**GPTQ, "dynamic": {"x": 3}}, "quantization_config.dynamic.x: got 3; allowed: a table"),
        ({**GPTQ, "modules_in_block_to_quantize": ["q"]}, "quantization_config.modules_in_block_to_quantize: got"),
        ({**AWQ, "bits": 8}, "quantization_config.bits: got 8; allowed: 4"),
        ({**AWQ, "version": "gemm_fast"}, 'quantization_config.version: got "gemm_fast"; allowed: gemm, gemv; did'),
        ({**AWQ, "version": "gemv"}, "quantization_config.group_size: got 16; allowed: 32, 64, or 128"),
    ],
)
def test_what_is_wrong_is_named(section: dict[str, object], said: str) -> None:
    assert refused(section).startswith(said)
