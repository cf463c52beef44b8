"""MODEL in every form, and every bad one: one line, nothing executed, nothing written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from weighbridge.errors import (
    InputError,
    UnknownArchitectureError,
    UnknownModelError,
    UnreadableError,
    WeighbridgeError,
)
from weighbridge.estimate.parameters import params
from weighbridge.formats import load
from weighbridge.formats.loading import setting

LLAMA = {"model_type": "llama", "vocab_size": 100, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
SMALL = {**LLAMA, "num_attention_heads": 4}


def write(path: Path, data: Any) -> Path:
    path.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    return path


def refusal(model: Any, kind: type[WeighbridgeError], **changes: Any) -> str:
    with pytest.raises(kind) as error:
        load(model, changes)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_file_its_folder_and_a_mapping_are_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "tiny-llama"
    folder.mkdir()
    path = write(folder / "config.json", SMALL)
    totals = {params(load(form)).total for form in (path, str(path), folder, SMALL)}
    assert len(totals) == 1
    assert load(folder).name == load(path).name == "tiny-llama"


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(SMALL).encode())
    assert params(load(path)).total == params(load(SMALL)).total


def test_toml_may_name_a_family(tmp_path: Path) -> None:
    lines = [f"{key} = {json.dumps(value)}" for key, value in SMALL.items()]
    path = write(tmp_path / "mine.toml", "\n".join(['name = "my-llama"', *lines]))
    assert load(path).name == "my-llama"
    assert params(load(path)).total == params(load(SMALL)).total


def test_llama_parameters_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "params.json", {"dim": 32, "n_layers": 2, "n_heads": 4, "vocab_size": 100})
    assert load(tmp_path).model_type == "llama_params"


def test_settings_override_fields_by_any_of_their_names() -> None:
    wide = load("mixtral-8x7b", {"hidden_size": 5120})
    assert wide.config.hidden_size == 5120
    assert load({"model_type": "mixtral", "num_experts": 4}, {"num_local_experts": 6}).config.num_local_experts == 6
    assert load({"model_type": "mixtral", "num_local_experts": 4}, {"num_experts": 6}).config.num_local_experts == 6
    assert load("mistral-7b", {"model_type": "llama"}).model_type == "llama"


def test_any_field_of_the_file_can_be_set() -> None:
    for name in ("rope_theta", "max_position_embeddings"):
        assert load({**SMALL, name: 5}, {name: 6}).config == load(SMALL).config


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=5_120_", ("a", "5_120_")),
        ("a=5120", ("a", 5120)),
        ("a=5_120", ("a", 5120)),
        ("a=true", ("a", True)),
        ("a=null", ("a", None)),
        ("a=1.3", ("a", 1.3)),
        ("a=[1, 2]", ("a", [1, 2])),
        ("a=silu", ("a", "silu")),
        ("a=b=c", ("a", "b=c")),
        ("a=", ("a", "")),
    ],
)
def test_settings_are_read_as_json_or_words(text: str, expected: tuple[str, Any]) -> None:
    assert setting(text) == expected


@pytest.mark.parametrize("text", ["hidden_size", "=3", ""])
def test_a_setting_without_a_field_or_value_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected field=value"):
        setting(text)


def test_a_misspelt_setting_names_the_nearest_field() -> None:
    assert "did you mean hidden_size" in refusal("llama-3.1-8b", InputError, hiden_size=5)
    assert "no such field" in refusal("llama-3.1-8b", InputError, **{"rope.theta": 5})


def test_unknown_names_are_answered_with_near_ones() -> None:
    message = refusal("llama-3.1-8x", UnknownModelError)
    assert "did you mean llama-3.1-8b" in message
    for empty in ("", "a\0b"):
        refusal(empty, UnknownModelError)


def test_unknown_types_are_answered_with_what_they_resemble() -> None:
    message = refusal({**SMALL, "num_key_value_heads": 2, "model_type": "lama4_mega"}, UnknownArchitectureError)
    assert "lama4_mega" in message
    assert "resembles llama" in message
    assert "docs/describe.md" in message
    assert "resembles" in refusal({"hidden_size": 5}, UnknownArchitectureError)
    assert "got 5" in refusal({"model_type": 5}, UnknownArchitectureError)


def test_the_text_part_of_an_unknown_multimodal_model_can_be_read_alone() -> None:
    raw = {"model_type": "seer", "text_config": {**SMALL, "model_type": "llama"}, "vision_config": {}}
    assert "--family llama reads its text_config alone" in refusal(raw, UnknownArchitectureError)
    model = load(raw, {"model_type": "llama"})
    assert model.notes[-1] == "its text_config alone read as llama on request; not read: nothing"
    assert params(model).total == params(load({**SMALL, "model_type": "llama"})).total


def test_layers_of_different_sizes_are_not_silently_equal() -> None:
    assert "per_layer_config" in refusal({**SMALL, "per_layer_config": [{"hidden_size": 5}]}, InputError)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is no JSON"),
        (b"", "is no JSON"),
        (b"[1, 2]", "holds a list of 2"),
        (b"null", "holds null"),
        (b"\xff\xfe{\x00", "json is not UTF-8 text"),
        (b"[" * 200_000, "is nested too deeply"),
        (b'{"a":' * 100_000, "is nested too deeply"),
        (b'{"model_type": "llama", "hidden_size": ' + b"9" * 5000 + b"}", "is no usable JSON"),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    assert message in refusal(path, UnreadableError)


def test_a_file_of_200_mb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(200 * 10**6)
    assert "has 200,000,000 bytes; a file of this form has at most 8,388,608" in refusal(path, UnreadableError)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    assert "is a folder without config.json or params.json" in refusal(tmp_path, UnreadableError)
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    assert "is not a regular file" in refusal(pipe, UnreadableError)
    assert "is not a regular file" in refusal("/dev/zero", UnreadableError)


def test_an_unreadable_file_says_why(tmp_path: Path) -> None:
    loop = tmp_path / "config.json"
    loop.symlink_to(loop)
    refusal(loop, WeighbridgeError)
    refusal("x" * 5000 + ".json", WeighbridgeError)


def test_toml_that_takes_long_to_parse_is_refused(tmp_path: Path) -> None:
    assert "more than 64 dots" in refusal(write(tmp_path / "dots.toml", ".".join("a" * 5000) + " = 1"), UnreadableError)
    assert "at most 65,536" in refusal(write(tmp_path / "long.toml", "# " + "x" * 300_000), UnreadableError)


def test_a_type_is_resembled_by_fields_more_than_by_name() -> None:
    sizes = {"num_local_experts": 8, "num_experts_per_tok": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    sizes["sliding_window"] = 16
    assert "resembles mixtral" in refusal({**SMALL, **sizes, "model_type": "mamba2x"}, UnknownArchitectureError)


def test_a_type_read_as_another_says_what_is_not_read() -> None:
    model = load({**SMALL, "model_type": "mystery", "index_topk": 5}, {"model_type": "llama"})
    assert model.notes[-1] == "read as llama on request; not read: index_topk"


@pytest.mark.parametrize("text", ["model_type = ", "a = 1\na = 2", "[[[", "x = " + "[" * 100_000])
def test_toml_that_is_none(tmp_path: Path, text: str) -> None:
    refusal(write(tmp_path / "mine.toml", text), UnreadableError)


def test_dates_and_other_toml_values_are_no_sizes(tmp_path: Path) -> None:
    text = 'model_type = "llama"\nhidden_size = 1979-05-27'
    assert "hidden_size: got" in refusal(write(tmp_path / "mine.toml", text), InputError)


def test_not_a_number_is_no_size(tmp_path: Path) -> None:
    text = '{"model_type": "llama", "hidden_size": NaN, "vocab_size": Infinity}'
    message = refusal(write(tmp_path / "config.json", text), InputError)
    assert "hidden_size" in message


def test_code_that_comes_with_a_model_is_never_run(tmp_path: Path) -> None:
    write(tmp_path / "modeling_evil.py", f"open({str(tmp_path / 'ran')!r}, 'w')")
    remote = {**SMALL, "auto_map": {"AutoModelForCausalLM": "modeling_evil.Evil"}, "trust_remote_code": True}
    write(tmp_path / "config.json", remote)
    assert params(load(tmp_path)).total == params(load(SMALL)).total
    assert not (tmp_path / "ran").exists()


def test_quantised_configurations_say_what_is_not_read() -> None:
    model = load({**SMALL, "quantization_config": {"quant_method": "quanto", "weights": "int4"}})
    assert any("how quanto stores its weights is not known here" in note for note in model.notes)
