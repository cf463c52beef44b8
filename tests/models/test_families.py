"""Defaults, patterns and rules of single families. Whole counts are compared with transformers in tests/oracle."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import from_raw


def build(kind: str, **fields: Any) -> Any:
    return from_raw("test", {"model_type": kind, **fields}, {}, "")


def layers(model: Any) -> dict[str, tuple[int, tuple[int, ...] | None]]:
    return {run.name: (run.count, run.places) for run in model.network.layers}


def test_mixtures_start_where_the_step_says() -> None:
    model = build("qwen3_moe", num_hidden_layers=6, decoder_sparse_step=2, mlp_only_layers=[3])
    assert layers(model) == {"dense_layers": (4, (0, 2, 3, 4)), "moe_layers": (2, (1, 5))}


def test_no_experts_make_every_layer_dense() -> None:
    assert layers(build("qwen3_moe", num_hidden_layers=4, num_experts=0)) == {"layers": (4, None)}


def test_gemma_3_attends_fully_in_every_sixth_layer() -> None:
    found = layers(build("gemma3_text", num_hidden_layers=12))
    assert found["full_attention_layers"] == (2, (5, 11))
    assert layers(build("gemma3_text", num_hidden_layers=4, sliding_window_pattern=2))["full_attention_layers"][1] == (
        1,
        3,
    )


def test_qwen_2_slides_only_when_told_to() -> None:
    assert layers(build("qwen2", num_hidden_layers=4, max_window_layers=2)) == {"layers": (4, None)}
    found = layers(build("qwen2", num_hidden_layers=4, max_window_layers=2, use_sliding_window=True))
    assert found["sliding_attention_layers"] == (2, (2, 3))


def test_nemotron_reads_letters_names_and_old_names() -> None:
    letters = build("nemotron_h", hybrid_override_pattern="M*-E")
    names = build("nemotron_h", layers_block_type=["mamba", "attention", "mlp", "moe"])
    assert params(letters).total == params(names).total
    assert list(layers(letters)) == ["linear_attention_layers", "full_attention_layers", "mlp_layers", "moe_layers"]


def test_multi_token_prediction_is_counted_apart() -> None:
    with_it, without = build("deepseek_v3"), build("deepseek_v3", num_nextn_predict_layers=0)
    assert params(with_it).total == params(without).total
    assert params(with_it).prediction == 11_610_067_968
    assert params(without).prediction == 0
    nemotron = build("nemotron_h", num_nextn_predict_layers=2, hidden_size=64)
    assert params(nemotron).prediction > 0
    ahead = FlopReport(nemotron, forward_pass(64, prediction=True)).forward
    assert ahead > FlopReport(nemotron, forward_pass(64)).forward
    long = build("nemotron_h", num_nextn_predict_layers=1, mtp_hybrid_override_pattern="M*E-" * 2000)
    assert params(long).explained("prediction").value == params(long).prediction


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("llama", {"num_attention_heads": 33}, "hidden_size: 4,096 does not divide by num_attention_heads = 33"),
        ("llama", {"num_key_value_heads": 5}, "num_attention_heads: 32 does not divide by num_key_value_heads = 5"),
        ("llama", {"hidden_size": -1}, "hidden_size: got -1; allowed is at least 1"),
        (
            "llama",
            {"num_hidden_layers": 10**12},
            "got 1,000,000,000,000; allowed is at most 10,000",
        ),
        ("llama", {"vocab_size": "many"}, 'vocab_size: got "many"; expected a whole number'),
        ("llama", {"vocab_size": True}, "vocab_size: got true; expected a whole number"),
        ("llama", {"vocab_size": None}, "vocab_size: got null; expected a whole number"),
        ("llama", {"tie_word_embeddings": "yes"}, 'tie_word_embeddings: got "yes"; expected true or false'),
        ("mixtral", {"num_experts_per_tok": 9}, "num_experts_per_tok: 9 is more than num_local_experts = 8"),
        ("gemma2", {"layer_types": ["sliding_attention"]}, "layer_types: has 1 entries for num_hidden_layers = 26"),
        ("gemma2", {"num_hidden_layers": 1, "layer_types": ["linear"]}, "'linear' is no layer type of this family"),
        ("nemotron_h", {"hybrid_override_pattern": "MX"}, "'X' is no layer type"),
        (
            "nemotron_h",
            {"hybrid_override_pattern": ""},
            'hybrid_override_pattern: got ""; allowed is at least 1 entries',
        ),
        ("nemotron_h", {"hybrid_override_pattern": "M" * 10_001}, "allowed is at most 10,000 entries"),
        ("nemotron_h", {"num_nextn_predict_layers": 1, "mtp_hybrid_override_pattern": "Q"}, "'Q' is no layer type"),
        ("gpt2", {"n_embd": 100, "n_head": 7}, "n_embd: 100 does not divide by n_head = 7"),
        ("mixtral", {"num_experts": 1}, "num_experts_per_tok: 2 is more than num_experts = 1"),
        ("llama", {"hidden_size": "\ud800"}, "configuration: holds text that is no valid Unicode"),
        ("llama", {"torch_dtype": -1}, "torch_dtype: got -1; expected a string"),
        ("gpt2", {"add_cross_attention": True}, "encoder-decoder"),
        ("mamba2", {"num_heads": 12}, "num_heads x head_dim = 768 is not expand x hidden_size = 8,192"),
        ("deepseek_v2", {}, "num_experts_per_tok: missing"),
    ],
)
def test_what_does_not_fit_together_is_said(kind: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        build(kind, **fields)
    assert "\n" not in str(error.value)


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(InputError) as error:
        build("llama", vocab_size="x", hidden_size=0, num_hidden_layers=1.5)
    assert all(name in str(error.value) for name in ("vocab_size", "hidden_size", "num_hidden_layers"))


def test_defaults_that_were_assumed_are_said() -> None:
    note = build("llama", vocab_size=10).notes[0]
    assert note.startswith("not given, so Llama's defaults: hidden_size = 4,096, ")
