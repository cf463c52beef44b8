"""Patterns, defaults and rules of the dense families of 2024 and 2025; by hand, what transformers has no class for."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import params
from weighbridge.estimate.training import train
from weighbridge.formats.loading import from_raw
from weighbridge.nn import MLP, GatedMLP, LinearFeedForward, LinearMixer
from weighbridge.parallel.plan import Plan

GIVEN: dict[str, dict[str, Any]] = {"attention": {"n_heads_in_group": 8}, "ffn": {"ffn_mult": 5.25}}
BARE = {"attention": {"no_op": True}, "ffn": {"no_op": True}}
LINEAR = {"attention": {"replace_with_linear": True}, "ffn": {"replace_with_linear": True}}


def build(kind: str, **fields: Any) -> Any:
    return from_raw("test", {"model_type": kind, **fields}, {}, "")


def places(model: Any) -> dict[str, tuple[int, ...] | None]:
    return {run.name: run.places for run in model.network.layers}


def nas(*blocks: dict[str, Any], **fields: Any) -> Any:
    sizes = {"hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers": len(blocks), "vocab_size": 1000}
    return build("nemotron-nas", block_configs=list(blocks), **{**sizes, **fields})


def test_arcee_has_two_projections_and_apertus_two_slopes_more() -> None:
    sizes = {"hidden_size": 64, "intermediate_size": 100, "num_attention_heads": 4, "num_hidden_layers": 3}
    plain, learned = build("arcee", **sizes), build("apertus", **sizes, tie_word_embeddings=True, vocab_size=32000)
    assert isinstance(plain.network.layers[0].module.feed_forward, MLP)
    attention, mlp, norms = 4 * 64 * 64, 2 * 64 * 100, 2 * 64
    assert params(plain).total == 3 * (attention + mlp + norms) + 64 + 2 * 64 * 32000
    assert params(learned).total == 3 * (attention + mlp + norms + 2 + 2 * 16) + 64 + 64 * 32000
    assert params(build("apertus", **sizes, hidden_act="silu")).total == params(build("apertus", **sizes)).total - 3 * 2


def test_every_fourth_layer_of_smollm3_has_no_positions() -> None:
    assert places(build("smollm3", num_hidden_layers=8)) == {
        "rotary_layers": (0, 1, 2, 4, 5, 6),
        "no_positions_layers": (3, 7),
    }
    slides = build("smollm3", num_hidden_layers=4, use_sliding_window=True, sliding_window=8, no_rope_layers=[1, 0] * 4)
    assert places(slides) == {"rotary_full_attention_layers": (0, 2), "no_positions_sliding_attention_layers": (1, 3)}
    assert slides.network.layers[1].module.mixer.window == 8
    assert not slides.network.layers[1].module.mixer.rotary


def test_exaone_4_normalises_outputs_only_and_turns_sliding_layers_only() -> None:
    hybrid = build("exaone4", num_hidden_layers=8)
    assert places(hybrid) == {"sliding_attention_layers": (0, 1, 2, 4, 5, 6), "full_attention_layers": (3, 7)}
    assert [run.module.mixer.rotary for run in hybrid.network.layers] == [True, False]
    assert not hybrid.network.layers[0].module.pre_norm
    full = build("exaone4", num_hidden_layers=2, sliding_window=None, layer_types=["full_attention"] * 2)
    assert full.network.layers[0].module.mixer.rotary


def test_letters_of_exaone_4_go_with_layer_types() -> None:
    fields = {"num_hidden_layers": 2, "sliding_window_pattern": "LG"}
    types = ["sliding_attention", "full_attention"]
    assert len(build("exaone4", **fields, layer_types=types).network.layers) == 2
    with pytest.raises(InputError, match="layer_types: missing"):
        build("exaone4", **fields)


def test_glm_4_has_twice_the_norms_of_glm() -> None:
    fields = {"num_hidden_layers": 5, "hidden_size": 512, "vocab_size": 1000}
    assert params(build("glm4", **fields)).total - params(build("glm", **fields)).total == 5 * 2 * 512


def test_seed_oss_counts_biases_where_it_has_them() -> None:
    with_it, without = build("seed_oss"), build("seed_oss", attention_bias=False)
    assert params(with_it).total - params(without).total == 64 * (80 + 8 + 8) * 128


def test_mimo_7b_by_hand() -> None:
    sizes = {"num_key_value_heads": 8, "num_hidden_layers": 36, "vocab_size": 151680, "intermediate_size": 11008}
    model = build("mimo", **sizes, num_nextn_predict_layers=1)
    attention = 2 * 4096 * 4096 + 4096 + 2 * (4096 * 1024 + 1024)
    layer = attention + 3 * 4096 * 11008 + 2 * 4096
    assert params(model).total == 36 * layer + 4096 + 2 * 151680 * 4096 == 7_622_619_136
    assert params(model).prediction == layer + 2 * 4096 * 4096 + 3 * 4096  # a joint projection and three norms
    # together what its repository holds: 7.83 billion
    assert params(model).total + params(model).prediction == 7_833_409_536
    assert FlopReport(model, forward_pass(8, prediction=True)).forward > FlopReport(model, forward_pass(8)).forward


def test_nemotron_super_49b_by_hand() -> None:
    def network(inner: int) -> int:
        return 3 * 8192 * inner + 8192

    def shape(group: int | None, mult: float) -> dict[str, Any]:
        return {
            "attention": {"n_heads_in_group": group, "no_op": group is None, "window_length": None},
            "ffn": {"ffn_mult": mult, "no_op": False, "sparsify": None},
        }

    alone = {2.625: 5, 3.28125: 1, 1.3125: 10, 5.25: 1, 1.0: 8, 0.5: 6}
    blocks = [shape(8, 5.25)] * 48 + [shape(8, 2.625)]
    blocks += [shape(None, mult) for mult, times in alone.items() for _ in range(times)]
    sizes = {"hidden_size": 8192, "num_attention_heads": 64, "num_hidden_layers": 80, "vocab_size": 128256}
    model = build("nemotron-nas", **sizes, block_configs=blocks, intermediate_size=None, num_key_value_heads=None)
    attention = 2 * 8192 * 8192 + 2 * 8192 * 1024 + 8192
    widths = {5.25: 28672, 2.625: 14336, 3.28125: 17920, 1.3125: 7168, 1.0: 5632, 0.5: 2816}  # multiples of 256
    networks = 48 * network(28672) + network(14336) + sum(t * network(widths[m]) for m, t in alone.items())
    assert params(model).total == 49 * attention + networks + 8192 + 2 * 128256 * 8192 == 49_867_145_216


def test_branches_of_llama_nemotron_are_left_out_or_replaced() -> None:
    model = nas(GIVEN, BARE, LINEAR, GIVEN)
    given, bare, linear = (run.module for run in model.network.layers)
    assert isinstance(given.feed_forward, GatedMLP)
    assert (given.mixer.num_kv_heads, given.feed_forward.intermediate_size) == (2, 3584)
    assert (bare.mixer, bare.feed_forward) == (None, None)
    assert isinstance(linear.mixer, LinearMixer)
    assert isinstance(linear.feed_forward, LinearFeedForward)
    own = 2 * 1024 * 1024 + 2 * 1024 * 128 + 3 * 1024 * 3584 + 2 * 1024
    assert params(model).total == 2 * own + 2 * (1024 * 1024 + 1024) + 1024 + 2 * 1000 * 1024
    assert params(model).explained().value == params(model).total


@pytest.mark.parametrize("framework", ["hf-sdpa", "megatron"])
def test_a_layer_without_branches_takes_nothing_from_what_follows_it(framework: str) -> None:
    def peak(*blocks: dict[str, Any]) -> int:
        return int(train(nas(*blocks), Plan.under(framework, micro_batch=2, sequence=64)).stages[0].peak_allocated)

    assert peak(GIVEN, BARE) == peak(BARE, GIVEN) == peak(GIVEN)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("arcee", {"hidden_size": 100, "head_dim": 16}, "hidden_size: 100 does not divide by num_attention_heads = 32"),
        ("apertus", {"hidden_act": 3}, "hidden_act: got 3; expected a string"),
        ("smollm3", {"no_rope_layers": [1, 0]}, "no_rope_layers: has 2 entries for num_hidden_layers = 36"),
        ("smollm3", {"no_rope_layer_interval": 0}, "no_rope_layer_interval: got 0; allowed is at least 1"),
        ("smollm3", {"layer_types": ["full_attention"]}, "layer_types: has 1 entries for num_hidden_layers = 36"),
        ("exaone4", {"sliding_window": None}, "layer_types: missing"),
        ("exaone4", {"layer_types": ["chunked"] * 32}, "'chunked' is no layer type of this family"),
        ("glm", {"head_dim": None}, "head_dim: got null; expected a whole number"),
        ("glm4", {"num_key_value_heads": 3}, "num_attention_heads: 32 does not divide by num_key_value_heads = 3"),
        ("ernie4_5", {"use_bias": "no"}, 'use_bias: got "no"; expected true or false'),
        ("hunyuan_v1_dense", {}, "head_dim: missing; a hunyuan_v1_dense configuration needs it"),
        ("hunyuan_v1_dense", {"head_dim": "128"}, 'head_dim: got "128"; expected a whole number'),
        ("mimo", {"num_nextn_predict_layers": -1}, "num_nextn_predict_layers: got -1; allowed is at least 0"),
        ("nemotron-nas", {}, "block_configs: missing; a nemotron-nas configuration needs it"),
        ("nemotron-nas", {"block_configs": []}, "block_configs: got a list of 0; allowed is at least 1 entries"),
        ("nemotron-nas", {"block_configs": [GIVEN]}, "block_configs: has 1 entries for num_hidden_layers = 32"),
        ("nemotron-nas", {"block_configs": [{"attention": {}}]}, "block_configs.0.ffn: missing"),
    ],
)
def test_what_does_not_fit_together_is_said(kind: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        build(kind, **fields)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"attention": {}, "ffn": GIVEN["ffn"]}, "block_configs.0.attention.n_heads_in_group: missing"),
        ({"attention": {"n_heads_in_group": 3}, "ffn": GIVEN["ffn"]}, "3 does not divide num_attention_heads = 16"),
        ({"attention": {"n_heads_in_group": "8"}, "ffn": GIVEN["ffn"]}, 'got "8"; expected a whole number'),
        ({"attention": {**GIVEN["attention"], "window_length": 64}, "ffn": GIVEN["ffn"]}, "window_length: 64; only"),
        ({"attention": GIVEN["attention"], "ffn": {}}, "block_configs.0.ffn.ffn_mult: missing"),
        ({"attention": GIVEN["attention"], "ffn": {"ffn_mult": 0}}, "ffn_mult: got 0; allowed is more than 0"),
        ({"attention": GIVEN["attention"], "ffn": {"ffn_mult": 1, "no_op": 1}}, "no_op: got 1; expected true or false"),
    ],
)
def test_a_block_that_does_not_fit_is_said(block: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        nas(block)
    assert "\n" not in str(error.value)
