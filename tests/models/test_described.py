"""Models described in TOML, block by block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import weighbridge
from weighbridge.errors import InputError
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import from_raw

ATTENTION = {"type": "GroupedQueryAttention", "num_heads": 4, "num_kv_heads": 2, "head_dim": 8}
MLP = {"type": "GatedMLP", "intermediate_size": 48}


def raw(**changes: Any) -> dict[str, Any]:
    blocks = {"dense": {"mixer": ATTENTION, "feed_forward": MLP}}
    return {
        "vocab_size": 100,
        "hidden_size": 32,
        "blocks": blocks,
        "layers": [{"block": "dense", "count": 3}],
        **changes,
    }


def load(**changes: Any) -> Any:
    return from_raw("mine", raw(**changes), {}, "")


def test_a_description_equals_the_family_that_it_describes() -> None:
    fields = {"vocab_size": 100, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    llama = from_raw("llama", {"model_type": "llama", **fields, **heads}, {}, "")
    assert params(load()).total == params(llama).total


def test_runs_repeat_and_norms_and_positions_can_be_chosen() -> None:
    once, twice = params(load()).total, params(load(repeat=2)).total
    layer = params(load()).tree.children[1].sum(lambda n: sum(w.count for w in n.weights.values()), lambda n: n.times)
    assert twice - once == 3 * layer
    assert params(load(norm="layernorm")).total - once == 7 * 32
    assert params(load(learned_positions=50)).total - once == 50 * 32


def test_misspelt_keys_of_a_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("vocab_size = 9\nhidden_size = 8\nrepeats = 3\n[blocks.a]\n", "utf-8")
    with pytest.raises(InputError, match="repeats: no such key; did you mean repeat"):
        weighbridge.load(path)
    path.write_text('model_type = "llama"\nhiden_size = 8\nrope_theta = 5.0\n', "utf-8")
    with pytest.raises(InputError, match="hiden_size: no such key; did you mean hidden_size"):
        weighbridge.load(path)


def test_fields_of_blocks_can_be_set_whether_they_stand_there_or_not() -> None:
    sandwich = from_raw("x", raw(), {"blocks.dense.sandwich": True}, "")
    assert params(sandwich).total - params(load()).total == 3 * 2 * 32
    with pytest.raises(InputError, match=r"dence is no table; did you mean dense"):
        from_raw("x", raw(), {"blocks.dence.sandwich": True}, "")


@pytest.mark.parametrize("name", ["my block", "a%b", "a\nb", "", "x" * 61, "7up"])
def test_names_of_blocks_are_names(name: str) -> None:
    with pytest.raises(InputError, match="is no name; allowed: letters") as error:
        load(blocks={name: {"mixer": ATTENTION}}, layers=[{"block": name}])
    assert "\n" not in str(error.value)


def test_blocks_without_layers_are_told_so() -> None:
    with pytest.raises(InputError, match="layers: missing"):
        from_raw("x", {key: value for key, value in raw().items() if key != "layers"}, {}, "")


def test_latent_attention_projects_queries_directly_unless_given_a_rank() -> None:
    mla = {"type": "MultiHeadLatentAttention", "num_heads": 4, "kv_lora_rank": 6}
    dims = {"qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8}
    assert params(load(blocks={"dense": {"mixer": {**mla, **dims}}})).total > 0


def test_explanations_name_the_block() -> None:
    from weighbridge.report.formula import symbols

    found = symbols(params(load()).explained())
    assert found["dense_num_heads"] == 4
    assert found["dense_intermediate_size"] == 48


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": [{"block": "other"}]}, "block 'other' is not described; described are: dense"),
        ({"layers": []}, "layers: got a list of 0; allowed is at least 1 entries"),
        ({"layers": [{"block": "dense", "cuont": 3}]}, "layers.0.cuont: no such field; allowed: block, count"),
        ({"blocks": {"x": {}}, "layers": [{"block": "x"}]}, "blocks.x: needs a mixer"),
        ({"blocks": {"x": {"mixr": ATTENTION}}}, "blocks.x.mixr: no such field; allowed: mixer, feed_forward"),
        ({"blocks": {"x": {"mixer": {"type": "GatedMLP"}}}}, "GatedMLP is no module; allowed: .*GroupedQueryAttention"),
        ({"blocks": {"x": {"mixer": {"heads": 3}}}}, "blocks.x.mixer: expected a table with a type"),
        (
            {"blocks": {"x": {"feed_forward": {**MLP, "biass": True}}}},
            "biass: GatedMLP has no such field; did you mean bias",
        ),
        ({"blocks": {"x": {"feed_forward": {"type": "GatedMLP"}}}}, "intermediate_size missing; GatedMLP needs it"),
        ({"blocks": {"x": {"feed_forward": {**MLP, "intermediate_size": "big"}}}}, "expected a whole number"),
        ({"blocks": {"x": {"feed_forward": {**MLP, "intermediate_size": 0}}}}, "allowed is 1 to"),
        (
            {"blocks": {"x": {"mixer": {**ATTENTION, "num_kv_heads": 3}}}},
            "num_heads: 4 does not divide by num_kv_heads = 3",
        ),
        ({"norm": "batchnorm"}, "norm: 'batchnorm' is unknown; allowed: rmsnorm, layernorm"),
        ({"repeat": 9999}, "layers are more than 10,000"),
    ],
)
def test_mistakes_are_said(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        load(**changes)
    assert "\n" not in str(error.value)
