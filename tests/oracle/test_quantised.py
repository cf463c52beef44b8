"""Bytes of quantised models: the tensors that transformers' own quantised modules hold, on the meta device.

Formats whose modules come from other libraries (awq, gptq, bitsandbytes, compressed-tensors, ModelOpt) are held against
the shapes in those libraries' sources in tests/formats/quantization.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from math import gcd
from typing import Any

import pytest

from weighbridge.estimate.parameters import params
from weighbridge.estimate.quantised import Checkpoint
from weighbridge.formats.loading import from_raw
from weighbridge.tree import Kind

torch = pytest.importorskip("torch", reason="the oracle needs torch and transformers: install both")
transformers = pytest.importorskip("transformers", reason="the oracle needs torch and transformers: install both")

from tests.oracle.draws import drawn  # noqa: E402 (needs transformers)
from tests.oracle.test_parameters import built  # noqa: E402

pytestmark = pytest.mark.oracle

DENSE = ("llama", "mistral", "qwen2", "qwen3", "phi3", "gemma2", "gemma3_text", "gpt2")
SPARSE = ("qwen3_moe", "qwen2_moe", "mixtral", "deepseek_v3", "deepseek_v2", "qwen3_next")
"""Families whose experts transformers holds as fp8 (FP8Experts takes none with biases)."""

LISTS: tuple[list[str] | None, ...] = (
    None,
    ["lm_head"],
    ["lm_head", "model.layers.0"],
    ["model.layers.*.self_attn", "lm_head"],
    ["gate", "lm_head", "e_score_correction_bias"],
    ["model.layers.1.mlp", "q_proj"],
)

ENDS = ["down_proj"]
"""A list that names the end of a name. Of experts it leaves that projection as it is in files, where each expert has a
name; transformers holds a layer's experts as one module, which it does not name."""


def bytes_of(model: Any) -> int:
    """Bytes of a model's parameters and stored buffers, shared ones once; the balancing buffer of routers as files hold
    it, in fp32 (transformers, _keep_in_fp32_modules_strict)."""
    stored = set(model.state_dict())
    buffers = ((name, b) for name, b in model.named_buffers() if name in stored)
    tensors = list(chain(model.named_parameters(), buffers))
    return sum(t.numel() * (4 if name.endswith("e_score_correction_bias") else t.element_size()) for name, t in tensors)


def checkpoint(raw: Mapping[str, Any], section: Mapping[str, Any]) -> Checkpoint:
    """What this package makes of the configuration with that section."""
    found = params(
        from_raw("draw", {**raw, "dtype": "bfloat16", "quantization_config": section}, {}, "draw")
    ).checkpoint
    assert found is not None
    return found


def quantised(raw: Mapping[str, Any], config: Any) -> Any:
    """The model with transformers' fp8 modules in it."""
    from transformers.integrations.finegrained_fp8 import replace_with_fp8_linear
    from transformers.quantizers.base import HfQuantizer

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        model = built(raw).to(torch.bfloat16)
        skipped = HfQuantizer.get_modules_to_not_convert(model, config.modules_to_not_convert)
        return replace_with_fp8_linear(model, skipped, config)
    finally:
        torch.set_default_dtype(before)


def rows(raw: Mapping[str, Any]) -> int:
    """Rows of a block that divide an expert's: transformers joins its gate and up, files hold each apart, and where
    blocks run over the end of one, the numbers of scales differ."""
    config = transformers.CONFIG_MAPPING[raw["model_type"]].from_dict(dict(raw))
    widths = [getattr(config, name, None) for name in ("moe_intermediate_size", "intermediate_size")]
    return gcd(next((width for width in widths if width), 16), 16)


CASES = [
    *((kind, listed) for kind in (*DENSE, *SPARSE) for listed in LISTS),
    *((kind, ENDS) for kind in DENSE),
    *(("mamba2", listed) for listed in LISTS[:2]),
]


@pytest.mark.parametrize(("model_type", "listed"), CASES, ids=str)
def test_fp8_in_blocks(model_type: str, listed: list[str] | None) -> None:
    raw = drawn(model_type, f"fp8 {listed}")
    if listed is not None and "lm_head" not in listed:  # transformers would untie a head that it quantises
        raw["tie_word_embeddings"] = False
    block = (rows(raw), 24)
    section = {"quant_method": "fp8", "weight_block_size": list(block), "modules_to_not_convert": listed}
    config = transformers.FineGrainedFP8Config(weight_block_size=block, modules_to_not_convert=listed)
    assert checkpoint(raw, section).bytes == bytes_of(quantised(raw, config)), (raw, section)


@pytest.mark.parametrize("scheme", ["dynamic", "static"])
@pytest.mark.parametrize("model_type", DENSE)
def test_fp8_per_tensor(model_type: str, scheme: str) -> None:
    raw = drawn(model_type, f"fp8 per tensor {scheme}")
    section = {"quant_method": "fp8", "activation_scheme": scheme}
    config = transformers.FineGrainedFP8Config(activation_scheme=scheme, weight_block_size=None)
    assert checkpoint(raw, section).bytes == bytes_of(quantised(raw, config)), raw


@pytest.mark.parametrize("model_type", DENSE)
def test_mxfp8(model_type: str) -> None:
    raw = drawn(model_type, "mxfp8")
    config = transformers.FineGrainedFP8Config(weight_block_size=(1, 32), scale_fmt="ue8m0")
    assert checkpoint(raw, {"quant_method": "mxfp8"}).bytes == bytes_of(quantised(raw, config)), raw


@pytest.mark.parametrize("model_type", ["llama", "qwen3"])
def test_fp8_per_channel(model_type: str) -> None:
    from transformers.integrations.fbgemm_fp8 import FbgemmFp8Linear  # replacing a model's modules needs its library

    raw = drawn(model_type, "fbgemm") | {"attention_bias": False, "mlp_bias": False}
    model = built(raw).to(torch.bfloat16)
    for name, module in list(model.named_modules()):
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            with torch.device("meta"):
                model.set_submodule(name, FbgemmFp8Linear(module.in_features, module.out_features, bias=False))
    assert checkpoint(raw, {"quant_method": "fbgemm_fp8"}).bytes == bytes_of(model), raw


def test_experts_in_mxfp4() -> None:
    from transformers.integrations.mxfp4 import Mxfp4GptOssExperts

    raw = drawn("gpt_oss", "mxfp4") | {"hidden_size": 64, "intermediate_size": 96}
    config = transformers.CONFIG_MAPPING["gpt_oss"].from_dict(dict(raw))
    with torch.device("meta"):
        experts = Mxfp4GptOssExperts(config)
    packed = [p for p in experts.parameters() if p.dtype is torch.uint8]
    layers = config.num_hidden_layers
    found = checkpoint(raw, {"quant_method": "mxfp4"})
    (ours,) = [row for row in found.tensors if row.kind is Kind.EXPERTS and row.quantised]
    assert ours.values == layers * sum(p.numel() for p in packed)
    assert ours.scales == layers * sum(p.numel() // 16 for p in packed)  # a byte per 32 elements, two to a byte
    others = bytes_of(built(raw).to(torch.bfloat16)) - 2 * ours.parameters
    assert found.bytes == others + ours.bytes
