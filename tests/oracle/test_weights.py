"""Names and shapes of the tensors that transformers and safetensors write, beside ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.formats.weights.files import llama_tensors, safetensors
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import from_raw
from weighbridge.formats.weights import read
from weighbridge.formats.weights.file import StoredTensor, WeightsFile
from weighbridge.formats.weights.matching import match, words
from weighbridge.units import DATA_TYPES, FP8, FP32, INT8

torch = pytest.importorskip("torch", reason="the oracle needs torch and transformers: install both")
transformers = pytest.importorskip("transformers", reason="the oracle needs torch and transformers: install both")

from tests.oracle.draws import drawn  # noqa: E402 (needs transformers)
from tests.oracle.small import from_config  # noqa: E402
from tests.oracle.test_quantised import DENSE, SPARSE, quantised, rows  # noqa: E402

pytestmark = pytest.mark.oracle

NAMED = re.findall(
    r"\w+",
    """
    arcee bamba bloom cohere cohere2 deepseek_v2 deepseek_v3 deepseek_v32 dots1 ernie4_5 ernie4_5_moe exaone4
    falcon gemma gemma2 gemma3_text glm glm4 glm4_moe glm_moe_dsa gpt2 gpt_bigcode gpt_neox gpt_oss gptj
    granite granitemoe hunyuan_v1_dense hunyuan_v1_moe jamba kimi_k2 lfm2 lfm2_moe llama llama4_text mamba
    mamba2 mimo mimo_v2_flash minimax_m2 ministral3 mistral mixtral nemotron nemotron_h olmo olmo2 olmo3 olmoe
    phi phi3 phimoe qwen2 qwen2_moe qwen3 qwen3_5_moe_text qwen3_5_text qwen3_moe qwen3_next qwen3_vl_moe_text
    qwen3_vl_text seed_oss smollm3 starcoder2 step3p5
    """,
)
"""Types whose tensors are all found by name; of others the report says what is missing and what is left over."""


def file_of(raw: dict[str, Any]) -> WeightsFile:
    """What the header of a model's file would say that transformers builds of these fields."""
    config = transformers.CONFIG_MAPPING[raw["model_type"]].from_dict(dict(raw))
    with torch.device("meta"):
        model = from_config(raw["model_type"], config)
    return saved(model)


TYPES = {torch.float32: FP32, torch.bfloat16: DATA_TYPES["bf16"], torch.float8_e4m3fn: FP8, torch.uint8: INT8}


def saved(model: Any) -> WeightsFile:
    """What the header of a model's file would say."""
    tied = set(model.all_tied_weights_keys or {})
    state = {name: tensor for name, tensor in model.state_dict().items() if name not in tied}
    tensors = [
        StoredTensor(name, TYPES.get(t.dtype, INT8), tuple(t.shape), t.numel() * t.element_size())
        for name, t in state.items()
    ]
    return WeightsFile("drawn", "safetensors", tuple(tensors), 1, 0, 0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("model_type", NAMED)
def test_every_tensor_is_found(model_type: str, seed: int) -> None:
    raw = drawn(model_type, f"weights {seed}")
    model = from_raw("drawn", raw, {}, "drawn")
    found = match(file_of(raw), model)
    assert found.exact, list(words(found))
    assert found.parameters == params(model).total


@pytest.mark.parametrize("model_type", [*DENSE, *SPARSE])
def test_values_and_scales_are_found_and_unpacked(model_type: str) -> None:
    raw = drawn(model_type, "fp8 weights") | {"tie_word_embeddings": False, "dtype": "bfloat16"}
    block = (rows(raw), 24)
    config = transformers.FineGrainedFP8Config(weight_block_size=block, modules_to_not_convert=["lm_head"])
    section = {"quant_method": "fp8", "weight_block_size": list(block), "modules_to_not_convert": ["lm_head"]}
    model = from_raw("drawn", {**raw, "quantization_config": section}, {}, "drawn")
    found = match(saved(quantised(raw, config)), model)
    assert found.exact, list(words(found))
    assert found.parameters == params(model).total


def test_the_library_reads_the_same_header(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors")
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(llama_tensors()))
    with library.safe_open(path, "pt") as opened:
        theirs = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118 - no mapping
    assert {tensor.name: tensor.shape for tensor in read(path).tensors} == theirs
