"""Llama 4: chunks, layers without positions, experts in every few layers, and its tower; by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.test_families import build, layers
from tests.models.test_gemma import own, part
from weighbridge.errors import InputError
from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import params

SMALL = {
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 20,
    "intermediate_size_mlp": 50,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "num_local_experts": 6,
    "num_experts_per_tok": 2,
}


def test_chunks_and_experts_follow_their_own_steps() -> None:
    found = layers(build("llama4_text", **SMALL, interleave_moe_layer_step=2))
    assert found == {
        "chunked_attention_rope_dense_layers": (4, (0, 2, 4, 6)),
        "chunked_attention_rope_moe_layers": (2, (1, 5)),
        "full_attention_nope_moe_layers": (2, (3, 7)),
    }
    lists = {"moe_layers": [0, 5], "no_rope_layers": [1, 0] * 4, "layer_types": ["full_attention"] * 8}
    assert layers(build("llama4_text", **SMALL, **lists)) == {
        "rope_moe_layers": (1, (0,)),
        "nope_dense_layers": (3, (1, 3, 7)),
        "rope_dense_layers": (3, (2, 4, 6)),
        "nope_moe_layers": (1, (5,)),
    }


def test_queries_and_keys_are_normalised_without_a_weight() -> None:
    plain, normed = (build("llama4_text", **SMALL, use_qk_norm=norm) for norm in (False, True))
    assert params(plain).total == params(normed).total
    assert part(normed, "chunked_attention_rope_layers", "attention").module.qk_norm
    assert not part(normed, "full_attention_nope_layers", "attention").module.qk_norm


def test_a_token_sees_its_own_chunk() -> None:
    model = build("llama4_text", **SMALL, attention_chunk_size=4)
    attention = part(model, "chunked_attention_rope_layers", "attention")
    projections, pairs = 32 * 8 * (2 * 4 + 2 * 2), 10 + 10 + 3
    assert FlopReport(model, forward_pass(10)).of(attention, "forward") == 2 * (10 * projections + pairs * 4 * 2 * 8)
    later = forward_pass(3, past=10)  # tokens 11 and 12 end the third chunk, 13 begins the fourth
    assert FlopReport(model, later).of(attention, "forward") == 2 * (3 * projections + (3 + 4 + 1) * 4 * 2 * 8)


def test_experts_need_their_own_tokens_although_pytorch_multiplies_all() -> None:
    model = build("llama4_text", **SMALL)
    experts = part(model, "chunked_attention_rope_layers", "moe", "experts")
    one = 2 * 3 * 32 * 20
    assert FlopReport(model, forward_pass(5, batch=3)).of(experts, "forward") == 15 * 2 * one
    assert FlopReport(model, forward_pass(5, batch=3), "torch").of(experts, "forward") == 15 * 6 * one


def test_the_tower_by_hand() -> None:
    tower = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    images = {"image_size": 28, "patch_size": 7, "vision_output_dim": 5}
    adapter = {"projector_input_dim": 10, "projector_output_dim": 6}
    model = build("llama4", text_config=SMALL, vision_config={**tower, **images, **adapter})
    layer = 4 * (16 * 16 + 16) + 2 * 16 * 24 + 16 + 24 + 4 * 16
    ends = 3 * 49 * 16 + 16 + 17 * 16 + 4 * 16 + 24 * 10 + 6 * 6 + 5 * 32
    assert own(part(model, "embedding", "tower")) == 2 * layer + ends


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("llama4", {}, "text_config: missing; a llama4 configuration needs it"),
        ("llama4_text", {"num_experts_per_tok": 17}, "num_experts_per_tok: 17 is more than num_local_experts = 16"),
        ("llama4_text", {"no_rope_layers": [1, 0]}, "no_rope_layers: has 2 entries for num_hidden_layers = 48"),
        ("llama4_text", {"layer_types": ["chunked_attention"]}, "layer_types: has 1 entries"),
        ("llama4_text", {"layer_types": ["sliding_attention"] * 48}, "'sliding_attention' is no layer type"),
        ("llama4_text", {"attention_chunk_size": None}, "attention_chunk_size: null, but layers attend in chunks"),
        ("llama4_text", {"interleave_moe_layer_step": 0}, "interleave_moe_layer_step: got 0; allowed is at least 1"),
    ],
)
def test_what_does_not_fit_together_is_said(kind: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        build(kind, **fields)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
