"""Qwen3-VL, Qwen3.5, MiniMax-M3 and Step: patterns, sections, and what does not fit together."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import parameters_of, params
from weighbridge.formats.loading import from_raw
from weighbridge.tree import Kind, met, stored

SEEING = ("qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe", "minimax_m3_vl", "step3p7")
SLIDING, FULL = "sliding_attention", "full_attention"


def build(kind: str, **fields: Any) -> Any:
    return from_raw("test", {"model_type": kind, **fields}, {}, "")


def layers(model: Any) -> dict[str, tuple[int, tuple[int, ...] | None]]:
    return {run.name: (run.count, run.places) for run in model.network.layers}


@pytest.mark.parametrize("kind", SEEING)
def test_a_multimodal_type_needs_a_language_model(kind: str) -> None:
    with pytest.raises(InputError) as error:
        build(kind, vision_config={})
    assert str(error.value).startswith(f"text_config: missing; a {kind} configuration needs it")


@pytest.mark.parametrize("kind", SEEING)
def test_text_alone_meets_no_tower(kind: str) -> None:
    model = build(kind, text_config={})
    tower = next(node for node in model.tree.walk() if node.name == "tower")
    assert tower.kind is Kind.VISION
    assert tower.sum(parameters_of, stored) > 10**8
    assert model.tree.sum(parameters_of, met) == params(model).active <= params(model).total - 10**8
    assert params(build(kind, text_config={}, vision_config=None)).total == params(model).total


def test_the_outer_switch_ties() -> None:
    untied = params(build("qwen3_vl_moe", text_config={"tie_word_embeddings": True})).total
    tied = params(build("qwen3_vl_moe", text_config={}, tie_word_embeddings=True)).total
    assert untied - tied == 151_936 * 2_048
    either = params(build("minimax_m3_vl", text_config={"tie_word_embeddings": True})).total
    assert either == params(build("minimax_m3_vl", text_config={}, tie_word_embeddings=True)).total


def test_every_deepstack_layer_has_a_merger() -> None:
    two, none = ({"deepstack_visual_indexes": places} for places in ([3, 9], []))
    more, fewer = (params(build("qwen3_vl", text_config={}, vision_config=v)).total for v in (two, none))
    joined = 4 * 1152
    assert more - fewer == 2 * (2 * joined + joined * joined + joined + 3584 * joined + 3584)


def test_qwen_3_5_attends_in_every_fourth_layer() -> None:
    found = layers(build("qwen3_5_text", num_hidden_layers=8))
    assert found == {"linear_attention_layers": (6, (0, 1, 2, 4, 5, 6)), "full_attention_layers": (2, (3, 7))}
    assert layers(build("qwen3_5_text", num_hidden_layers=2, full_attention_interval=1)) == {"layers": (2, None)}


def test_prediction_layers_are_counted_apart() -> None:
    with_it, without = (build("qwen3_5_text", mtp_num_hidden_layers=n) for n in (1, 0))
    assert params(with_it).total == params(without).total
    layer = 2 * 4096 + 4096 * (2 * 4096 + 2 * 1024) + 4096 * 4096 + 2 * 256 + 3 * 4096 * 12288
    assert params(with_it).prediction == layer + 2 * 4096 * 4096 + 3 * 4096
    assert params(build("step3p5", num_nextn_predict_layers=3)).prediction == 743_240_448


def test_minimax_reads_both_spellings_of_its_layers() -> None:
    new = build(
        "minimax_m3_vl_text",
        num_hidden_layers=3,
        layer_types=[FULL, "minimax_m3_sparse", "minimax_m3_sparse"],
        mlp_layer_types=["dense", "sparse", "sparse"],
        index_n_heads=2,
    )
    old = build(
        "minimax_m3_vl_text",
        num_hidden_layers=3,
        moe_layer_freq=[0, 1, 1],
        index_n_heads=8,
        sparse_attention_config={"sparse_attention_freq": [0, 1, 1], "sparse_num_index_heads": 2},
    )
    assert params(new).total == params(old).total
    assert layers(old) == {"full_attention_dense_layers": (1, (0,)), "block_attention_moe_layers": (2, (1, 2))}


def test_step_s_sliding_layers_have_heads_of_their_own() -> None:
    fields = {"num_hidden_layers": 2, "layer_types": [FULL, SLIDING], "mlp_layer_types": ["dense"] * 2}
    same, more = (params(build("step3p5", **fields, **f)).total for f in ({}, {"num_sliding_attention_heads": 96}))
    assert more - same == 32 * (2 * 128 * 4096 + 4096)
    setting = {"attention_other_setting": {"attention_type": SLIDING, "num_attention_heads": 96}}
    assert params(build("step3p5", **fields, **setting)).total == more
    assert "64 as the others" in build("step3p5", **fields).notes[-1]


def test_step_s_first_layers_are_dense_and_lists_go_on_with_prediction_layers() -> None:
    assert layers(build("step3p5", num_hidden_layers=5)) == {"dense_layers": (3, (0, 1, 2)), "moe_layers": (2, (3, 4))}
    listed = build("step3p5", num_hidden_layers=4, moe_layers_enum="1, 3")
    assert layers(listed) == {"dense_layers": (2, (0, 2)), "moe_layers": (2, (1, 3))}
    longer = build("step3p5", num_hidden_layers=2, layer_types=[FULL] * 2 + [SLIDING], num_nextn_predict_layers=1)
    assert layers(longer) == {"layers": (2, None)}


def test_a_file_of_step_3_7_without_sections_is_its_language_model() -> None:
    flat = build("step3p7", hidden_size=4096, num_experts=288, first_k_dense_replace=3)
    assert flat.model_type == "step3p5"
    assert params(flat).total == params(build("step3p5")).total


SMALL = {"num_hidden_layers": 3, "num_attention_heads": 8, "num_key_value_heads": 2}
RICH: dict[str, dict[str, Any]] = {
    "qwen3_vl_moe_text": {"mlp_only_layers": [1]},
    "qwen3_5_text": {"mtp_num_hidden_layers": 2, "full_attention_interval": 2},
    "qwen3_5_moe_text": {"mtp_num_hidden_layers": 1},
    "minimax_m3_vl_text": {"sparse_attention_config": {"sparse_attention_freq": [0, 1, 1]}, "num_mtp_modules": 1},
    "step3p5": {"layer_types": [FULL, SLIDING, FULL], "sliding_window": 9, "num_sliding_attention_heads": 16},
}


@pytest.mark.parametrize("kind", RICH)
def test_figures_explain_themselves(kind: str) -> None:
    model = build(kind, **SMALL, **RICH[kind])
    for quantity in ("total", "active"):
        assert params(model).explained(quantity).value == getattr(params(model), quantity)
    for convention in ("exact", "torch"):
        report = FlopReport(model, forward_pass(70, past=2100), convention)
        assert report.explained("training").value == report.training


@pytest.mark.parametrize("kind", SEEING)
def test_towers_explain_themselves(kind: str) -> None:
    report = params(build(kind, text_config=SMALL))
    assert report.explained("total").value == report.total


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("qwen3_vl", {"text_config": None}, "text_config: got null; expected a table"),
        ("qwen3_vl", {"text_config": {"head_dim": "128"}}, 'text_config.head_dim: got "128"; expected a whole number'),
        (
            "qwen3_vl",
            {"text_config": {"num_key_value_heads": 5}},
            "text_config.num_attention_heads: 32 does",
        ),
        (
            "qwen3_vl",
            {"text_config": {}, "vision_config": {"num_heads": 7}},
            "vision_config.hidden_size: 1,152 does",
        ),
        ("qwen3_vl", {"text_config": {}, "vision_config": {"patch_size": [16, 16]}}, "vision_config.patch_size: got"),
        ("qwen3_5", {"text_config": {"linear_num_value_heads": 5}}, "linear_num_value_heads: 5 does not divide"),
        ("qwen3_5_text", {"num_hidden_layers": 2, "layer_types": [FULL]}, "has 1 entries for num_hidden_layers = 2"),
        ("qwen3_5_text", {"num_hidden_layers": 1, "layer_types": [SLIDING]}, "'sliding_attention' is no layer type"),
        ("qwen3_5_moe_text", {"num_experts": 4}, "num_experts_per_tok: 8 is more than num_experts = 4"),
        ("qwen3_vl_moe_text", {"num_experts": 2}, "num_experts_per_tok: 4 is more than num_experts = 2"),
        ("minimax_m3_vl_text", {"num_experts": 2}, "num_experts_per_tok: 4 is more than num_experts = 2"),
        ("minimax_m3_vl_text", {"moe_layer_freq": [1]}, "moe_layer_freq: has 1 entries for num_hidden_layers = 60"),
        (
            "minimax_m3_vl_text",
            {"num_hidden_layers": 1, "layer_types": ["minimax_m3_sparse"], "index_n_heads": 3},
            "index_n_heads: 64 query heads do not divide by 3",
        ),
        ("step3p5", {"num_sliding_attention_heads": 12}, "num_sliding_attention_heads: 12 does not divide"),
        ("step3p5", {"layer_types": [FULL] * 46}, "layer_types: has 46 entries for 45 layers"),
        ("step3p5", {"moe_layers_enum": "3,x"}, "moe_layers_enum: got '3,x'; expected numbers of layers"),
        ("step3p5", {"n_routed_experts": 4}, "num_experts_per_tok: 8 is more than n_routed_experts = 4"),
        ("step3p7", {"text_config": {}, "vision_config": {"heads": 7}}, "vision_config.hidden_size: 1,536 does not"),
    ],
)
def test_what_does_not_fit_together_is_said(kind: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        build(kind, **fields)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
