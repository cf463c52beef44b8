"""Gemma 3 to 4 with and without eyes: patterns, shared keys and values, caches and rules, by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.models.test_families import build, layers
from weighbridge.errors import InputError
from weighbridge.estimate.cache import cache
from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import params
from weighbridge.tape import Phase
from weighbridge.tree import Kind

SMALL = {"vocab_size": 100, "hidden_size": 32, "intermediate_size": 20, "num_hidden_layers": 7}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
GEMMA_4 = {**SMALL, **HEADS, "global_head_dim": 16, "vocab_size_per_layer_input": 90, "hidden_size_per_layer_input": 6}
GEMMA_3N = {**SMALL, **HEADS, "num_kv_shared_layers": 2, "vocab_size_per_layer_input": 90, "laurel_rank": 3}


def part(model: Any, *names: str) -> Any:
    """A node of a model's tree by the names on the way to it."""
    node = model.tree
    for name in names:
        node = next(child for child in node.children if child.name == name)
    return node


def own(node: Any) -> int:
    """Parameters of a node and all below it."""
    weights = sum(w.count for w in node.weights.values() if not w.buffer)
    return int(weights + sum(child.times * own(child) for child in node.children))


def test_gemma_4s_last_layer_attends_to_everything() -> None:
    found = layers(build("gemma4_text", **GEMMA_4))
    assert found == {"sliding_attention_layers": (5, (0, 1, 2, 3, 4)), "full_attention_layers": (2, (5, 6))}
    one = build("gemma4_text", **{**GEMMA_4, "num_hidden_layers": 1, "layer_types": ["sliding_attention"]})
    assert part(one, "layers", "attention").module.head_dim == 16


def test_layers_that_share_keys_and_values_project_queries_only() -> None:
    shared = build("gemma4_text", **GEMMA_4, num_kv_shared_layers=1, use_double_wide_mlp=True)
    assert layers(shared)["full_attention_shared_layers"] == (1, (6,))
    attention, mlp = (part(shared, "full_attention_shared_layers", name) for name in ("attention", "mlp"))
    assert own(attention) == 2 * 32 * 4 * 16 + 16
    assert own(mlp) == 3 * 32 * 40
    mine = part(shared, "full_attention_own_layers", "attention")
    assert own(mine) == 2 * 32 * 4 * 16 + 2 * 32 * 2 * 16 + 2 * 16


def test_values_may_be_what_keys_are_made_from() -> None:
    model = build("gemma4_text", **GEMMA_4, attention_k_eq_v=True, num_global_key_value_heads=1)
    assert own(part(model, "full_attention_layers", "attention")) == 2 * 32 * 4 * 16 + 32 * 16 + 2 * 16
    assert own(part(model, "sliding_attention_layers", "attention")) == 2 * 32 * 4 * 8 + 2 * 32 * 2 * 8 + 2 * 8


def test_sizes_of_single_layers_are_read_as_transformers_writes_them() -> None:
    written: dict[str, Any] = copy.deepcopy(GEMMA_4)
    del written["global_head_dim"]
    saved = build("gemma4_text", **written, per_layer_config={"5": {"head_dim": 16}, "6": {"head_dim": 16}})
    assert params(saved).total == params(build("gemma4_text", **GEMMA_4)).total


def test_only_layers_with_keys_of_their_own_have_a_cache() -> None:
    model = build("gemma4_text", **GEMMA_4, num_kv_shared_layers=1, sliding_window=5)
    sliding, everything = 5 * 2 * 2 * 8 * 4, 1 * 2 * 2 * 16 * 9
    assert cache(model, 9, dtype="bf16").bytes == 2 * (sliding + everything)
    streams = build("gemma3n_text", **{**GEMMA_3N, "num_hidden_layers": 12, "sliding_window": 5})
    assert cache(streams, 9, dtype="bf16").bytes == 2 * 2 * 2 * 8 * (8 * 4 + 2 * 9)


def test_a_prompt_runs_its_last_position_alone_through_layers_that_share() -> None:
    model = build("gemma4_text", **GEMMA_4, num_kv_shared_layers=1)
    report = FlopReport(model, forward_pass(10, batch=3, phase=Phase.PREFILL))
    layer = part(model, "full_attention_shared_layers")
    projections = 2 * 32 * 4 * 16 + 3 * 32 * 20 + 2 * 32 * 6
    assert report.of(layer, "forward") == 3 * 2 * (projections + 10 * 4 * 2 * 16)
    training = FlopReport(model, forward_pass(10, batch=3))
    assert training.of(layer, "forward") == 3 * 2 * (10 * projections + 55 * 4 * 2 * 16)
    assert report.explained("forward").value == report.forward


def test_streams_are_mixed_at_every_layer() -> None:
    model = build("gemma3n_text", **GEMMA_3N, altup_num_inputs=3)
    altup = part(model, "sliding_attention_shared_layers", "altup")
    assert own(altup) == 2 * 32 + 3 * 32 + 3 * 9 + 3 * 3
    per_token = 2 * (2 * 32 * 3 + 3 * 9 + 3 * 3 + 32 * 3 * 3)
    assert FlopReport(model, forward_pass(10, batch=3)).of(altup, "forward") == 30 * per_token
    assert own(part(model, "embedding")) == 100 * 32 + 90 * 7 * 256 + 32 * 7 * 256 + 256 + 2 * 32 * 32
    assert own(part(model, "final_norm")) == 2 * 32 * 32 + 32


def test_layers_of_several_widths() -> None:
    widths = [20, 20, 30, 20, 20, 20, 30]
    model = build("gemma3n_text", **{**GEMMA_3N, "intermediate_size": widths})
    assert {name: count for name, (count, _) in layers(model).items()} == {
        "sliding_attention_own_0_layers": 3,
        "sliding_attention_own_2_layers": 1,
        "full_attention_own_0_layers": 1,
        "sliding_attention_shared_0_layers": 1,
        "sliding_attention_shared_2_layers": 1,
    }


def test_towers_count_as_vision_and_no_token_of_text_meets_them() -> None:
    text = {"text_config": {**GEMMA_4}}
    sees = build("gemma4", **text, vision_config={"num_hidden_layers": 1}, audio_config={"num_hidden_layers": 1})
    blind = build("gemma4", **text)
    towers = part(sees, "embedding", "tower")
    assert params(sees).total - params(blind).total == own(towers)
    assert all(node.kind is Kind.VISION for node in towers.walk())
    assert params(sees).active == params(blind).active
    run = forward_pass(8)
    assert (
        FlopReport(sees, run).forward
        == FlopReport(blind, run).forward
        == FlopReport(build("gemma4_text", **GEMMA_4), run).forward
    )


def test_siglip_has_a_tower_by_default_and_pools_only_if_told_to() -> None:
    text = {"text_config": {**SMALL, **HEADS}}
    pooled, plain = (build("gemma3", **text, vision_config={"vision_use_head": head}) for head in (True, False))
    attention, mlp = 4 * (768 * 768 + 768), 2 * 768 * 3072 + 768 + 3072
    assert params(pooled).total - params(plain).total == 768 + attention + 2 * 768 + mlp
    assert params(build("gemma3", **text)).total == params(pooled).total


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("gemma3", {"vision_config": {}}, "text_config: missing; a gemma3 configuration needs it"),
        ("gemma4", {"text_config": None}, "text_config: got null; expected a table"),
        ("gemma4", {"text_config": {"hidden_size": "x"}}, 'text_config.hidden_size: got "x"; expected a whole number'),
        ("gemma3", {"text_config": {"layer_types": ["full_attention"]}}, "text_config.layer_types: has 1 entries"),
        ("gemma3", {"text_config": {"hidden_size": 2305}}, "text_config.hidden_size: 2,305 does not divide by"),
        ("gemma3", {"text_config": {}, "vision_config": {"model_type": "clip"}}, "vision_config.model_type: 'clip'"),
        ("gemma3", {"text_config": {}, "vision_config": {"num_attention_heads": 7}}, "768 does not divide by"),
        ("gemma4", {"text_config": {}, "audio_config": {"hidden_size": 30}}, "audio_config.hidden_size: 30 does not"),
        ("gemma4_text", {"enable_moe_block": True}, "num_experts: missing, but enable_moe_block is true"),
        ("gemma4_text", {"use_bidirectional_attention": "all"}, "use_bidirectional_attention: 'all'"),
        ("gemma4_text", {"num_kv_shared_layers": 30}, "layers read the keys and values of earlier ones, of which none"),
        ("gemma4_text", {"num_kv_shared_layers": 26}, "of which none is full_attention"),
        ("gemma4_text", {"per_layer_config": {"x": {}}}, "per_layer_config: 'x' is no layer of num_hidden_layers = 30"),
        ("gemma4_text", {"per_layer_config": {"5": {"head_dim": 8}}}, "layer 11 is full_attention with other sizes"),
        ("gemma4_text", {"per_layer_config": {"5": {"hidden_size": 8}}}, "only head_dim and num_key_value_heads may"),
        ("gemma3n_text", {"num_hidden_layers": 5}, "the last 15 of num_hidden_layers = 5 layers"),
        ("gemma3n_text", {"intermediate_size": [5]}, "intermediate_size: has 1 entries for num_hidden_layers = 35"),
        ("gemma3n_text", {"activation_sparsity_pattern": 0.95}, "activation_sparsity_pattern: got 0.95; expected"),
        ("gemma3n_text", {"hidden_size": 2049}, "2,049 does not divide by num_attention_heads = 8"),
    ],
)
def test_what_does_not_fit_together_is_said(kind: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        build(kind, **fields)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
