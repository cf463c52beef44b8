from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError, WeighbridgeError
from weighbridge.formats import plans
from weighbridge.formats.plans import emit, load_plan
from weighbridge.formats.plans.deepspeed_keys import KEYS as DEEPSPEED
from weighbridge.formats.plans.emit_torchtitan import toml
from weighbridge.formats.plans.table import Keys
from weighbridge.formats.plans.torchtitan_keys import KEYS as TORCHTITAN
from weighbridge.formats.plans.trainer_keys import KEYS as TRAINER
from weighbridge.parallel.plan import Plan


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is neither a DeepSpeed JSON, a torchtitan TOML, nor a JSON of TrainingArguments; it is empty"),
        (b"{}", "it is empty"),
        (b"\x89PNG\x00\xff", "is not UTF-8 text"),
        (b"\x00" * 64, "is no TOML"),
        (b'{"hidden_size": 64, "num_hidden_layers": 2}', "is neither a DeepSpeed JSON"),
        (b'[1, 2, {"bf16": 3}]', "is no TOML"),
        (b'{"bf16": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"bf16": {"enabled": tru}}', "is no JSON"),
        (b'{"train_batch_size": 1' + b"0" * 5000 + b"}", "is no usable JSON"),
        (b"[training]\nseq_len = " + b"[" * 60_000, "nested too deeply"),
        (b"# " + b"x" * 70_000, "has 70,002 bytes"),
        (b'{"model_type": "llama", "torch_dtype": "bfloat16"}', "is a model's configuration; give it as MODEL"),
        (b'{"torch_dtype": "bfloat16"}', "it holds torch_dtype"),
        (b"[blocks]\nx = 1", "is neither a DeepSpeed JSON"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "given"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_plan(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.json", "\0", "", "~nobody-of-that-name/x.json", "x" * 5000):
        with pytest.raises(InputError) as caught:
            load_plan(path)
        assert "\n" not in str(caught.value)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(InputError, match="8,589,934,592 bytes"):
        load_plan(path)


def test_many_unknown_keys_are_told_by_their_number(tmp_path: Path) -> None:
    path = tmp_path / "many.json"
    path.write_text(json.dumps({"train_batch_size": 1} | {f"key{i}": i for i in range(20_000)}), "utf-8")
    warnings = load_plan(path, 1).warnings
    assert "19,900 more keys that DeepSpeed does not have; they are left out" in warnings
    assert len(warnings) < 110


@pytest.mark.parametrize(
    ("base", "gpus", "words"),
    [
        ({"tensr": 2}, 8, "tensr: a plan has no such field; did you mean tensor?"),
        ({"framework": "megatorn"}, 8, 'framework: "megatorn" is unknown'),
        ({"schedule": "2f2b"}, 8, 'schedule: "2f2b" is unknown'),
        ({}, 0, "gpus: got 0; expected a whole number of at least 1"),
    ],
)
def test_what_the_caller_says_is_checked(tmp_path: Path, base: dict[str, Any], gpus: int, words: str) -> None:
    path = tmp_path / "one.json"
    path.write_text('{"train_batch_size": 8}', "utf-8")
    with pytest.raises(InputError) as caught:
        load_plan(path, gpus, base)
    assert words in str(caught.value)


def test_kinds_and_plans_that_cannot_be_emitted() -> None:
    with pytest.raises(
        InputError, match='--emit: got "deepsped"; allowed: megatron, deepspeed, torchtitan; did you mean'
    ):
        emit(Plan(), kind="deepsped")
    with pytest.raises(InputError, match="gpus: 3 do not divide"):
        emit(Plan(gpus=3, tensor=2))


def test_what_is_emitted_is_written_as_the_framework_writes_it() -> None:
    assert emit(Plan(gpus=8, tensor=2)).text.startswith("--tensor-model-parallel-size 2 \\\n--pipeline-model")
    assert json.loads(emit(Plan(gpus=8), kind="deepspeed").text)["zero_optimization"]["stage"] == 1
    assert tomllib.loads(emit(Plan(gpus=8), kind="torchtitan").text)["training"]["seq_len"] == 4096


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        (DEEPSPEED, ("deepspeed",)),
        (TORCHTITAN, ("torchtitan", "torchtitan_stages")),
        (TRAINER, ("training_arguments",)),
    ],
)
def test_every_key_that_is_said_to_be_read_is_named_in_the_reader(keys: Keys, files: tuple[str, ...]) -> None:
    """A key that no reader names would be dropped in silence."""
    source = "".join((Path(plans.__file__).parent / f"{file}.py").read_text("utf-8") for file in files)
    ends = ("_master_weights_and_grads", "_stage_less_layers", "fsdp_")  # put together from parts
    read = [(section, key) for section, words in keys.items() for key in words.get("read", "").split()]
    for section, key in read:
        bare = next((end for end in ends if end in key), key)
        assert bare in source, f"{section}.{key}"


WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**70),
    st.floats(),
    st.sampled_from(("auto", "", "none", "cpu", "bf16", "op", "1F1B", "full_shard offload", "x\n\x1b[2J" * 50)),
    st.builds(list),
    st.builds(dict),
    st.just([["layers.1"], ["layers.x"]]),
    st.builds(lambda: {"enabled": True, "stage": 3, "type": [1]}),
)


def places(keys: Keys) -> list[tuple[str, str]]:
    """Every key that is read, and its section."""
    found = [(section, key) for section, words in keys.items() for key in words.get("read", "").split()]
    return [*found, *(("", section) for section in keys if section and "." not in section)]


def nested(values: dict[tuple[str, str], Any]) -> dict[str, Any]:
    """Values in their sections, as far as others leave room."""
    result: dict[str, Any] = {}
    for (section, key), value in values.items():
        table = result
        for part in section.split(".") if section else ():
            inside = table.setdefault(part, {})
            table = inside if isinstance(inside, dict) else {}
        table[key] = value
    return result


def drawn(keys: Keys) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(places(keys)), WRONG, max_size=8).map(nested)


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def answered(path: Path) -> None:
    """Either a plan, or one line."""
    found, said = None, ""
    try:
        found = load_plan(path, 8)
    except WeighbridgeError as error:
        said = str(error)
    assert said.isprintable()
    assert len(said) < 6000
    if found is not None:
        assert all(line.isprintable() for line in found.warnings)
        assert found.plan.gpus == 8


@FUZZ
@given(st.sampled_from((DEEPSPEED, TRAINER)).flatmap(drawn))
def test_any_value_of_a_json_is_taken_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "given.json"
    path.write_text(json.dumps(table), "utf-8")
    answered(path)


def plain(value: Any) -> bool:
    """Whether TOML writes a value as JSON does."""
    return value is not None and not isinstance(value, dict) and value == value and value not in (1e999, -1e999)


@FUZZ
@given(drawn(TORCHTITAN))
def test_any_value_of_a_toml_is_taken_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any]
) -> None:
    sections = {
        name: {k: v for k, v in part.items() if plain(v)} for name, part in table.items() if isinstance(part, dict)
    }
    path = tmp_path_factory.mktemp("fuzz") / "given.toml"
    path.write_text(toml(sections), "utf-8")
    answered(path)
