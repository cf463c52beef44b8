"""Every entry of the catalogue recounts to what it says, and no name means two models."""

from __future__ import annotations

from collections import Counter

import pytest

from weighbridge.estimate.parameters import params
from weighbridge.formats import load
from weighbridge.formats.loading import from_raw
from weighbridge.models import catalogue, families, known_fields

ENTRIES = catalogue.entries()

KNOWN = {
    "gpt2": 124_439_808,
    "gpt2-xl": 1_557_611_200,
    "llama-7b": 6_738_415_616,
    "llama-13b": 13_015_864_320,
    "llama-3.1-8b": 8_030_261_248,
    "llama-2-70b": 68_976_648_192,
    "mistral-7b": 7_241_732_096,
    "mixtral-8x7b": 46_702_792_704,
    "qwen2.5-7b": 7_615_616_512,
    "qwen3-8b": 8_190_735_360,
    "gemma-2-9b": 9_241_705_984,
    "phi-4": 14_659_507_200,
    "deepseek-v3": 671_026_404_352,
    "gpt-oss-20b": 20_914_757_184,
    "pythia-6.9b": 6_857_302_016,
    "bloom-176b": 176_247_271_424,
    "opt-350m": 331_196_416,
    "falcon-40b": 41_303_293_952,
    "mpt-7b": 6_649_286_656,
    "dbrx": 131_596_523_520,
    "gemma-3-27b": 27_432_406_640,
    "olmo-2-32b": 32_234_279_936,
    "command-a-111b": 111_057_580_032,
    "phi-3.5-moe": 41_873_153_344,
    "llama-4-maverick": 401_583_781_376,
    "llama-3.3-nemotron-super-49b": 49_867_145_216,
    "exaone-4.0-32b": 32_003_216_384,
    "seed-oss-36b": 36_151_104_512,
    "jamba-52b": 51_570_323_328,
    "qwen3-vl-8b": 8_767_123_696,
}
"""Published exact totals, written here a second time so that an entry cannot drift together with the code."""


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_an_entry_recounts(entry: catalogue.Entry) -> None:
    assert params(load(entry.name)).total == entry.parameters


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_an_entry_passes_the_checks_that_files_pass(entry: catalogue.Entry) -> None:
    assert from_raw(entry.name, entry.config, {}, "").config == load(entry.name).config


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_an_entry_has_no_field_that_its_family_does_not_know(entry: catalogue.Entry) -> None:
    known = {*known_fields(entry.config["model_type"]), "model_type", "max_position_embeddings"}
    assert set(entry.config) <= known


def test_no_name_means_two_models() -> None:
    names = Counter(
        name.lower() for entry in ENTRIES for name in {entry.name, *entry.aliases, entry.hugging_face} if name
    )
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize(("name", "total"), KNOWN.items())
def test_published_totals(name: str, total: int) -> None:
    assert params(name).total == total


def test_the_catalogue_is_broad() -> None:
    assert len(ENTRIES) >= 165
    inside = {kind for kind in families() if kind.endswith("_text") and kind.removesuffix("_text") in families()}
    assert set(families()) - {entry.config["model_type"] for entry in ENTRIES} <= inside | {"step3p7"}


def test_aliases_titles_and_repositories_find_an_entry_in_any_case() -> None:
    for name in ("llama3.1-8b", "META-LLAMA/Llama-3.1-8B", "Llama 3.1 8B", "LLAMA-3.1-8B"):
        found = catalogue.find(name)
        assert found is not None
        assert found.name == "llama-3.1-8b"
    assert catalogue.find("no-such-model") is None
    assert catalogue.find("../catalogue/gpt2") is None


def test_search_takes_every_word() -> None:
    assert {entry.name for entry in catalogue.search("llama 70b")} >= {"llama-2-70b", "llama-3.1-70b"}
    assert catalogue.search("llama qwen") == []
