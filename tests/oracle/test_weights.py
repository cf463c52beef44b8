"""Names and shapes of the tensors that transformers and safetensors write, beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.formats.weights.files import llama_tensors, safetensors
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import from_raw
from weighbridge.formats.weights import read
from weighbridge.formats.weights.file import StoredTensor, WeightsFile
from weighbridge.formats.weights.matching import match, words
from weighbridge.units import FP32

torch = pytest.importorskip("torch", reason="the oracle needs torch and transformers: install both")
transformers = pytest.importorskip("transformers", reason="the oracle needs torch and transformers: install both")

from tests.oracle.draws import drawn  # noqa: E402 (needs transformers)
from tests.oracle.small import from_config  # noqa: E402

pytestmark = pytest.mark.oracle

NAMED = (
    "deepseek_v2",
    "deepseek_v3",
    "deepseek_v32",
    "gemma2",
    "gemma3_text",
    "glm_moe_dsa",
    "gpt2",
    "gpt_oss",
    "llama",
    "mamba2",
    "mistral",
    "mixtral",
    "nemotron_h",
    "phi3",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "qwen3_next",
)
"""Types whose tensors are all found by name; of others the report says what is missing and what is left over."""


def file_of(raw: dict[str, Any]) -> WeightsFile:
    """What the header of a model's file would say that transformers builds of these fields."""
    config = transformers.CONFIG_MAPPING[raw["model_type"]].from_dict(dict(raw))
    with torch.device("meta"):
        model = from_config(raw["model_type"], config)
    tied = set(model.all_tied_weights_keys or {})
    state = {name: tensor for name, tensor in model.state_dict().items() if name not in tied}
    tensors = tuple(StoredTensor(name, FP32, tuple(t.shape), 4 * t.numel()) for name, t in state.items())
    return WeightsFile("drawn", "safetensors", tensors, 1, 0, 0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("model_type", NAMED)
def test_every_tensor_is_found(model_type: str, seed: int) -> None:
    raw = drawn(model_type, f"weights {seed}")
    model = from_raw("drawn", raw, {}, "drawn")
    found = match(file_of(raw), model)
    assert found.exact, list(words(found))
    assert found.parameters == params(model).total


def test_the_library_reads_the_same_header(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors")
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(llama_tensors()))
    with library.safe_open(path, "pt") as opened:
        theirs = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118 - no mapping
    assert {tensor.name: tensor.shape for tensor in read(path).tensors} == theirs
