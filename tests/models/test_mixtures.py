"""Patterns, defaults and rules of the mixtures of experts of 2024 and 2025."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import from_raw
from weighbridge.tree import Kind

SLIDING, FULL = "sliding_attention", "full_attention"
CHOICE = {"n_routed_experts": 8, "n_shared_experts": 2, "num_experts_per_tok": 2}


def build(kind: str, **fields: Any) -> Any:
    return from_raw("test", {"model_type": kind, **fields}, {}, "")


def places(model: Any) -> dict[str, tuple[int, ...] | None]:
    return {run.name: run.places for run in model.network.layers}


def test_phi_moe_chooses_two_experts_whatever_is_said() -> None:
    one, two = build("phimoe", num_experts_per_tok=1), build("phimoe")
    assert params(one).active == params(two).active
    assert params(build("phimoe", lm_head_bias=True)).total - params(two).total == 32064
    assert params(two).total == 41_872_793_600
    assert params(build("phimoe", attention_bias=True, lm_head_bias=True)).total == 41_873_153_344  # as published


def test_ernie_starts_ends_and_skips_layers() -> None:
    model = build("ernie4_5_moe", num_hidden_layers=8, moe_layer_interval=2, moe_layer_end_index=5)
    assert places(model) == {"dense_layers": (0, 2, 4, 6, 7), "moe_layers": (1, 3, 5)}
    assert places(build("ernie4_5_moe", num_hidden_layers=3))["moe_layers"] == (1, 2)
    none = build("ernie4_5_moe", moe_num_shared_experts=0)
    assert not hasattr(none.network.layers[1].module.feed_forward, "shared_expert")


def test_ernie_counts_what_balances_its_experts() -> None:
    model = build("ernie4_5_moe", num_hidden_layers=2)
    assert params(model).by_kind[Kind.ROUTER] == 2560 * 64 + 64


def test_hunyuan_chooses_by_layer() -> None:
    fields = {"head_dim": 128, "num_experts": 8, "num_hidden_layers": 4}
    assert places(build("hunyuan_v1_moe", **fields, moe_topk=[1, 2, 2, 1, 5])) == {
        "top_1_layers": (0, 3),
        "top_2_layers": (1, 2),
    }
    one = build("hunyuan_v1_moe", **fields, moe_topk=2)
    assert places(one) == {"layers": None}
    assert params(one).active == params(build("hunyuan_v1_moe", **fields, moe_topk=[2] * 4)).active
    assert params(one).explained("active").value == params(one).active


def test_dots1_slides_after_its_first_layers() -> None:
    model = build("dots1", **CHOICE, num_hidden_layers=4, max_window_layers=2, first_k_dense_replace=1)
    assert places(model) == {
        "full_attention_dense_layers": (0,),
        "full_attention_moe_layers": (1,),
        "sliding_attention_moe_layers": (2, 3),
    }
    still = build("dots1", **CHOICE, num_hidden_layers=4, max_window_layers=2, sliding_window=None)
    assert places(still) == {"layers": None}


def test_glm_4_5_counts_prediction_apart() -> None:
    model = build("glm4_moe", head_dim=128, use_qk_norm=True, num_hidden_layers=3)
    one = params(model).total - params(build("glm4_moe", head_dim=128, use_qk_norm=True, num_hidden_layers=2)).total
    assert params(model).prediction == one + 2 * 4096 * 4096 + 3 * 4096
    assert params(build("glm4_moe", num_nextn_predict_layers=0)).prediction == 0
    assert build("glm4_moe").network.layers[0].module.mixer.head_dim == 4096 // 96


def test_minimax_m2_normalises_all_heads_together() -> None:
    attention = build("minimax_m2").network.layers[0].module.mixer
    assert (attention.q_norm.weight.count, attention.k_norm.weight.count) == (48 * 128, 8 * 128)
    assert params(build("minimax_m2", num_mtp_modules=3)).prediction == 0
    assert params(build("minimax_m2", num_mtp_modules=3, use_mtp=True)).prediction > 0


def test_mimo_v2_flash_reads_either_form_of_its_patterns() -> None:
    theirs = build("mimo_v2_flash", num_hidden_layers=8)
    published = build(
        "mimo_v2_flash",
        num_hidden_layers=8,
        hybrid_layer_pattern=[0, 1, 1, 1, 1, 0, 1, 1],
        moe_layer_freq=[0] + [1] * 7,
        sliding_window=128,
        sliding_window_size=128,
        swa_num_key_value_heads=8,
    )
    assert places(theirs) == places(published)
    assert params(theirs).total == params(published).total
    slides = published.network.layers[1].module.mixer
    assert (slides.window, slides.num_kv_heads, slides.sinks, slides.value_dim) == (129, 8, True, 128)
    named = build("mimo_v2_flash", num_hidden_layers=2, layer_types=[SLIDING, FULL], mlp_layer_types=["sparse"] * 2)
    assert places(named) == {"sliding_attention_layers": (0,), "full_attention_layers": (1,)}


def test_kimi_k2_by_hand() -> None:
    attention = 7168 * 1536 + 1536 + 1536 * 64 * 192 + 7168 * (512 + 64) + 512 + 512 * 64 * 256 + 64 * 128 * 7168
    expert, norms = 3 * 7168 * 2048, 2 * 7168
    sparse = attention + (384 + 1) * expert + 384 * 7168 + norms
    dense = attention + 3 * 7168 * 18432 + norms
    total = dense + 60 * sparse + 7168 + 2 * 163840 * 7168
    assert params(build("kimi_k2")).total == total == 1_026_408_209_408
    assert params(build("kimi_k2")).prediction == 0


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("phimoe", {"num_local_experts": 1}, "num_local_experts: got 1; allowed is at least 2"),
        ("glm4_moe", {"num_experts_per_tok": 129}, "num_experts_per_tok: 129 is more than n_routed_experts = 128"),
        ("glm4_moe", {"num_local_experts": 2}, "num_experts_per_tok: 8 is more than num_local_experts = 2"),
        ("ernie4_5_moe", {"moe_k": 65}, "moe_k: 65 is more than moe_num_experts = 64"),
        ("ernie4_5_moe", {"moe_layer_interval": 0}, "moe_layer_interval: got 0; allowed is at least 1"),
        ("ernie4_5_moe", {"moe_layer_end_index": -2}, "moe_layer_end_index: got -2; allowed is at least -1"),
        ("ernie4_5_moe", {"num_key_value_heads": None}, "num_key_value_heads: got null; expected a whole number"),
        ("hunyuan_v1_moe", {"head_dim": 128, "moe_topk": 2}, "moe_topk: 2 is more than num_experts = 1"),
        (
            "hunyuan_v1_moe",
            {"head_dim": 128, "num_experts": 4, "moe_topk": [1, 2]},
            "moe_topk: has 2 entries for num_hidden_layers = 32",
        ),
        ("hunyuan_v1_moe", {"head_dim": 128, "moe_topk": []}, "allowed is at least 1 entries"),
        ("dots1", {}, r"missing; a dots1 configuration needs it \(and"),
        ("dots1", {**CHOICE, "layer_types": ["full_attention"]}, "layer_types: has 1 entries for num_hidden_layers"),
        ("minimax_m2", {"num_experts": 4}, "num_experts_per_tok: 8 is more than num_experts = 4"),
        ("mimo_v2_flash", {"mlp_layer_types": ["moe"] * 48}, "'moe' is no layer type of this family; allowed: dense"),
        ("mimo_v2_flash", {"hybrid_layer_pattern": [2] * 48}, "'2' is no layer type of this family; allowed: 0, 1"),
        ("mimo_v2_flash", {"moe_layer_freq": [1]}, "moe_layer_freq: has 1 entries for num_hidden_layers = 48"),
        ("mimo_v2_flash", {"num_attention_heads": 4}, "does not divide by the 8 key/value heads of sliding layers"),
        ("kimi_k2", {"num_experts_per_tok": "8"}, 'num_experts_per_tok: got "8"; expected a whole number'),
    ],
)
def test_what_does_not_fit_together_is_said(kind: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        build(kind, **fields)
    assert "\n" not in str(error.value)
