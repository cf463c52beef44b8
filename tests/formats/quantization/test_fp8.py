"""fp8 in blocks, per tensor and per channel; what lists leave as it is."""

from __future__ import annotations

from math import ceil

import pytest

from tests.formats.quantization.small import HEAD, LAYER, LEFT, RAW, SPARSE, in_bf16, layers, refused, stored
from weighbridge.estimate.parameters import params
from weighbridge.formats import load
from weighbridge.models import catalogue

BLOCKS = {"quant_method": "fp8", "weight_block_size": [16, 20], "activation_scheme": "dynamic", "fmt": "e4m3"}


def in_blocks(rows: int, columns: int) -> int:
    return rows * columns + 4 * ceil(rows / 16) * ceil(columns / 20)


def test_blocks_round_up_in_both_directions() -> None:
    # q and o: 2 x 2 blocks each, k and v 1 x 2, gate and up 3 x 2, down 2 x 3
    assert stored(BLOCKS).scales == 2 * 4 * (2 * 4 + 2 * 2 + 2 * 6 + 6) == 240
    assert stored(BLOCKS).bytes == LEFT + layers(in_blocks) == 28_720


def test_parameters_stay_what_they_are() -> None:
    quantised = params(load({**RAW, "quantization_config": BLOCKS}))
    assert quantised.total == params(load(RAW)).total
    assert quantised.bytes() == params(load(RAW)).bytes()
    assert quantised.checkpoint is not None
    assert sum(row.parameters for row in quantised.checkpoint.tensors) == quantised.total


def test_a_data_type_given_by_hand_comes_first() -> None:
    assert params(load({**RAW, "quantization_config": BLOCKS}), "bf16").checkpoint is None


def test_the_router_may_have_a_data_type_of_its_own() -> None:
    model = load({**SPARSE, "quantization_config": BLOCKS})
    wide, plain = params(model, router_dtype="fp32").checkpoint, params(model).checkpoint
    assert wide is not None
    assert plain is not None
    assert wide.bytes - plain.bytes == 2 * 2 * 4 * 32


@pytest.mark.parametrize(
    ("listed", "left"),
    [
        (["lm_head", "model.layers.1"], list(LAYER)),
        (["lm_head", "model.layers.1.self_attn"], ["q", "k", "v", "o"]),
        (["lm_head", "layers.1.mlp.down_proj"], ["down"]),
        (["lm_head", "model.layers.1.mlp.gate"], []),
    ],
)
def test_a_list_may_name_single_layers(listed: list[str], left: list[str]) -> None:
    less = sum(in_bf16(*LAYER[name]) - in_blocks(*LAYER[name]) for name in left)
    assert stored(BLOCKS, modules_to_not_convert=listed).bytes == stored(BLOCKS).bytes + less


def test_a_list_without_the_head_quantises_it() -> None:
    more = in_blocks(*HEAD) - in_bf16(*HEAD)
    assert stored(BLOCKS, modules_to_not_convert=["norm"]).bytes == stored(BLOCKS).bytes + more


def test_a_pattern_names_every_layer() -> None:
    listed = ["lm_head", "model.layers.*.self_attn"]
    less = 2 * sum(in_bf16(*LAYER[name]) - in_blocks(*LAYER[name]) for name in "qkvo")
    assert stored(BLOCKS, modules_to_not_convert=listed).bytes == stored(BLOCKS).bytes + less


def test_experts_are_quantised_each_and_routers_are_not() -> None:
    checkpoint = stored(BLOCKS, SPARSE)
    expert = in_blocks(48, 32) * 2 + in_blocks(32, 48)
    attention = in_blocks(32, 32) * 2 + in_blocks(16, 32) * 2
    assert checkpoint.bytes == LEFT + 2 * (attention + 4 * expert + 2 * 4 * 32)


def test_names_that_are_no_module_are_told() -> None:
    listed = ["lm_head", "visual", "model.layers.7.mlp", "gate", "e_score_correction_bias"]
    (note,) = stored(BLOCKS, modules_to_not_convert=listed).notes
    assert note.startswith('quantization_config.modules_to_not_convert names "visual", "model.layers.7.mlp", "gate"')
    assert "and 1 more" in note
    assert stored(BLOCKS, modules_to_not_convert=["lm_head", "model.norm", "embed_tokens"]).notes == ()


def test_one_scale_per_tensor() -> None:
    section = {"quant_method": "fp8", "activation_scheme": "static", "ignored_layers": ["lm_head"]}
    assert stored(section).bytes == LEFT + layers(lambda rows, columns: rows * columns + 4 + 4)
    assert "one scale per tensor" in load({**RAW, "quantization_config": section}).notes[-1]


def test_one_scale_per_channel() -> None:
    section = {"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0, "modules_to_not_convert": ["lm_head"]}
    assert stored(section).bytes == LEFT + layers(lambda rows, columns: rows * columns + 4 * rows)


def test_mxfp8() -> None:
    assert stored({"quant_method": "mxfp8"}).bytes == LEFT + layers(
        lambda rows, columns: rows * columns + rows * ceil(columns / 32)
    )


def test_scales_that_are_powers_of_two() -> None:
    """Files of DeepSeek-V3.1 say ue8m0 and hold fp32; DeepSeek-V4 says what its experts are in, and holds e8m0."""
    narrow = {**BLOCKS, "scale_fmt": "ue8m0"}
    assert stored(narrow).bytes == stored(BLOCKS).bytes
    assert "ue8m0" in load({**RAW, "quantization_config": narrow}).notes[-1]
    whole = stored(narrow, {**SPARSE, "expert_dtype": "fp4"})
    expert = 2 * (48 * 16 + 48) + 32 * 24 + 32 * 2  # two elements to a byte, a byte per 32 of them
    attention = sum(r * c + ceil(r / 16) * ceil(c / 20) for r, c in ((32, 32), (32, 32), (16, 32), (16, 32)))
    assert whole.bytes == LEFT + 2 * (attention + 4 * expert + 2 * 4 * 32)


def test_an_embedding_may_be_named() -> None:
    section = {**BLOCKS, "modules_to_convert": ["embed_tokens"]}
    assert stored(section).bytes == stored(BLOCKS).bytes - 2 * 3200 + 3200 + 4


def test_embeddings_and_heads_that_are_tied_stand_once() -> None:
    tied = {**RAW, "tie_word_embeddings": True}
    assert stored(BLOCKS, tied).bytes == stored(BLOCKS).bytes - 2 * 3200
    assert stored(BLOCKS, tied, modules_to_not_convert=["lm_head"]).notes == ()


def test_published_size_of_deepseek_v3() -> None:
    """Files of 688,586,727,753 bytes: tensors, the prediction layer with the embedding and head that its files repeat,
    and headers of some 130 bytes per tensor."""
    entry = catalogue.find("deepseek-v3")
    assert entry is not None
    section = {"quant_method": "fp8", "weight_block_size": [128, 128], "activation_scheme": "dynamic", "fmt": "e4m3"}
    found = stored(section, {**entry.config, "dtype": "bfloat16"})
    assert found.bytes == 673_150_611_808
    quantised = 61 * 5 + 3 * 3 + 58 * 257 * 3 + 5 + 257 * 3
    tensors = 2 * quantised + 61 * 4 + 58 * 2 + 3 + 4 + 2 + 6
    headers = 688_586_727_753 - (found.bytes + found.prediction + 2 * 2 * 129_280 * 7_168)
    assert 125 < headers / tensors < 135


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("weight_block_size", [128], "[128]; allowed: two whole numbers"),
        ("weight_block_size", [128, 0], "[128, 0]; allowed: two whole numbers"),
        ("weight_block_size", [128.0, 128], "[128.0, 128]; allowed: two whole numbers"),
        ("weight_block_size", "128x128", '"128x128"; allowed: two whole numbers'),
        ("activation_scheme", "statik", '"statik"; allowed: dynamic, static; did you mean static?'),
        ("scale_fmt", 8, "8; allowed: float, ue8m0"),
        ("modules_to_not_convert", "lm_head", '"lm_head"; allowed: a list of at most'),
    ],
)
def test_what_is_wrong_is_named(field: str, value: object, said: str) -> None:
    assert refused({**BLOCKS, field: value}).startswith(f"quantization_config.{field}: got {said}")


def test_a_field_that_must_be_a_slip() -> None:
    section = {"quant_method": "fp8", "weight_blok_size": [128, 128]}
    line = "quantization_config.weight_blok_size: no such field; did you mean weight_block_size?"
    assert refused(section) == line
