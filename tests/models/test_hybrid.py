"""Defaults, patterns and rules of families that mix attention with state spaces, convolutions or linear attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.models.test_families import build, layers
from tests.property.test_numbers import HELPERS, bound
from weighbridge.errors import InputError
from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import parameters_of, params
from weighbridge.models import Model, family
from weighbridge.report.formula import expression, symbols
from weighbridge.tree import Kind, met, stored

FULL, LINEAR = "full_attention", "linear_attention"

KIMI_SECTION: dict[str, Any] = {
    "head_dim": 128,
    "num_heads": 32,
    "short_conv_kernel_size": 4,
    "full_attn_layers": [4, 8, 12, 16, 20, 24, 27],
    "kda_layers": [layer for layer in range(1, 28) if layer not in (4, 8, 12, 16, 20, 24, 27)],
}


@pytest.mark.parametrize(
    ("kind", "fields", "total"),
    [
        ("mamba", {"hidden_size": 2560, "num_hidden_layers": 64}, 2_768_345_600),
        ("jamba", {}, 51_570_323_328),
        ("bamba", {"attn_layer_indices": [9, 18, 27], "mamba_d_state": 128, "vocab_size": 128256}, 9_780_235_392),
        (
            "lfm2",
            {"hidden_size": 2048, "num_hidden_layers": 16, "full_attn_idxs": [2, 5, 8, 10, 12, 14]},
            1_170_340_608,
        ),
        (
            "kimi_linear",
            {"linear_attn_config": KIMI_SECTION, "num_experts": 256, "num_experts_per_token": 8},
            49_122_675_072,
        ),
    ],
    ids=["mamba-2.8b", "jamba-v0.1", "bamba-9b", "lfm2-1.2b", "kimi-linear-48b"],
)
def test_published_sizes(kind: str, fields: dict[str, Any], total: int) -> None:
    assert params(build(kind, **fields)).total == total


def test_jamba_attends_and_routes_in_periods() -> None:
    found = layers(build("jamba", num_hidden_layers=16))
    assert {name: places for name, (_, places) in found.items()} == {
        "linear_attention_dense_layers": (0, 2, 6, 8, 10, 14),
        "linear_attention_moe_layers": (1, 3, 5, 7, 9, 11, 13, 15),
        "full_attention_dense_layers": (4, 12),
    }
    assert list(layers(build("jamba", num_hidden_layers=2, num_experts=1))) == ["layers"]


def test_mamba_takes_its_inner_size_from_the_file_where_it_is_there() -> None:
    wide, narrow = build("mamba", intermediate_size=1000), build("mamba")
    assert wide.config.inner_size == 1000
    assert narrow.config.inner_size == 2 * 768
    assert narrow.network.layers[0].module.mixer.dt_rank == 48


def test_granite_with_and_without_experts() -> None:
    sizes = {"num_hidden_layers": 2, "layer_types": ["mamba", "attention"]}
    sparse, dense = build("granitemoehybrid", **sizes), build("granitemoehybrid", **sizes, num_local_experts=0)
    assert list(layers(sparse)) == ["linear_attention_layers", "full_attention_layers"]
    assert {Kind.EXPERTS, Kind.ROUTER} <= set(params(sparse).by_kind)
    shared = 3 * 4096 * 1024
    assert params(dense).by_kind[Kind.MLP] == 2 * shared
    assert Kind.EXPERTS not in params(dense).by_kind


def test_falcons_multipliers_are_buffers() -> None:
    report = params(build("falcon_h1", num_hidden_layers=3))
    assert report.buffers == 3 * (2 * 1024 + 2 * 256 + 128)


def test_zamba_shares_blocks_by_turns() -> None:
    one, two = (build("zamba2", num_mem_blocks=blocks) for blocks in (1, 2))
    assert {name: count for name, (count, _) in layers(one).items()} == {
        "linear_attention_layers": 45,
        "hybrid_layers": 9,
    }
    assert layers(two)["hybrid_1_layers"] == (5, (6, 18, 30, 42, 51))
    assert layers(two)["hybrid_2_layers"] == (4, (12, 24, 36, 47))
    attention, mlp = 3 * 5120 * 5120 + 5120 * 2560, 3 * 2560 * 10240
    assert params(two).total - params(one).total == attention + mlp + 5120 + 2560
    adapters = params(build("zamba2", adapter_rank=129)).total - params(one).total
    assert adapters == 9 * (2560 + 2 * 10240), "those of each use"


def test_lfm_2_rounds_its_feed_forward_network() -> None:
    assert build("lfm2", intermediate_size=1000).config.feed_forward_size == 768
    assert build("lfm2", intermediate_size=1000, block_ffn_dim_multiplier=1.3).config.feed_forward_size == 1024
    assert build("lfm2", block_ff_dim=1000, block_auto_adjust_ff_dim=False).config.feed_forward_size == 1000


def test_minimax_attends_by_turns() -> None:
    found = layers(build("minimax", num_hidden_layers=5))
    assert found == {"full_attention_layers": (3, (0, 2, 4)), "linear_attention_layers": (2, (1, 3))}
    own_code = layers(build("minimax", num_hidden_layers=4, attn_type_list=[0, 0, 0, 1]))
    assert own_code == {"linear_attention_layers": (3, (0, 1, 2)), "full_attention_layers": (1, (3,))}


def test_kimi_reads_places_from_its_section_and_without_it() -> None:
    published = build("kimi_linear", linear_attn_config=KIMI_SECTION)
    assert layers(published)["full_attention_sparse_layers"][1] == (3, 7, 11, 15, 19, 23, 26)
    assert layers(build("kimi_linear"))["full_attention_sparse_layers"][1] == (4, 8, 12, 16, 20, 24)
    assert published.config.mixer(LINEAR).num_heads == 32
    named = build("kimi_linear", layer_types=[LINEAR] * 27, linear_attn_config=KIMI_SECTION, first_k_dense_replace=0)
    assert list(layers(named)) == ["layers"]


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("mamba", {"time_step_rank": "none"}, 'time_step_rank: got "none"; .*auto'),
        ("mamba", {"hidden_size": None}, "hidden_size: got null; expected a whole number"),
        ("jamba", {"attn_layer_offset": 8}, "attn_layer_offset: 8 must be less than attn_layer_period = 8"),
        ("jamba", {"num_experts_per_tok": 17}, "num_experts_per_tok: 17 is more than num_experts = 16"),
        ("jamba", {"num_local_experts": 0.5}, "num_local_experts: got 0.5; expected a whole number"),
        ("bamba", {"mamba_n_heads": 100}, "100 heads of 81 channels do not make an inner size of 8,192"),
        ("bamba", {"mamba_d_head": 32}, "128 heads of 32 channels do not make an inner size of 8,192"),
        ("bamba", {"mamba_n_groups": 3}, "mamba_n_heads: 128 does not divide by mamba_n_groups = 3"),
        ("bamba", {"num_attention_heads": 33}, "hidden_size: 4,096 does not divide by num_attention_heads = 33"),
        ("granitemoehybrid", {"layers_block_type": ["mamba"]}, "has 1 entries for num_hidden_layers = 32"),
        ("granitemoehybrid", {"layer_types": ["sliding_attention"] * 32}, "'sliding_attention' is no layer type"),
        ("granitemoehybrid", {"num_experts_per_tok": 0}, "num_experts_per_tok: got 0; .* need at least 1"),
        ("falcon_h1", {"mamba_d_ssm": 1000}, "128 heads of 7 channels do not make an inner size of 1,000"),
        ("falcon_h1", {"mamba_d_state": "256"}, 'mamba_d_state: got "256"; expected a whole number'),
        ("zamba2", {"num_hidden_layers": 5}, "has 54 entries for num_hidden_layers = 5"),
        ("zamba2", {"hybrid_layer_ids": [1, 2]}, "hybrid_layer_ids: are not the places of the hybrid layers"),
        ("zamba2", {"use_shared_attention_adapter": True, "num_key_value_heads": 8}, "8 heads of 160 have other ones"),
        ("zamba2", {"n_mamba_heads": 7}, "7 heads do not divide mamba_expand x hidden_size = 5,120"),
        ("lfm2", {"block_ffn_dim_multiplier": 0}, "block_ffn_dim_multiplier: got 0; allowed is more than 0"),
        ("lfm2", {"num_hidden_layers": 1, "layer_types": ["mamba"]}, "'mamba' is no layer type of this family"),
        ("minimax", {"num_experts": 1}, "num_experts_per_tok: 2 is more than num_experts = 1"),
        ("minimax", {"num_hidden_layers": 2, "layer_types": ["full_attention"]}, "has 1 entries"),
        ("minimax", {"attn_type_list": [0]}, "attn_type_list: has 1 entries for num_hidden_layers = 32"),
        ("kimi_linear", {"num_experts_per_token": 300}, "num_experts_per_token: 300 is more than num_local_experts"),
        ("kimi_linear", {"mlp_layer_types": ["sparse"]}, "mlp_layer_types: has 1 entries for num_hidden_layers = 27"),
        (
            "kimi_linear",
            {"num_hidden_layers": 2, "linear_attn_config": KIMI_SECTION},
            "linear_attn_config: full_attn_layers and kda_layers do not name the layers 1 to 2 once each",
        ),
        ("kimi_linear", {"linear_attn_config": []}, "linear_attn_config: got "),
    ],
)
def test_what_does_not_fit_together_is_said(kind: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        build(kind, **fields)
    assert "\n" not in str(error.value)


SMALL = {"vocab_size": 96, "hidden_size": 48, "num_attention_heads": 4, "num_hidden_layers": 5, "intermediate_size": 36}
MAMBA_2 = {"mamba_n_heads": 8, "mamba_d_state": 6, "mamba_chunk_size": 16}
NUMBERS: dict[str, dict[str, Any]] = {
    "mamba": {"hidden_size": 48, "num_hidden_layers": 3},
    "jamba": {**SMALL, "num_key_value_heads": 2, "num_experts": 4},
    "bamba": {**SMALL, **MAMBA_2, "num_key_value_heads": 2, "attn_layer_indices": [1]},
    "granitemoehybrid": {**SMALL, **MAMBA_2, "layer_types": [LINEAR, FULL, LINEAR, FULL, LINEAR]},
    "falcon_h1": {**SMALL, **MAMBA_2, "num_key_value_heads": 2, "mamba_d_ssm": None},
    "zamba2": {**SMALL, "layers_block_type": [LINEAR, "hybrid", "hybrid", LINEAR, "hybrid"], "num_mem_blocks": 2},
    "lfm2": {**SMALL, "num_key_value_heads": 2, "full_attn_idxs": [1], "block_multiple_of": 4},
    "minimax": {**SMALL, "num_key_value_heads": 2, "block_size": 16},
    "kimi_linear": {**SMALL, "num_local_experts": 8, "num_experts_per_tok": 2, "linear_num_heads": 2},
}


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("convention", ["exact", "torch"])
def test_derivations_give_what_integers_give(kind: str, convention: str) -> None:
    model = build(kind, **NUMBERS[kind])
    for report, quantities in (
        (params(model), ("total", "active")),
        (FlopReport(model, forward_pass(37, 2), convention), ("training",)),
    ):
        for quantity in quantities:
            traced, number = report.explained(quantity), getattr(report, quantity)
            assert traced.value == number
            assert eval(expression(traced), HELPERS, symbols(traced)) == number


@pytest.mark.parametrize("kind", NUMBERS)
def test_arrays_give_what_integers_give(kind: str) -> None:
    config, make, factors = build(kind, **NUMBERS[kind]).config, family(kind).build, [1, 2, 5]
    many, each = make(bound(config, np.array(factors, dtype=np.float64))), [make(bound(config, f)) for f in factors]
    for copies in (stored, met):
        found: Any = many.node().sum(parameters_of, copies)
        assert np.broadcast_to(found, 3).tolist() == [one.node().sum(parameters_of, copies) for one in each]
    for convention in ("exact", "torch"):
        swept: Any = FlopReport(Model.of(many), forward_pass(37), convention).training
        single = [FlopReport(Model.of(one), forward_pass(37), convention).training for one in each]
        assert np.broadcast_to(swept, 3).tolist() == single


def test_lfm2_moe_needs_its_layers_and_starts_dense() -> None:
    with pytest.raises(InputError, match="layer_types: missing; allowed for each layer: full_attention, conv"):
        build("lfm2_moe")
    model = build("lfm2_moe", num_hidden_layers=4, layer_types=["conv", "conv", "full_attention", "conv"])
    kinds = {run.name: run.count for run in model.network.layers}
    assert kinds == {"conv_dense_layers": 2, "full_attention_moe_layers": 1, "conv_moe_layers": 1}
