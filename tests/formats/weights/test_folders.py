"""Folders of weights: indices, shards, several models, and files that were changed at random."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

import weighbridge as wb
from tests.formats.weights import documented
from tests.formats.weights.files import gguf, llama_tensors, safetensors, write_llama
from tests.formats.weights.server import GGUF, INDEX, SHARDS, TOTAL, WEIGHT_MAP, WHOLE
from tests.formats.weights.test_gguf import LLAMA, tiny
from weighbridge.errors import UnreadableError, WeighbridgeError
from weighbridge.formats.weights import read

Cli = Callable[..., tuple[int, str, str]]


def sharded(folder: Path, index: object = INDEX) -> Path:
    """A folder of two shards and an index."""
    write_llama(folder)
    (folder / "model.safetensors").unlink()
    for name, content in SHARDS.items():
        (folder / name).write_bytes(content)
    if index is not None:
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def test_an_index_names_the_files(tmp_path: Path, cli: Cli) -> None:
    folder = sharded(tmp_path / "model")
    for what in (folder, folder / "model.safetensors.index.json", folder / "model-00002-of-00002.safetensors"):
        file = read(what)
        assert (file.files, file.bytes, len(file.tensors), file.notes) == (2, TOTAL, 21, ())
    assert "every tensor is one of the architecture's" in cli("params", str(folder))[1]
    assert wb.params(folder).weights is not None


def test_without_an_index_the_names_tell(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "model", None)
    assert read(folder).bytes == TOTAL
    (folder / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(UnreadableError, match="1 of 2 files are missing"):
        read(folder)


def test_a_total_that_counts_headers_is_said(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "model", {**INDEX, "metadata": {"total_size": TOTAL + 1}})
    assert read(folder).notes == (f"model.safetensors.index.json says {TOTAL + 1:,} bytes, the headers {TOTAL:,}",)
    size = read(folder).size
    (folder / "model.safetensors.index.json").write_text(json.dumps({**INDEX, "metadata": {"total_size": size}}))
    assert read(folder).notes[0].endswith("; that is the size of the files")


ELSEWHERE = {**WEIGHT_MAP, "lm_head.weight": "../../etc/passwd"}

WRONG = {
    "no object": ([], "is no JSON object; download it again"),
    "no map": ({"metadata": {}}, "has no weight_map of tensors and files"),
    "an empty map": ({"weight_map": {}}, "has no weight_map"),
    "a file elsewhere": (
        {"weight_map": ELSEWHERE},
        'names "../../etc/passwd"; allowed is a .safetensors file beside it',
    ),
    "a number": ({"weight_map": {"a": 5}}, "names 5; allowed"),
    "too many files": (
        {"weight_map": {str(i): f"{i}.safetensors" for i in range(3000)}},
        "names 3,000 files; allowed are 2,000",
    ),
    "a file that is missing": ({"weight_map": {"a": "no.safetensors"}}, "no.safetensors cannot be read"),
    "a tensor that is missing": (
        {"weight_map": {**WEIGHT_MAP, "b": "model-00001-of-00002.safetensors"}},
        'no file holds 1 tensors, such as "b"',
    ),
    "a tensor too few": (
        {"weight_map": {k: v for k, v in WEIGHT_MAP.items() if k != "lm_head.weight"}},
        'it does not name 1 tensors, such as "lm_head.weight"',
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_index_is_one_line(case: str, tmp_path: Path, cli: Cli) -> None:
    index, said = WRONG[case]
    status, out, err = cli("params", str(sharded(tmp_path / "model", index)))
    assert (status, out) == (2, "")
    assert said in err, err
    assert err.count("\n") == 1


def test_a_tensor_in_two_files_is_refused(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "model", None)
    (folder / "model-00002-of-00002.safetensors").write_bytes(WHOLE)
    with pytest.raises(UnreadableError, match="two files hold a tensor"):
        read(folder)


def test_several_models_are_not_guessed_between(tmp_path: Path, cli: Cli) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(GGUF)
    status, _, err = cli("params", str(tmp_path))
    assert status == 2
    assert "holds 2 models: a.gguf, b.gguf; give one file's path" in err
    (tmp_path / "a.gguf").unlink()
    assert cli("params", str(tmp_path))[0] == 0
    assert cli("flops", str(tmp_path))[0] == 0


def test_an_adapter_beside_a_configuration_is_no_model(tmp_path: Path, cli: Cli) -> None:
    folder = write_llama(tmp_path / "adapted")
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    assert json.loads(cli("params", str(folder), "--json")[1])["weights"] is None


def test_a_path_that_is_wrong_is_not_asked_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    Path("models/tiny").mkdir()
    status, _, err = cli("params", "models/tiny/no.gguf")
    assert status == 2
    assert 'no catalogue name, file, folder or Hugging Face id is "models/tiny/no.gguf"' in err


def test_a_folder_of_neither_is_refused(tmp_path: Path, cli: Cli) -> None:
    status, _, err = cli("params", str(tmp_path), "--headers")
    assert status == 2
    assert "holds no .safetensors and no .gguf file" in err
    (tmp_path / "weights.safetensors").mkdir()
    with pytest.raises(UnreadableError, match="is not a regular file"):
        read(tmp_path)


def test_names_from_files_cannot_write_on_a_terminal(tmp_path: Path, cli: Cli) -> None:
    tensors = {"\x1b[31m\u202eevil\n.0.weight": ("F32", (4,)), **llama_tensors()}
    for what in (write_llama(tmp_path / "tiny", tensors), _alone(tmp_path, tensors)):
        out = cli("params", str(what))[1]
        assert "\x1b[31m" not in out
        assert "\u202e" not in out


def _alone(folder: Path, tensors: Mapping[str, tuple[str, Sequence[int]]]) -> Path:
    (folder / "other.safetensors").write_bytes(safetensors(tensors))
    return folder / "other.safetensors"


@pytest.mark.parametrize("form", ["safetensors", "gguf"])
def test_files_changed_at_random_are_read_or_refused(form: str, tmp_path: Path, cli: Cli) -> None:
    """Nothing but an error of ours comes out, and quickly."""
    good = (
        safetensors(llama_tensors()) if form == "safetensors" else gguf(tiny(), {**LLAMA, "tokenizer.ggml.scores": [1]})
    )
    head = 2600 if form == "safetensors" else len(good) - 90_000
    rng = random.Random(7)
    path = tmp_path / f"model.{form}"
    for _ in range(300):
        changed = bytearray(good)
        for _ in range(rng.choice((1, 1, 2, 8))):
            changed[rng.randrange(head)] = rng.choice((0, 1, 255, rng.randrange(256)))
        if rng.random() < 0.2:
            del changed[rng.randrange(len(changed)) :]
        path.write_bytes(changed)
        with suppress(WeighbridgeError):
            read(path)
        if rng.random() < 0.2:
            assert cli("params", str(path))[0] in (0, 2)


@pytest.mark.parametrize("name", documented.contents())
def test_the_documented_files_are_what_the_script_writes(name: str) -> None:
    content = documented.contents()[name]
    assert (documented.FILES / name).read_bytes() == content
    assert len(content) < 20_000
