"""Fields of a question, read off the commands."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

import pytest

from weighbridge.answer import answer, fields
from weighbridge.answer.asks import ASKS
from weighbridge.cli.local import USUAL
from weighbridge.cli.tuning_options import FIELDS, LORAS
from weighbridge.errors import InputError
from weighbridge.estimate.inference.deployment import STORED, WAYS
from weighbridge.estimate.training_cost import MFU
from weighbridge.formats.gguf.recipes import RECIPES
from weighbridge.formats.quantization import NAMED
from weighbridge.parallel.engine import ENGINES, SERVERS
from weighbridge.parallel.names import RECOMPUTED
from weighbridge.parallel.optimizer import OPTIMIZERS


@pytest.mark.parametrize("ask", ASKS)
def test_fields_are_plain_data_with_help(ask: str) -> None:
    found = json.loads(json.dumps(fields(ask), allow_nan=False))
    assert found["about"].endswith(".")
    for option in found["options"]:
        assert option["help"], option
        assert option["type"] in ("boolean", "integer", "number", "choice", "file", "text")
        assert (option["choices"] is not None) == (option["type"] == "choice")


def test_bounds_choices_and_defaults_are_the_commands_own() -> None:
    options = {one["name"]: one for one in fields("train")["options"]}
    assert (options["tp"]["min"], options["tp"]["max"], options["tp"]["default"]) == (1, 2**31, 1)
    assert "dualpipe" in options["schedule"]["choices"]
    assert options["sp"]["default"] is None
    assert options["from"]["type"] == "file"
    assert options["cluster"]["required"]
    assert fields("train")["with"] == ["explain", "timeline", "trace", "tree"]


def test_an_unknown_ask_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"did you mean train\?"):
        fields("trian")


@pytest.mark.parametrize(
    ("ask", "name", "first", "known"),
    [
        ("infer", "quant", "auto", (*WAYS, "Q4_K_M")),
        ("infer", "engine", "vllm", SERVERS),
        ("infer", "kv", "bf16", ("int4", "nvfp4")),
        ("compare", "quant", "published", STORED),
        ("local", "gguf", USUAL, RECIPES),
        ("local", "kv", "fp32", ENGINES["llamacpp"].caches),
        ("train", "optimizer", "adam", OPTIMIZERS),
        ("train", "quant", "fp8-block", NAMED),
        ("train", "recompute", "none", RECOMPUTED),
        ("scaling", "mfu", str(MFU), ()),
        ("train", "lora", LORAS[0], LORAS),
    ],
)
def test_names_that_a_text_most_often_is_are_suggested(ask: str, name: str, first: str, known: Collection[str]) -> None:
    one = next(one for one in fields(ask)["options"] if one["name"] == name)
    assert one["type"] == "text"
    assert one["suggested"][0] == first
    assert set(known) <= set(one["suggested"])


SOMEWHERE: dict[str, dict[str, Any]] = {
    "train": {"cluster": "8xb200", "advice": False},
    "infer": {"cluster": "1xb200", "advice": False, "batch": 1},
    "local": {"on": ["rtx-4090"], "gguf": "Q4_K_M"},
}
"""What GPT-2 is asked about with each name that is suggested."""

NEEDS: dict[tuple[str, str], dict[str, Any]] = {("train", "quant"): {"lora": "r=8"}}


@pytest.mark.parametrize("ask", SOMEWHERE)
def test_no_name_that_is_suggested_is_unknown(ask: str) -> None:
    """Another model, another engine may have what this one lacks."""
    tried = 0
    for one in fields(ask)["options"]:
        for name in one["suggested"] or ():
            options = {**SOMEWHERE[ask], **NEEDS.get((ask, one["name"]), {}), one["name"]: name}
            tried += 1
            told = refused({"ask": ask, "model": "gpt2", "options": options})
            lacks = r"gpt2 has no|the model has none|vLLM keeps no|meets no module"
            assert not told or re.search(lacks, told), (name, told)
    assert tried > 10


def lora() -> dict[str, Any]:
    """What Python says of ``--lora``."""
    return next(one for one in fields("train")["options"] if one["name"] == "lora")


def test_parts_of_adapters_take_what_is_suggested() -> None:
    parts = {one["name"]: one for one in lora()["parts"]}
    assert tuple(parts) == FIELDS
    texts = [f"r={rank}" for rank in parts["r"]["suggested"]]
    texts += [f"r=8,targets={names}" for names in parts["targets"]["suggested"]]
    texts += [f"r=8,{name}" for name, one in parts.items() if one["flag"]]
    assert len(texts) == 3 + 4 + 3
    for text in texts:
        question = {"ask": "train", "model": "llama-3.2-1b", "options": {"cluster": "1xh100", "lora": text}}
        assert not refused(question), text


def test_ways_of_fine_tuning_are_what_they_are_called() -> None:
    ways = lora()["ways"]
    assert list(ways) == ["full", "lora", "dora", "qlora", "dpo"]
    assert len({frozenset(way) for way in ways.values()}) == 1  # each sets all, so that one takes another's place
    found = {}
    for name, way in ways.items():
        options = {"cluster": "1xh100", "advice": False, **way}
        found[name] = answer({"ask": "train", "model": "llama-3.2-1b", "options": options})
    weights = {name: one["ranks"][0]["memory"]["weights"] for name, one in found.items()}
    trained = {name: one["tuning"] and one["tuning"]["trained_parameters"] for name, one in found.items()}
    assert trained["full"] is None
    assert trained["dpo"] == found["full"]["ranks"][0]["parameters"]
    assert trained["dora"] > trained["lora"] == trained["qlora"]
    assert weights["qlora"] < weights["lora"] < weights["dora"]
    assert weights["full"] < weights["dpo"]


def refused(question: dict[str, Any]) -> str:
    """What is wrong with a question; nothing where it is answered."""
    try:
        answer(question)
    except InputError as error:
        return str(error)
    return ""
