"""Tensors beside the architecture: published names of quantised weights, unpacked by their scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

import weighbridge as wb
from tests.formats.weights.files import BITS, LLAMA, llama_tensors
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import from_raw
from weighbridge.formats.weights.file import StoredTensor, WeightsFile
from weighbridge.formats.weights.matching import match, words
from weighbridge.formats.weights.safetensors import TYPES

Stored = Mapping[str, tuple[str, Sequence[int]]]


def file_of(tensors: Stored) -> WeightsFile:
    """What a header of these tensors says."""
    found = []
    for name, (dtype, shape) in tensors.items():
        count = 1
        for size in shape:
            count *= size
        found.append(StoredTensor(name, TYPES[dtype], tuple(shape), count * BITS[dtype] // 8))
    return WeightsFile("tiny", "safetensors", tuple(found), 1, 0, 0)


GROUP = 32

METHODS: dict[str, tuple[dict[str, Any], Any]] = {
    "awq": (
        {"quant_method": "awq", "bits": 4, "group_size": GROUP, "version": "gemm"},
        lambda out, inner: {
            "qweight": ("I32", (inner, out // 8)),
            "qzeros": ("I32", (inner // GROUP, out // 8)),
            "scales": ("F16", (inner // GROUP, out)),
        },
    ),
    "gptq": (
        {"quant_method": "gptq", "bits": 4, "group_size": GROUP},
        lambda out, inner: {
            "qweight": ("I32", (inner // 8, out)),
            "qzeros": ("I32", (inner // GROUP, out // 8)),
            "scales": ("F16", (inner // GROUP, out)),
            "g_idx": ("I32", (inner,)),
        },
    ),
    "bitsandbytes": (
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
        lambda out, inner: {
            "weight": ("U8", (out * inner // 2, 1)),
            "weight.absmax": ("F32", (out * inner // 64,)),
            "weight.quant_map": ("F32", (16,)),
            "weight.quant_state.bitsandbytes__nf4": ("U8", (90,)),
        },
    ),
    "modelopt": (
        {"quant_method": "modelopt", "quant_algo": "NVFP4", "exclude_modules": ["lm_head"]},
        lambda out, inner: {
            "weight": ("U8", (out, inner // 2)),
            "weight_scale": ("F8_E4M3", (out, inner // 16)),
            "weight_scale_2": ("F32", ()),
            "input_scale": ("F32", ()),
        },
    ),
    "compressed-tensors": (
        {
            "quant_method": "compressed-tensors",
            "format": "pack-quantized",
            "ignore": ["lm_head"],
            "config_groups": {
                "group_0": {
                    "targets": ["Linear"],
                    "weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": GROUP},
                }
            },
        },
        lambda out, inner: {
            "weight_packed": ("I32", (out, inner // 8)),
            "weight_scale": ("BF16", (out, inner // GROUP)),
            "weight_shape": ("I64", (2,)),
        },
    ),
}
"""A section, and the tensors that stand for a weight of so many outputs and inputs, as the method's library names
them."""


@pytest.mark.parametrize("method", METHODS)
def test_quantised_weights_are_found_and_unpacked(method: str) -> None:
    section, pieces = METHODS[method]
    tensors: dict[str, tuple[str, Sequence[int]]] = {}
    for name, (dtype, shape) in llama_tensors().items():
        if "_proj" in name:
            stem = name.removesuffix("weight")
            tensors |= {f"{stem}{last}": stored for last, stored in pieces(*shape).items()}
        else:
            tensors[name] = (dtype, shape)
    model = from_raw("tiny", {**LLAMA, "quantization_config": section}, {}, "tiny")
    found = match(file_of(tensors), model)
    assert found.exact, list(words(found))
    assert found.parameters == params(model).total == params(from_raw("tiny", LLAMA, {}, "tiny")).total
    checkpoint = params(model).checkpoint
    assert checkpoint is not None
    assert file_of(tensors).bytes == checkpoint.bytes + sum(tensor.bytes for tensor in found.aside)


def test_gpt_oss_as_published() -> None:
    """Experts of a layer in one tensor, blocks of two values to a byte and scales beside them."""
    section = {"quant_method": "mxfp4"}
    sizes = {"model_type": "gpt_oss", "num_hidden_layers": 1, "num_local_experts": 32}
    model = from_raw("gpt-oss", {**sizes, "quantization_config": section}, {}, "published")
    at, experts = "model.layers.0.", "model.layers.0.mlp.experts."
    tensors: dict[str, tuple[str, Sequence[int]]] = {
        "model.embed_tokens.weight": ("BF16", (201088, 2880)),
        "lm_head.weight": ("BF16", (201088, 2880)),
        "model.norm.weight": ("BF16", (2880,)),
        f"{at}input_layernorm.weight": ("BF16", (2880,)),
        f"{at}post_attention_layernorm.weight": ("BF16", (2880,)),
        f"{at}self_attn.sinks": ("BF16", (64,)),
        f"{at}mlp.router.weight": ("BF16", (32, 2880)),
        f"{at}mlp.router.bias": ("BF16", (32,)),
        f"{experts}gate_up_proj_blocks": ("U8", (32, 5760, 90, 16)),
        f"{experts}gate_up_proj_scales": ("U8", (32, 5760, 90)),
        f"{experts}gate_up_proj_bias": ("BF16", (32, 5760)),
        f"{experts}down_proj_blocks": ("U8", (32, 2880, 90, 16)),
        f"{experts}down_proj_scales": ("U8", (32, 2880, 90)),
        f"{experts}down_proj_bias": ("BF16", (32, 2880)),
    }
    for name, rows, columns in (("q", 4096, 2880), ("k", 512, 2880), ("v", 512, 2880), ("o", 2880, 4096)):
        tensors[f"{at}self_attn.{name}_proj.weight"] = ("BF16", (rows, columns))
        tensors[f"{at}self_attn.{name}_proj.bias"] = ("BF16", (rows,))
    found = match(file_of(tensors), model)
    assert found.exact, list(words(found))
    assert found.parameters == params(model).total


def test_experts_one_by_one_and_a_prediction_layer_that_repeats_the_embedding() -> None:
    small = {"num_hidden_layers": 2, "first_k_dense_replace": 1, "n_routed_experts": 8, "vocab_size": 64}
    model = wb.load("deepseek-v3", {**small, "hidden_size": 32})
    from weighbridge.formats.weights.matching import _wanted

    tensors: dict[str, tuple[str, Sequence[int]]] = {}
    for one in _wanted(model, by_expert=True):
        tensors[f"model.{one.first}".replace("model.lm_head", "lm_head")] = ("BF16", one.shape)
    tensors["model.layers.2.embed_tokens.weight"] = ("BF16", (64, 32))
    tensors["model.layers.2.shared_head.head.weight"] = ("BF16", (64, 32))
    assert sum("experts.7." in name for name in tensors) == 6
    found = match(file_of(tensors), model)
    assert found.exact, list(words(found))
    assert [tensor.name.rpartition(".layers.2.")[2] for tensor in found.aside] == [
        "embed_tokens.weight",
        "shared_head.head.weight",
    ]
    assert found.parameters == params(model).total + params(model).prediction


def test_other_names_are_not_called_missing_where_the_sizes_add_up() -> None:
    tensors = {name.replace("q_proj", "query"): stored for name, stored in llama_tensors().items()}
    found = match(file_of(tensors), from_raw("tiny", LLAMA, {}, "tiny"))
    (said,) = words(found)
    assert said.startswith("by names not known here, but of as many elements")
    assert "2 x model.layers.N.self_attn.query.weight" in said


def test_a_configuration_of_absurdly_many_experts_is_not_walked() -> None:
    model = wb.load("qwen3-30b-a3b", {"num_experts": 2**31})
    tensors: Stored = {"model.layers.0.mlp.experts.0.gate_proj.weight": ("BF16", (768, 2048))}
    found = match(file_of(tensors), model)
    assert found.missing
