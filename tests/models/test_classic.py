"""Facts of the families of tests/oracle/types/classic.py and normed.py by hand: published totals, patterns, rules."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.cache import cache
from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import from_raw
from weighbridge.nn import ClippedAttention
from weighbridge.tree import Kind

TYPES = {
    "gpt_neox": 20_554_567_680,
    "gptj": 6_050_882_784,
    "gpt_bigcode": 111_446_784,
    "opt": 125_239_296,
    "bloom": 16_156_544,
    "falcon": 6_921_720_704,
    "mpt": 1_311_213_568,
    "phi": 1_418_270_720,
    "starcoder2": 3_030_371_328,
    "stablelm": 2_795_443_200,
    "gemma": 8_537_680_896,
    "cohere": 34_980_831_232,
    "cohere2": 34_980_831_232,
    "granite": 6_738_415_616,
    "granitemoe": 37_039_116_288,
    "olmo": 6_888_095_744,
    "olmo2": 6_888_624_128,
    "olmo3": 6_888_624_128,
    "olmoe": 13_361_612_800,
    "dbrx": 2_459_207_680,
}
"""Totals of the defaults. GPT-NeoX 20B, GPT-J, OPT 125M, Falcon 7B, StableLM 3B, Gemma 7B, Command R and OLMo 7B are
published models, of published sizes.
"""


def build(kind: str, **fields: Any) -> Any:
    return from_raw("test", {"model_type": kind, **fields}, {}, "")


def layers(model: Any) -> dict[str, tuple[int, tuple[int, ...] | None]]:
    return {run.name: (run.count, run.places) for run in model.network.layers}


@pytest.mark.parametrize(("kind", "total"), TYPES.items())
def test_defaults(kind: str, total: int) -> None:
    assert params(build(kind)).total == total


def test_opt_350m_has_narrow_embeddings_and_no_last_norm() -> None:
    sizes = {"hidden_size": 1024, "ffn_dim": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    model = build("opt", **sizes, word_embed_proj_dim=512, do_layer_norm_before=False)
    assert params(model).total == 331_196_416
    same = build("opt", **sizes, word_embed_proj_dim=1024)
    assert [n.name for n in same.tree.walk() if n.name.endswith("_proj")] == [
        *("q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj")
    ]


def test_opt_has_two_rows_of_positions_more_than_positions() -> None:
    table = next(n for n in build("opt").tree.walk() if n.name == "position")
    assert table.weights["weight"].count == 2050 * 768


def test_falcon_40b_shares_keys_in_groups_but_caches_them_for_every_head() -> None:
    sizes = {"hidden_size": 8192, "num_hidden_layers": 60, "num_attention_heads": 128, "num_kv_heads": 8}
    model = build("falcon", **sizes, new_decoder_architecture=True)
    assert params(model).total == 41_303_293_952
    assert cache(model, 1, 1, "bf16").bytes == 60 * 2 * 8192 * 2
    assert cache(build("falcon"), 1, 1, "bf16").bytes == 32 * 2 * 64 * 2


@pytest.mark.parametrize(
    ("fields", "norms"),
    [
        ({}, 1),
        ({"new_decoder_architecture": True}, 2),
        ({"parallel_attn": False}, 2),
        ({"new_decoder_architecture": True, "num_ln_in_parallel_attn": 1}, 1),
    ],
)
def test_falcon_norms(fields: dict[str, Any], norms: int) -> None:
    (run,) = build("falcon", **fields).network.layers
    assert len([n for n in run.node().walk() if n.kind is Kind.NORM]) == norms


def test_command_r7b_turns_only_where_it_slides() -> None:
    found = {run.name: run for run in build("cohere2", num_hidden_layers=8).network.layers}
    assert found["full_attention_layers"].places == (3, 7)
    assert [run.module.mixer.rotary for run in found.values()] == [True, False]
    assert [run.module.mixer.window for run in found.values()] == [4096, None]


def test_sliding_layers_of_olmo_3() -> None:
    assert layers(build("olmo3", num_hidden_layers=4))["full_attention_layers"] == (1, (3,))
    assert layers(build("olmo3", num_hidden_layers=2, layer_types=["full_attention"] * 2)) == {"layers": (2, None)}


def test_norms_over_all_heads_weigh_what_all_heads_do() -> None:
    for kind in ("olmo2", "olmoe"):
        tree = build(kind, hidden_size=64, num_attention_heads=4, num_key_value_heads=2).tree
        sizes = {n.name: n.weights["weight"].count for n in tree.walk() if n.name in ("q_norm", "k_norm")}
        assert sizes == {"q_norm": 64, "k_norm": 32}


def test_norms_of_each_head_have_weights_of_their_own() -> None:
    tree = build("cohere", use_qk_norm=True, num_key_value_heads=8).tree
    assert {n.weights["weight"].count for n in tree.walk() if n.name in ("q_norm", "k_norm")} == {64 * 128, 8 * 128}
    assert not [n for n in build("cohere").tree.walk() if n.name == "q_norm"]


def test_olmo_norms_have_no_weights() -> None:
    assert not any(n.weights for n in build("olmo").tree.walk() if n.kind is Kind.NORM)


def test_heads_with_a_bias() -> None:
    for kind, vocabulary in (("gptj", 50400), ("phi", 51200)):
        head = next(n for n in build(kind).tree.walk() if n.name == "head")
        assert head.weights["offset"].count == vocabulary


def test_dbrx_sections() -> None:
    sections = {"attn_config": {"kv_n_heads": 8}, "ffn_config": {"moe_num_experts": 16, "moe_top_k": 4}}
    sections["ffn_config"]["ffn_hidden_size"] = 10752
    sizes = {"d_model": 6144, "n_heads": 48, "n_layers": 40, "vocab_size": 100352}
    report = params(build("dbrx", **sizes, **sections))
    assert (report.total, report.active) == (131_596_523_520, 131_596_523_520 - 40 * 12 * 3 * 6144 * 10752)


def test_mpt_is_built_as_transformers_builds_it() -> None:
    plain, other = build("mpt"), build("mpt", expansion_ratio=2, no_bias=False, learned_pos_emb=False, attn_config=None)
    assert params(plain).total == params(other).total
    clipped = build("mpt", attn_config={"clip_qkv": 8})
    assert isinstance(clipped.network.layers[0].module.mixer, ClippedAttention)
    assert FlopReport(clipped, forward_pass(8)).training == FlopReport(plain, forward_pass(8)).training


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("gpt_neox", {"num_attention_heads": 7}, "hidden_size: 6,144 does not divide by num_attention_heads = 7"),
        ("gptj", {"n_head": 5}, "n_embd|hidden_size: 4,096 does not divide by n_head = 5"),
        ("gpt_bigcode", {"add_cross_attention": True}, "encoder-decoder"),
        ("opt", {"word_embed_proj_dim": 0}, "word_embed_proj_dim: got 0; allowed is at least 1"),
        ("opt", {"enable_bias": None}, "enable_bias: got null; expected true or false"),
        ("bloom", {"n_embed": 65}, "n_embed: 65 does not divide by num_attention_heads = 8"),
        ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 8}, "71 does not divide by num_kv_heads = 8"),
        ("mpt", {"attn_config": {"clip_qkv": "8"}}, 'attn_config.clip_qkv: got "8"; expected a number'),
        ("mpt", {"attn_config": 3}, "attn_config: got 3; expected a table"),
        ("phi", {"head_dim": 10, "qk_layernorm": True}, "has to be hidden_size = 2,048 where queries are normalised"),
        ("starcoder2", {"num_key_value_heads": None}, "num_key_value_heads: got null; expected a whole number"),
        ("stablelm", {"num_key_value_heads": 5}, "num_attention_heads: 32 does not divide by num_key_value_heads = 5"),
        ("gemma", {"head_dim": None}, "head_dim: got null; expected a whole number"),
        ("nemotron", {}, "num_key_value_heads: missing; a nemotron configuration needs it"),
        ("dbrx", {"attn_config": {"kv_n_heads": 3}}, "attn_config.kv_n_heads: 3 does not divide num_attention_heads"),
        ("dbrx", {"ffn_config": {"moe_top_k": 5}}, "ffn_config.moe_top_k: 5 is more than moe_num_experts = 4"),
        ("dbrx", {"tie_word_embeddings": True}, "tie_word_embeddings: true is not supported"),
        ("cohere2", {"layer_types": ["sliding_attention"]}, "layer_types: has 1 entries for num_hidden_layers = 40"),
        ("granitemoe", {"num_local_experts": 1}, "num_experts_per_tok: 2 is more than num_local_experts = 1"),
        ("olmo3", {"num_hidden_layers": 1, "layer_types": ["chunked"]}, "'chunked' is no layer type of this family"),
        ("olmoe", {"num_local_experts": 4}, "num_experts_per_tok: 8 is more than num_local_experts = 4"),
        ("olmoe", {"head_dim": 64}, "head_dim: 64, but num_attention_heads = 16 times it has to be hidden_size"),
    ],
)
def test_what_does_not_fit_together_is_said(kind: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        build(kind, **fields)
    assert "\n" not in str(error.value)
