"""Entries of lists against names, as the three libraries compare them."""

from __future__ import annotations

import pytest

from weighbridge.errors import InputError
from weighbridge.formats.quantization.listed import COMPRESSED, GLOB, TRANSFORMERS, Names
from weighbridge.models.storage import Site


def takes(way: str, entry: str, name: str, sort: str = "linear") -> bool:
    return Names("list", [entry], way).takes(Site((name,), sort))


@pytest.mark.parametrize(
    ("entry", "name", "met"),
    [
        ("model.layers.1", "layers.1.mlp.up_proj", True),
        ("model.layers.1", "layers.11.mlp.up_proj", False),
        ("model.layers.*.mlp", "layers.11.mlp.up_proj", True),
        ("mlp.gate", "layers.1.mlp.gate_proj", False),
        ("gate", "layers.1.mlp.gate", True),
        ("gate", "layers.1.mlp.shared_expert_gate", True),
        ("gate", "layers.1.mlp.gate_proj", False),
        ("self_attn", "layers.1.self_attn.q_proj", False),
        ("self_attn.q_proj", "layers.1.self_attn.q_proj", True),
        ("mlp.experts", "layers.1.mlp.experts.0.up_proj", True),
        ("model.language_model.layers.1", "layers.1.mlp.up_proj", True),
    ],
)
def test_as_transformers_does(entry: str, name: str, met: bool) -> None:
    assert takes(TRANSFORMERS, entry, name) is met


@pytest.mark.parametrize(
    ("entry", "name", "met"),
    [
        ("model.layers.1.mlp*", "layers.1.mlp.up_proj", True),
        ("*.mlp.gate", "layers.1.mlp.gate", True),
        ("*.mlp.gate", "layers.1.mlp.gate_proj", False),
        ("*self_attn*", "layers.1.self_attn.q_proj", True),
        ("lm_head", "lm_head", True),
        ("vision_tower", "layers.1.self_attn.q_proj", False),
        ("language_model.model.layers.1.self_attn", "layers.1.self_attn.q_proj", True),
    ],
)
def test_as_modelopt_does(entry: str, name: str, met: bool) -> None:
    assert takes(GLOB, entry, name) is met


@pytest.mark.parametrize(
    ("entry", "name", "sort", "met"),
    [
        ("Linear", "layers.1.mlp.up_proj", "linear", True),
        ("Linear", "lm_head", "head", True),
        ("Linear", "embed_tokens", "embedding", False),
        ("Embedding", "embed_tokens", "embedding", True),
        ("model.layers.1.mlp.up_proj", "layers.1.mlp.up_proj", "linear", True),
        ("model.layers.1.mlp", "layers.1.mlp.up_proj", "linear", False),
        ("re:.*up_proj", "layers.1.mlp.up_proj", "linear", True),
        ("re:.*up_proj$", "layers.1.mlp.up_proj", "linear", True),
        (r"re:model\.layers\.(0|1)\..*", "layers.1.mlp.up_proj", "linear", True),
        (r"re:layers\.1.*", "layers.1.mlp.up_proj", "linear", False),
        ("re:lm_head", "lm_head", "head", True),
    ],
)
def test_as_compressed_tensors_does(entry: str, name: str, sort: str, met: bool) -> None:
    assert takes(COMPRESSED, entry, name, sort) is met


def test_what_names_single_layers_or_experts() -> None:
    assert Names("", ["model.layers.0.mlp"], TRANSFORMERS).by_layer
    assert not Names("", ["model.layers.*.mlp", "lm_head", "w1"], TRANSFORMERS).by_layer
    assert Names("", [r"re:.*\.experts\.[0-3]\..*"], COMPRESSED).by_expert
    assert not Names("", [r"re:.*\.experts\.\d+\..*"], COMPRESSED).by_expert


@pytest.mark.parametrize(
    ("way", "entry"),
    [
        (COMPRESSED, "re:(a+)+$"),
        (COMPRESSED, "re:" + ".*" * 6 + "x"),
        (TRANSFORMERS, "(.*)*x"),
        (GLOB, "*a" * 6),
    ],
)
def test_patterns_that_could_take_for_ever_are_refused(way: str, entry: str) -> None:
    with pytest.raises(InputError, match="repetitions, none of a group"):
        Names("list", [entry], way)


def test_a_list_of_too_many_patterns_is_refused() -> None:
    with pytest.raises(InputError, match="list: got 3,000 patterns; allowed: at most 2,000"):
        Names("list", [f"*.{number}" for number in range(3000)], GLOB)


def test_stars_in_a_row_are_one() -> None:
    assert takes(GLOB, "*" * 200 + ".mlp.gate", "layers.1.mlp.gate")
