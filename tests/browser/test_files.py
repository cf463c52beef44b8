"""Files that people drop: configurations, Llama's params.json, weights of which only the headers are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.browser.driving import Driver
from tests.formats.weights.files import gguf, llama_tensors, safetensors, write_llama
from tests.formats.weights.test_gguf import LLAMA, tiny
from weighbridge import params

LLAMA_PARAMS = {
    "dim": 4096,
    "n_layers": 32,
    "n_heads": 32,
    "n_kv_heads": 8,
    "vocab_size": 128256,
    "ffn_dim_multiplier": 1.3,
    "multiple_of": 1024,
    "norm_eps": 1e-05,
    "rope_theta": 500000.0,
}
"""Llama 3.1 8B's own params.json: the worked example of reference system B."""

GIB = 2**30


def dropped(page: Driver, *files: Path) -> None:
    """Drop files and wait for what is said of them."""
    before = page.where()
    page.drop(*files)
    page.until("location.href !== arg", before)
    page.settled()


def sparse(path: Path, content: bytes, size: int) -> Path:
    """A file that begins with a content and is so large, without taking the room."""
    with path.open("wb") as file:
        file.write(content)
        file.truncate(size)
    return path


def test_b_dropped(visit: Any, engine: str, tmp_path: Path) -> None:
    (tmp_path / "params.json").write_text(json.dumps(LLAMA_PARAMS))
    page = visit(engine=engine).ready()
    dropped(page, tmp_path / "params.json")
    page.shows("8,030,261,248")
    page.figure("8.03B")
    page.page.locator("#drawer summary", has_text="layer").click()
    page.page.locator("#drawer summary", has_text="mlp").click()
    page.explains("14,336")
    page.shot(f"b-dropped-{engine}")


def test_real_configurations_dropped(visit: Any, configurations: list[Path]) -> None:
    page = visit().ready()
    wrong = {}
    for path in configurations:
        dropped(page, path)
        expected, shown = f"{params(path).total:,}", page.text()
        if expected not in shown or path.name.split("--")[1].removesuffix("_config.json") not in shown:
            wrong[path.name] = (expected, shown[:300])
    assert not wrong
    assert len(configurations) > 10


def test_a_configuration_with_its_quantisation(visit: Any, configurations: list[Path]) -> None:
    page = visit().ready()
    fp8 = [path for path in configurations if "quantization_config" in path.read_text()]
    dropped(page, fp8[0])
    page.shows("The checkpoint (")


def test_headers_of_safetensors(visit: Any, engine: str, tmp_path: Path) -> None:
    """A file of some GB, of which the browser reads a few hundred bytes, alone and beside its configuration."""
    small = safetensors({"model.embed_tokens.weight": ("BF16", (1000, 64))})
    header = json.dumps(
        {"model.embed_tokens.weight": {"dtype": "BF16", "shape": [2**20, 2**10], "data_offsets": [0, 2 * GIB]}}
    )
    head = len(header).to_bytes(8, "little") + header.encode()
    large = sparse(tmp_path / "large.safetensors", head, len(head) + 2 * GIB)
    (tmp_path / "small.safetensors").write_bytes(small)
    page = visit(engine=engine).ready()
    dropped(page, tmp_path / "small.safetensors")
    page.shows("128,000")
    dropped(page, large)
    page.shows(f"{2 * GIB:,}")
    page.shows(f"{2**30:,}")
    folder = write_llama(tmp_path / "whole")
    dropped(page, folder / "config.json", folder / "model.safetensors")
    page.shows("Every tensor is there")
    (folder / "model.safetensors").write_bytes(
        safetensors({k: v for k, v in llama_tensors().items() if "lm_head" not in k})
    )
    dropped(page, folder / "config.json", folder / "model.safetensors")
    page.shows("missing: lm_head.weight")
    page.shot(f"weights-differ-{engine}", whole=True)


def test_headers_of_gguf(visit: Any, engine: str, tmp_path: Path) -> None:
    """A header whose vocabulary is long, in a file larger than what is read of it; found again after loading anew."""
    vocabulary = {"tokenizer.ggml.merges": [f"{number:040d}" for number in range(130_000)]}
    content = gguf(tiny(), {**LLAMA, **vocabulary})
    assert len(content) > 6 * 2**20  # more than a question may carry to a service
    path = sparse(tmp_path / "tiny.gguf", content, len(content) + 3 * GIB)
    page = visit(engine=engine).ready()
    dropped(page, path)
    page.shows("86,160")
    page.shows("Every tensor is there")
    page.page.reload()
    page.ready()
    page.shows("86,160")
    page.page.go_back()
    page.shows("8,030,261,248")


def test_what_cannot_be_read_is_said(visit: Any, tmp_path: Path) -> None:
    page = visit().ready()
    for name, content, said in (
        ("config.json", b"{", "JSON"),
        ("config.json", b'{"model_type": "lama"}', "lama"),
        ("model.safetensors", b"\x08", "safetensors"),
        ("model.gguf", b"GGUX", "GGUF"),
        ("picture.png", b"\x89PNG\r\n", "picture.png"),
    ):
        (tmp_path / name).write_bytes(content)
        dropped(page, tmp_path / name)
        page.until("document.querySelector('.told.wrong')?.innerText.includes(arg)", said)
    sparse(tmp_path / "huge.json", b"{}", 9 * 2**20)
    page.drop(tmp_path / "huge.json")
    page.open("Model")
    page.page.wait_for_selector(".drop .problem")
    assert "too large" in page.page.locator(".drop .problem").inner_text()
