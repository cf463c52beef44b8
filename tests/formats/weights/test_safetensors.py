"""Headers of safetensors files: what they say, and one line for each way of being wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from tests.formats.weights.files import LLAMA, framed, llama_tensors, safetensors, write_llama
from weighbridge.errors import UnreadableError
from weighbridge.formats.weights import read
from weighbridge.report.weights_schema import WeightsAlone
from weighbridge.tree import Kind

F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def test_a_file_gives_its_tensors_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(
        safetensors({"a": ("BF16", (3, 5)), "b.bias": ("F32", ()), "c": ("F4", (2, 32))}, {"format": "pt"})
    )
    file = read(path)
    assert [(t.name, t.dtype.name, t.shape, t.bytes) for t in file.tensors] == [
        ("a", "bf16", (3, 5), 30),
        ("b.bias", "fp32", (), 4),
        ("c", "fp4", (2, 32), 32),
    ]
    assert file.bytes == 66
    assert file.size == path.stat().st_size == file.header + file.bytes
    assert (file.form, file.files, file.elements) == ("safetensors", 1, 80)


def test_kinds_are_told_by_names() -> None:
    from weighbridge.formats.weights.file import kind_of

    assert {kind_of(name) for name in ("model.embed_tokens.weight", "token_embd.weight", "wte.weight")} == {
        Kind.EMBEDDING
    }
    assert {kind_of(name) for name in ("lm_head.weight", "output.weight")} == {Kind.HEAD}
    assert kind_of("output_norm.weight") is Kind.NORM
    assert kind_of("blk.3.attn_q_norm.weight") is Kind.NORM
    assert {kind_of(name) for name in ("blk.3.attn_output.weight", "layers.0.self_attn.q_proj.weight")} == {
        Kind.ATTENTION
    }
    assert {kind_of(name) for name in ("blk.1.ffn_gate.weight", "layers.1.mlp.gate_proj.weight")} == {Kind.MLP}
    assert {kind_of(name) for name in ("blk.1.ffn_gate_exps.weight", "layers.1.mlp.experts.7.w1.weight")} == {
        Kind.EXPERTS
    }
    assert {kind_of(name) for name in ("blk.1.ffn_gate_inp.weight", "layers.1.mlp.gate.weight")} == {Kind.ROUTER}
    assert kind_of("model.visual.blocks.0.attn.qkv.weight") is Kind.VISION
    assert kind_of("something.weight") is Kind.OTHER


def deep(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "has 0 bytes; a safetensors file has at least 8"),
    "short": (b"1234", "has 4 bytes"),
    "10 GB of header": (
        (10 * 10**9).to_bytes(8, "little") + bytes(100),
        "says that its header has 10,000,000,000 bytes",
    ),
    "all ones": (b"\xff" * 64, "18,446,744,073,709,551,615 bytes, and has 64 itself"),
    "cut off in its data": (safetensors({"a": ("F32", (8,))})[:-3], "has 29 bytes of data; its header describes 32"),
    "more than its tensors": (safetensors({"a": ("F32", (8,))}) + b"xyz", "35 bytes of data; its header describes 32"),
    "no UTF-8": (framed(b'{"\xff": 1}', 0), "not UTF-8 (byte 2)"),
    "no JSON": (framed(b"{hello}", 0), "no JSON"),
    "a list": (framed([], 0), "holds a list of 0; it is an object"),
    "nested": (framed(deep(100_000), 0), "nested too deeply"),
    "an endless number": (framed(b'{"a": ' + b"1" * 5000 + b"}", 0), "no JSON"),
    "twice": (framed(b'{"a": {}, "a": {}}', 0), "names a tensor or a field twice"),
    "a number": (framed({"a": 5}, 0), '"a" is 5; expected a table'),
    "a type": (framed({"a": {**F32, "dtype": "F33"}}, 8), 'of data type "F33"; known: BOOL'),
    "no type": (framed({"a": {**F32, "dtype": [1]}}, 8), "of data type a list of 1"),
    "no shape": (framed({"a": {**F32, "shape": "2"}}, 8), 'the shape of "a" is no list'),
    "a negative size": (framed({"a": {**F32, "shape": [-2, -1]}}, 8), 'the shape of "a" is no list'),
    "a size of 2^63": (framed({"a": {**F32, "shape": [2**63]}}, 8), 'the shape of "a" is no list'),
    "2^96 elements": (framed({"a": {**F32, "shape": [2**32] * 3}}, 8), "elements of fp32, and 8 bytes"),
    "too many axes": (framed({"a": {**F32, "shape": [1] * 17}}, 8), "at most 16 sizes"),
    "a truth for a size": (framed({"a": {**F32, "shape": [True, 2]}}, 8), "no list"),
    "one offset": (framed({"a": {**F32, "data_offsets": [8]}}, 8), "not two whole numbers"),
    "offsets turned": (framed({"a": {**F32, "data_offsets": [8, 0]}}, 8), "and -8 bytes"),
    "another size": (framed({"a": {**F32, "data_offsets": [0, 12]}}, 12), "[2] elements of fp32, and 12 bytes"),
    "beyond the file": (
        framed({"a": {**F32, "data_offsets": [10**12, 10**12 + 8]}}, 8),
        "leaves a gap of 1,000,000,000,000",
    ),
    "overlap": (
        framed({"a": F32, "b": {**F32, "data_offsets": [4, 12]}}, 12),
        'the data of "b" overlaps the one before',
    ),
    "a gap": (framed({"a": F32, "b": {**F32, "data_offsets": [12, 20]}}, 20), "leaves a gap of 4 bytes before it"),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_what_is_wrong_is_said_in_one_line(case: str, tmp_path: Path) -> None:
    content, said = WRONG[case]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(UnreadableError) as error:
        read(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_long_header_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighbridge.formats.weights.safetensors.LONGEST", 100)
    path = tmp_path / "model.safetensors"
    path.write_bytes(framed(b" " * 101, 0))
    with pytest.raises(UnreadableError, match="a header of 101 bytes; read are at most 100"):
        read(path)


def test_the_command_line_ends_with_status_2(tmp_path: Path, cli: Callable[..., tuple[int, str, str]]) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes((10 * 10**9).to_bytes(8, "little") + bytes(100))
    status, out, err = cli("params", str(path))
    assert (status, out) == (2, "")
    assert err.count("\n") == 1


def test_a_folder_is_compared_with_its_configuration(tmp_path: Path, cli: Callable[..., tuple[int, str, str]]) -> None:
    folder = write_llama(tmp_path / "tiny")
    data = json.loads(cli("params", str(folder), "--json")[1])
    assert data["weights"]["check"] == {"exact": True, "missing": [], "left_over": [], "other_shape": []}
    assert data["weights"]["parameters"] == data["parameters"]["total"]
    assert data["weights"]["total"] == data["bytes"]["total"] == sum(t["bytes"] for t in data["weights"]["tensors"])
    assert "every tensor is one of the architecture's" in cli("params", str(folder))[1]
    assert "every tensor is one of the architecture's" in cli("params", str(folder / "model.safetensors"))[1]


def test_what_does_not_fit_is_summed_up(tmp_path: Path, cli: Callable[..., tuple[int, str, str]]) -> None:
    tensors = llama_tensors()
    tensors["model.layers.0.mlp.gate_proj.weight"] = ("BF16", (96, 32))
    del tensors["model.layers.0.self_attn.q_proj.weight"]
    del tensors["model.layers.1.self_attn.q_proj.weight"]
    tensors["model.layers.0.extra"] = ("F32", (7,))
    out = " ".join(cli("params", str(write_llama(tmp_path / "tiny", tensors)))[1].split())
    assert "2 tensors (2 x layers.N.self_attn.q_proj.weight)" in out
    assert "of another shape: model.layers.0.mlp.gate_proj.weight has 96 x 32, the architecture 96 x 64" in out
    assert "left over, of no weight of the architecture: 1 tensor (model.layers.0.extra); 28 bytes" in out


def test_weights_of_no_known_architecture_still_have_their_bytes(
    tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(safetensors({"encoder.layers.0.attn.q.weight": ("F32", (4, 4))}))
    status, out, err = cli("params", str(path))
    assert (status, err) == (0, "")
    assert "no config.json beside it" in " ".join(out.split())
    data = json.loads(cli("params", str(path), "--json")[1])
    assert data["weights"]["total"] == 64
    TypeAdapter(WeightsAlone).validate_python(data, strict=True, extra="forbid")
    (tmp_path / "config.json").write_text(json.dumps({**LLAMA, "model_type": "nobody"}))
    assert json.loads(cli("params", str(path), "--json")[1])["notes"][0].startswith("not compared")
    assert cli("params", str(path), "--explain")[0] == 2
    assert cli("params", str(path), "--gguf", "Q4_K_M")[0] == 2
