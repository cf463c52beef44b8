"""NVIDIA ModelOpt: its file beside a configuration, its section inside one, and both at once."""

from __future__ import annotations

import json
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from tests.formats.quantization.small import HEAD, LAYER, LEFT, RAW, SPARSE, in_bf16, layers, refused, stored
from weighbridge.errors import InputError
from weighbridge.estimate.parameters import params
from weighbridge.formats import load
from weighbridge.models import catalogue

FP8 = {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8", "exclude_modules": ["lm_head"]}
NVFP4 = {"quant_algo": "NVFP4", "kv_cache_quant_algo": None, "group_size": 16, "exclude_modules": ["lm_head"]}


def fp8(rows: int, columns: int) -> int:
    return rows * columns + 4 + 4  # weight_scale and input_scale


def nvfp4(rows: int, columns: int) -> int:
    return ceil(rows * columns / 2) + rows * ceil(columns / 16) + 4 + 4  # weight_scale_2 and input_scale


def inside(section: dict[str, Any], raw: dict[str, Any] = RAW) -> int:
    return stored({"quant_method": "modelopt", **section}, raw).bytes


def test_scales_of_the_cache_stand_with_keys_and_values() -> None:
    assert inside(FP8) == LEFT + layers(fp8) + 2 * 2 * 4
    assert inside({**FP8, "kv_cache_quant_algo": None}) == LEFT + layers(fp8)


def test_nvfp4() -> None:
    assert inside(NVFP4) == LEFT + layers(nvfp4)


@pytest.mark.parametrize(
    ("algorithm", "each"),
    [
        ("FP8_PER_CHANNEL_PER_TOKEN", lambda r, c: r * c + 4 * r),
        ("FP8_PB_WO", lambda r, c: r * c + 4 * ceil(r / 128) * ceil(c / 128)),
        ("MXFP8", lambda r, c: r * c + r * ceil(c / 32)),
        ("W4A8_MXFP4_FP8", lambda r, c: ceil(r * c / 2) + r * ceil(c / 32)),
    ],
)
def test_other_algorithms(algorithm: str, each: Any) -> None:
    assert inside({"quant_algo": algorithm, "exclude_modules": ["lm_head"]}) == LEFT + layers(each)


def test_globs_name_modules_and_what_holds_them() -> None:
    listed = ["lm_head", "*.layers.0.mlp*", "model.layers.1.self_attn.k_proj", "vision_tower"]
    left = sum(in_bf16(*LAYER[name]) - nvfp4(*LAYER[name]) for name in ("gate", "up", "down", "k"))
    found = stored({"quant_method": "modelopt", **NVFP4, "exclude_modules": listed})
    assert found.bytes == LEFT + layers(nvfp4) + left
    assert found.notes == (
        'quantization_config.exclude_modules names "vision_tower", which no module of this model is called',
    )


def test_a_head_that_is_not_excluded_is_quantised() -> None:
    assert inside({**NVFP4, "exclude_modules": []}) == inside(NVFP4) + nvfp4(*HEAD) - in_bf16(*HEAD)


def test_mixed_precision_names_every_module() -> None:
    """As MiniMax-M3-NVFP4 has it: experts by number and under their first names, attention in mxfp8."""
    prefix = "language_model.model.layers"
    experts = {
        f"{prefix}.{layer}.block_sparse_moe.experts.{expert}.{name}": {"quant_algo": "NVFP4", "group_size": 16}
        for layer in range(2)
        for expert in range(4)
        for name in ("w1", "w2", "w3")
        if (layer, expert) != (1, 3)
    }
    attention = {
        f"{prefix}.{layer}.self_attn.{name}_proj": {"quant_algo": "MXFP8"} for layer in range(2) for name in "qkvo"
    }
    excluded = ["lm_head", "model.embed_tokens", *(f"{prefix}.{i}.block_sparse_moe.gate" for i in range(2))]
    section = {"quant_algo": "MIXED_PRECISION", "exclude_modules": excluded, "quantized_layers": experts | attention}
    expert = 2 * nvfp4(48, 32) + nvfp4(32, 48)
    own = sum(r * c + r for r, c in ((32, 32), (32, 32), (16, 32), (16, 32)))
    left = 2 * (2 * 48 * 32 + 32 * 48) + 2 * 2 * 4 * 32
    assert inside(section, SPARSE) == LEFT + 7 * expert + 2 * own + left
    assert stored({"quant_method": "modelopt", **section}, SPARSE).notes == ()


def written(folder: Path, config: dict[str, Any], beside: Any, stem: str = "") -> Path:
    (folder / f"{stem}config.json").write_text(json.dumps(config))
    if beside is not None:
        (folder / f"{stem}hf_quant_config.json").write_text(json.dumps(beside))
    return folder / f"{stem}config.json"


@pytest.mark.parametrize("stem", ["", "nvidia--Llama-FP8_"])
def test_the_file_beside_a_configuration(tmp_path: Path, stem: str) -> None:
    beside = {"producer": {"name": "modelopt", "version": "0.23.0"}, "quantization": FP8}
    checkpoint = params(load(written(tmp_path, RAW, beside, stem))).checkpoint
    assert checkpoint is not None
    assert checkpoint.bytes == inside(FP8)


def test_a_file_of_another_name_is_not_beside_it(tmp_path: Path) -> None:
    written(tmp_path, RAW, {"quantization": FP8})
    (tmp_path / "myconfig.json").write_text(json.dumps(RAW))
    assert params(load(tmp_path / "myconfig.json")).checkpoint is None


def test_both_may_say_the_same(tmp_path: Path) -> None:
    newer = {
        "quant_method": "modelopt",
        "quant_algo": "FP8",
        "config_groups": {"group_0": {"targets": ["Linear"]}},
        "kv_cache_scheme": {"dynamic": False, "num_bits": 8, "type": "float"},
        "ignore": ["lm_head"],
    }
    path = written(tmp_path, {**RAW, "quantization_config": newer}, {"quantization": FP8})
    checkpoint = params(load(path)).checkpoint
    assert checkpoint is not None
    assert checkpoint.bytes == inside(FP8)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            {"quant_method": "modelopt", **NVFP4},
            'quant_algo: "NVFP4" and "FP8"; kv_cache_quant_algo: null and "FP8"; allowed',
        ),
        ({"quant_method": "modelopt", **FP8, "exclude_modules": []}, 'exclude_modules: [] and ["lm_head"]; allowed'),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, 'quant_method: "fp8" and modelopt; allowed'),
    ],
)
def test_two_sections_that_disagree(tmp_path: Path, section: dict[str, Any], said: str) -> None:
    path = written(tmp_path, {**RAW, "quantization_config": section}, {"quantization": FP8})
    with pytest.raises(InputError) as error:
        load(path)
    assert str(error.value).startswith(f"quantization_config and hf_quant_config.json disagree: {said}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({}, "hf_quant_config.json: quantization: got null; allowed: a table"),
        ({"quantization": [FP8]}, "hf_quant_config.json: quantization: got a list of 1; allowed: a table"),
        ({"quantization": {"quant_algo": "NVFP5"}}, 'hf_quant_config.json.quant_algo: got "NVFP5"; allowed: FP8'),
        ({"quantization": {**FP8, "exclude_modules": [[]]}}, "hf_quant_config.json.exclude_modules[0]: got a list"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, beside: Any, said: str) -> None:
    with pytest.raises(InputError) as error:
        load(written(tmp_path, RAW, beside))
    assert str(error.value).startswith(said)


def test_what_is_wrong_of_single_layers_is_named() -> None:
    section = {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": {"a": {}}}
    assert refused(section).startswith("quantization_config.quantized_layers.a.quant_algo: got null; allowed: FP8")
    assert refused({**section, "quantized_layers": {"a": 1}}).endswith("quantized_layers.a: got 1; allowed: a table")
    assert "quantized_layers: got null; allowed: a table" in refused({**section, "quantized_layers": None})


def test_a_checkpoint_of_nvidia() -> None:
    """nvidia/Llama-3.1-70B-Instruct-FP8 with its hf_quant_config.json: 560 projections, a scale each for weight and
    input, one each for keys and values of 80 layers."""
    entry = catalogue.find("llama-3.1-70b")
    assert entry is not None
    total = params("llama-3.1-70b").total
    table = 128_256 * 8_192
    norms = (2 * 80 + 1) * 8_192
    expected = (total - 2 * table - norms) + 2 * (2 * table + norms) + 560 * 8 + 80 * 8
    assert inside(FP8, {**entry.config, "dtype": "bfloat16"}) == expected == 72_656_376_832
