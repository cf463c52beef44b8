"""compressed-tensors: groups, strategies and forms, with the tensors that each form's compressor writes."""

from __future__ import annotations

from math import ceil
from typing import Any

import pytest

from tests.formats.quantization.small import ATTENTION, HEAD, LAYER, LEFT, MLP, SPARSE, in_bf16, layers, refused, stored

DYNAMIC = {"num_bits": 8, "type": "float", "strategy": "token", "dynamic": True, "symmetric": True}


def section(weights: dict[str, Any], form: str | None, **more: Any) -> dict[str, Any]:
    inputs = more.pop("inputs", None)
    group = {"targets": ["Linear"], "weights": weights, "input_activations": inputs, "output_activations": None}
    base = {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}, "ignore": ["lm_head"]}
    return {**base, "format": form, "quantization_status": "compressed", "kv_cache_scheme": None, **more}


INT4 = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 16}


def packed(out: int, into: int) -> int:
    """PackedQuantizationCompressor: words of int32 per row, scales in the checkpoint's type, the shape as two int64."""
    return out * ceil(into * 4 / 32) * 4 + 2 * out * ceil(into / 16) + 16


def test_packed_in_groups() -> None:
    assert stored(section(INT4, "pack-quantized")).bytes == LEFT + layers(packed)


def test_packed_with_zero_points_and_an_order_of_columns() -> None:
    """Zero points are packed along the outputs (pack_to_int32 with packed_dim 0); g_idx is int32."""

    def each(out: int, into: int) -> int:
        return packed(out, into) + ceil(out * 4 / 32) * 4 * ceil(into / 16) + 4 * into

    weights = {**INT4, "symmetric": False, "actorder": "group"}
    assert stored(section(weights, "pack-quantized")).bytes == LEFT + layers(each)
    in_place = {**weights, "actorder": "weight"}
    assert stored(section(in_place, "pack-quantized")).bytes == LEFT + layers(lambda r, c: each(r, c) - 4 * c)


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_packed_bits_cross_the_ends_of_words(bits: int) -> None:
    weights = {**INT4, "num_bits": bits, "strategy": "channel", "group_size": None}
    expected = layers(lambda out, into: out * ceil(into * bits / 32) * 4 + 2 * out + 16)
    assert stored(section(weights, "pack-quantized")).bytes == LEFT + expected


FP8 = {"num_bits": 8, "type": "float", "symmetric": True, "dynamic": False}


@pytest.mark.parametrize(
    ("weights", "inputs", "each"),
    [
        ({**FP8, "strategy": "tensor"}, {**FP8, "strategy": "tensor"}, lambda r, c: r * c + 2 + 2),
        ({**FP8, "strategy": "channel"}, DYNAMIC, lambda r, c: r * c + 2 * r),
        (FP8, DYNAMIC, lambda r, c: r * c + 2),
        (
            {**FP8, "strategy": "block", "block_structure": [20, 20]},
            DYNAMIC,
            lambda r, c: r * c + 2 * ceil(r / 20) * ceil(c / 20),
        ),
    ],
    ids=["tensor", "channel", "inferred", "block"],
)
@pytest.mark.parametrize("form", ["float-quantized", "naive-quantized", None])
def test_eight_bits(weights: dict[str, Any], inputs: dict[str, Any], each: Any, form: str | None) -> None:
    assert stored(section(weights, form, inputs=inputs)).bytes == LEFT + layers(each)


def test_whole_numbers_of_eight_bits() -> None:
    weights = {"num_bits": 8, "type": "int", "symmetric": False, "strategy": "channel"}
    expected = layers(lambda r, c: r * c + 2 * r + r)  # zero points are int8
    assert stored(section(weights, "int-quantized", inputs=DYNAMIC)).bytes == LEFT + expected


FP4 = {"num_bits": 4, "type": "float", "symmetric": True, "strategy": "tensor_group", "group_size": 16}


def test_nvfp4() -> None:
    inputs = {**FP4, "dynamic": "local"}

    def each(out: int, into: int) -> int:
        return out * into // 2 + out * ceil(into / 16) + 4

    assert stored(section(FP4, "nvfp4-pack-quantized")).bytes == LEFT + layers(each)
    both = stored(section(FP4, "nvfp4-pack-quantized", inputs=inputs))
    assert both.bytes == LEFT + layers(lambda r, c: each(r, c) + 4)  # input_global_scale


def test_mxfp4_and_mxfp8() -> None:
    four = {**FP4, "strategy": "group", "group_size": 32}
    expected = layers(lambda r, c: r * c // 2 + r * ceil(c / 32))
    assert stored(section(four, "mxfp4-pack-quantized")).bytes == LEFT + expected
    assert stored(section(four, None)).bytes == LEFT + expected
    eight = {**FP8, "strategy": "group", "group_size": 32}
    expected = layers(lambda r, c: r * c + r * ceil(c / 32))
    assert stored(section(eight, "mxfp8-quantized")).bytes == LEFT + expected


def test_what_is_ignored() -> None:
    ignore = ["lm_head", "re:.*self_attn.*", "model.layers.0.mlp.down_proj", "re:.*vision.*"]
    found = stored(section(INT4, "pack-quantized", ignore=ignore))
    left = 2 * sum(in_bf16(*s) - packed(*s) for s in ATTENTION.values()) + in_bf16(32, 48) - packed(32, 48)
    assert found.bytes == LEFT + layers(packed) + left
    assert found.notes == ('quantization_config.ignore names "re:.*vision.*", which no module of this model is called',)


def test_a_name_is_a_whole_name() -> None:
    assert stored(section(INT4, "pack-quantized", ignore=["lm_head", "mlp"])).bytes == LEFT + layers(packed)


def test_a_head_that_is_not_ignored_and_an_embedding_by_its_class() -> None:
    plain = stored(section(INT4, "pack-quantized")).bytes
    head = packed(*HEAD) - in_bf16(*HEAD)
    assert stored(section(INT4, "pack-quantized", ignore=[])).bytes == plain + head
    tables = section(INT4, "pack-quantized")
    tables["config_groups"]["group_0"]["targets"] = ["Linear", "Embedding"]
    assert stored(tables).bytes == plain + head  # the table has the head's shape


def test_groups_of_their_own_form() -> None:
    groups = {
        "attention": {"targets": ["re:.*self_attn.*"], "weights": FP8, "format": "float-quantized"},
        "rest": {"targets": ["Linear"], "weights": INT4, "format": "pack-quantized"},
    }
    found = stored(section(INT4, "mixed-precision", config_groups=groups))
    own = 2 * sum(r * c + 2 for r, c in ATTENTION.values())
    assert found.bytes == LEFT + own + 2 * sum(packed(*shape) for shape in MLP.values())
    turned = dict(reversed(groups.items()))  # a pattern comes before a class, whatever the order
    assert stored(section(INT4, "mixed-precision", config_groups=turned)).bytes == found.bytes


def test_a_name_comes_before_a_class() -> None:
    groups = {
        "rest": {"targets": ["Linear"], "weights": INT4, "format": "pack-quantized"},
        "head": {"targets": ["lm_head"], "weights": FP8, "format": "float-quantized"},
    }
    found = stored(section(INT4, "mixed-precision", config_groups=groups, ignore=[]))
    assert found.bytes == LEFT + layers(packed) - in_bf16(*HEAD) + 100 * 32 + 2


def test_routers_stay() -> None:
    ignore = ["lm_head", *(f"model.layers.{i}.block_sparse_moe.gate" for i in range(2))]
    found = stored(section(INT4, "pack-quantized", ignore=ignore), SPARSE)
    expert = 2 * packed(48, 32) + packed(32, 48)
    attention = sum(packed(*shape) for shape in ATTENTION.values())
    assert found.bytes == LEFT + 2 * (attention + 4 * expert + in_bf16(4, 32))
    assert found.notes == ()


def test_scales_of_the_cache() -> None:
    plain = stored(section(INT4, "pack-quantized")).bytes
    cache = {"num_bits": 8, "type": "float", "strategy": "tensor", "dynamic": False}
    assert stored(section(INT4, "pack-quantized", kv_cache_scheme=cache)).bytes == plain + 2 * 2 * 2


def test_the_older_name_of_the_section() -> None:
    from tests.formats.quantization.small import RAW
    from weighbridge.estimate.parameters import params
    from weighbridge.formats import load

    older = section(INT4, "pack-quantized")
    del older["quant_method"]
    checkpoint = params(load({**RAW, "compression_config": older})).checkpoint
    assert checkpoint is not None
    assert checkpoint.bytes == LEFT + layers(packed)


@pytest.mark.parametrize(
    ("weights", "form", "more", "said"),
    [
        (
            {**INT4, "num_bits": 3.5},
            "pack-quantized",
            {},
            "config_groups.group_0.weights.num_bits: got 3.5; allowed: 1",
        ),
        ({**INT4, "group_size": 0}, "pack-quantized", {}, "config_groups.group_0.weights.group_size: got 0; allowed"),
        ({**INT4, "group_size": None}, None, {}, "config_groups.group_0.weights.group_size: got null; allowed: a"),
        ({**FP8, "strategy": "block"}, None, {}, "config_groups.group_0.weights.block_structure: got null; allowed"),
        ({**FP8, "num_bits": 6}, None, {}, "config_groups.group_0.weights.num_bits: got 6; allowed: 4, 8"),
        ({"num_bits": 4, "groupsize": 32}, None, {}, "config_groups.group_0.weights.groupsize: no such field; did you"),
        (INT4, "pack_quantized", {}, 'format: got "pack_quantized"; allowed: pack-quantized, int-quantized'),
        (INT4, "pack-quantized", {"config_groups": {}}, "config_groups: got a table; allowed: a table of at least one"),
        (INT4, "pack-quantized", {"config_groups": {"W4A16": ["Linear"]}}, "config_groups.W4A16: got a list of 1"),
        (INT4, "pack-quantized", {"ignore": ["re:(.*)*x"]}, "ignore: got"),
        (INT4, "pack-quantized", {"ignore": ["re:*"]}, 'ignore: "re:*" is no regular expression'),
        (INT4, "pack-quantized", {"ignore": [[["lm_head"]]]}, "ignore[0]: got a list of 1; allowed: a name of 1"),
        (INT4, "pack-quantized", {"kv_cache_scheme": 8}, "kv_cache_scheme: got 8; allowed: a table"),
    ],
)
def test_what_is_wrong_is_named(weights: dict[str, Any], form: str | None, more: dict[str, Any], said: str) -> None:
    assert refused(section(weights, form, **more)).startswith(f"quantization_config.{said}")


def test_shapes_of_layers_are_what_they_seem() -> None:
    assert sum(r * c for r, c in LAYER.values()) == 32 * 32 * 2 + 16 * 32 * 2 + 3 * 48 * 32
