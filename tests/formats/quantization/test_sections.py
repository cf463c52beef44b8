"""Which section is read, which method it names, and what is said of one that is not sized."""

from __future__ import annotations

from typing import Any

import pytest

from tests.formats.quantization.small import RAW, refused, stored
from weighbridge.estimate.parameters import params
from weighbridge.formats import load
from weighbridge.formats.quantization import READERS, UNSIZED, reader


def test_a_method_that_is_known_by_name_only() -> None:
    for name in UNSIZED:
        model = load({**RAW, "quantization_config": {"quant_method": name, "weights": "int8"}})
        assert params(model).checkpoint is None
        assert params(model).total == params(load(RAW)).total
        (note,) = model.notes
        assert f"how {name} stores its weights is not known here" in note
        assert all(method in note for method in READERS)


def test_every_sized_method_has_a_reader() -> None:
    assert all(callable(reader(name)) for name in READERS)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"quant_method": "fp88"}, 'quantization_config.quant_method: got "fp88"; allowed: awq, bitsandbytes'),
        ({"quant_method": "gtpq", "bits": 4}, 'quantization_config.quant_method: got "gtpq"; allowed: awq'),
        ({}, "quantization_config.quant_method: got null; allowed: awq"),
        ({"quant_method": 8}, "quantization_config.quant_method: got 8; allowed: awq"),
        ([], "quantization_config: got a list of 0; allowed: a table"),
        ("fp8", 'quantization_config: got "fp8"; allowed: a table'),
    ],
)
def test_what_is_no_method_is_refused(section: Any, said: str) -> None:
    assert refused(section).startswith(said)


def test_the_nearest_method_is_named() -> None:
    assert refused({"quant_method": "gtpq"}).endswith("; did you mean gptq, vptq or spqr?")


def test_no_section_is_no_quantisation() -> None:
    assert params(load({**RAW, "quantization_config": None})).checkpoint is None


def test_sections_without_a_method_are_told_by_their_fields() -> None:
    assert stored({"load_in_8bit": True}).storage.method == "bitsandbytes"
    assert stored({"quant_algo": "FP8", "ignore": ["lm_head"]}).storage.method == "modelopt"


def test_a_field_of_the_section_may_be_set() -> None:
    raw = {**RAW, "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 16}}
    eight = params(load(raw, {"quantization_config.bits": 8})).checkpoint
    assert eight is not None
    assert eight.storage.title.startswith("gptq: int8")


def test_lists_of_many_names_are_compared_quickly() -> None:
    names = [f"model.layers.{i}.mlp.experts.{j}.w{k}" for i in range(60) for j in range(128) for k in (1, 2, 3)]
    section = {"quant_method": "fp8", "weight_block_size": [16, 16], "modules_to_not_convert": [*names, "lm_head"]}
    found = stored(section)
    assert found.bytes == stored({**section, "modules_to_not_convert": ["lm_head"]}).bytes
    assert "and 23,037 more" in found.notes[0]
