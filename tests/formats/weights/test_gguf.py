"""GGUF files: headers, the architectures that they name, and one line for each way of being wrong."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import weighbridge as wb
from tests.formats.weights.files import gguf, gguf_head, info, string, value
from weighbridge.errors import InputError, UnknownArchitectureError, UnreadableError
from weighbridge.estimate.parameters import made, params
from weighbridge.estimate.weights import WeightsReport
from weighbridge.formats.gguf.architectures import ARCHITECTURES, of_model
from weighbridge.formats.gguf.making import make
from weighbridge.formats.loading import of_weights
from weighbridge.formats.weights import read
from weighbridge.models import Model
from weighbridge.tree import layer_count

LLAMA = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 96,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": [2, 2],
    "tokenizer.ggml.tokens": [f"token {i}" for i in range(5000)],
    "tokenizer.ggml.scores": [0.5] * 5000,
    "general.name": "tiny",
}


def tiny(kind: str = "q8_0") -> dict[str, tuple[str, Sequence[int]]]:
    """The tensors of a small Llama."""
    found: dict[str, tuple[str, Sequence[int]]] = {
        "token_embd.weight": (kind, (100, 64)),
        "output_norm.weight": ("fp32", (64,)),
        "output.weight": ("fp16", (100, 64)),
    }
    for i in range(2):
        for name, shape in {
            "attn_q": (64, 64),
            "attn_k": (32, 64),
            "attn_v": (32, 64),
            "attn_output": (64, 64),
            "ffn_gate": (96, 64),
            "ffn_up": (96, 64),
            "ffn_down": (64, 96),
        }.items():
            found[f"blk.{i}.{name}.weight"] = (kind, shape)
        found[f"blk.{i}.attn_norm.weight"] = found[f"blk.{i}.ffn_norm.weight"] = ("fp32", (64,))
    return found


def written(
    path: Path, tensors: Mapping[str, tuple[str, Sequence[int]]] | None = None, more: Mapping[str, Any] | None = None
) -> Path:
    path.write_bytes(gguf(tiny() if tensors is None else tensors, {**LLAMA, **(more or {})}))
    return path


def test_a_header_gives_bytes_and_the_architecture(tmp_path: Path) -> None:
    path = written(tmp_path / "tiny.gguf")
    file = read(path)
    blocks = 100 * 64 + 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64)
    assert file.bytes == blocks // 32 * 34 + 5 * 64 * 4 + 100 * 64 * 2
    padding = 16  # the embedding has 6,800 bytes, and what follows begins at a multiple of 32
    assert file.size == path.stat().st_size == file.header + file.bytes + padding
    report = params(path)
    assert report.model.model_type == "llama"
    assert report.weights is not None
    assert report.weights.matched is not None
    assert report.weights.matched.exact
    assert report.weights.parameters == report.total == blocks + 5 * 64 + 100 * 64
    assert report.checkpoint is not None
    assert report.checkpoint.bytes == file.bytes


def test_split_files_are_one_model(tmp_path: Path) -> None:
    names = list(tiny())
    for number, part in enumerate((names[:10], names[10:])):
        more = {"split.no": number, "split.count": 2, "split.tensors.count": len(names)}
        keys = {**LLAMA, **more} if number == 0 else more
        content = gguf({name: tiny()[name] for name in part}, keys)
        (tmp_path / f"tiny-0000{number + 1}-of-00002.gguf").write_bytes(content)
    second = tmp_path / "tiny-00002-of-00002.gguf"
    file = read(second)
    assert (file.files, len(file.tensors)) == (2, len(names))
    assert read(tmp_path).tensors == file.tensors
    assert wb.load(second).model_type == "llama"
    (tmp_path / "tiny-00001-of-00002.gguf").unlink()
    with pytest.raises(UnreadableError, match=r"1 of 2 files are missing, such as tiny-00001-of-00002.gguf"):
        read(second)


def test_an_unknown_architecture_still_has_its_bytes(tmp_path: Path, cli: Callable[..., tuple[int, str, str]]) -> None:
    path = written(tmp_path / "tiny.gguf", more={"general.architecture": "nobody"})
    with pytest.raises(UnknownArchitectureError, match='architecture "nobody" of GGUF is not covered'):
        wb.load(path)
    status, out, err = cli("params", str(path), "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["weights"]["total"] == read(path).bytes
    assert cli("flops", str(path))[0] == 2


def test_what_is_missing_or_left_over_is_said(tmp_path: Path, cli: Callable[..., tuple[int, str, str]]) -> None:
    tensors = tiny()
    del tensors["blk.1.attn_q.weight"]
    tensors["rope_freqs.weight"] = ("fp32", (8,))
    tensors["blk.0.other.weight"] = ("fp32", (16,))
    out = " ".join(cli("params", str(written(tmp_path / "tiny.gguf", tensors)))[1].split())
    assert "missing, though the architecture has them: 1 tensor (blk.1.attn_q.weight)" in out
    assert "left over, of no weight of the architecture: 1 tensor (blk.0.other.weight); 64 bytes" in out
    assert "tables that are no weights, or repetitions: 1 tensor (rope_freqs.weight); 32 bytes" in out


def test_a_table_of_rotary_frequencies_is_no_fault(tmp_path: Path, cli: Callable[..., tuple[int, str, str]]) -> None:
    path = written(tmp_path / "tiny.gguf", {**tiny(), "rope_freqs.weight": ("fp32", (8,))})
    assert "every tensor is one of the architecture's" in cli("params", str(path))[1]


def test_layers_that_differ_are_not_guessed(tmp_path: Path) -> None:
    path = written(tmp_path / "tiny.gguf", more={"llama.attention.head_count_kv": [2, 4]})
    with pytest.raises(InputError, match=r"llama.attention.head_count_kv: layers differ in it"):
        wb.load(path)


HEADERS: dict[str, dict[str, Any]] = {
    "qwen2.5-7b": {
        "general.architecture": "qwen2",
        "qwen2.block_count": 28,
        "qwen2.embedding_length": 3584,
        "qwen2.feed_forward_length": 18944,
        "qwen2.attention.head_count": 28,
        "qwen2.attention.head_count_kv": 4,
    },
    "mixtral-8x7b": {
        "general.architecture": "llama",
        "llama.block_count": 32,
        "llama.embedding_length": 4096,
        "llama.feed_forward_length": 14336,
        "llama.attention.head_count": 32,
        "llama.attention.head_count_kv": 8,
        "llama.expert_count": 8,
        "llama.expert_used_count": 2,
    },
    "qwen3-30b-a3b": {
        "general.architecture": "qwen3moe",
        "qwen3moe.block_count": 48,
        "qwen3moe.embedding_length": 2048,
        "qwen3moe.feed_forward_length": 6144,
        "qwen3moe.attention.head_count": 32,
        "qwen3moe.attention.head_count_kv": 4,
        "qwen3moe.attention.key_length": 128,
        "qwen3moe.expert_count": 128,
        "qwen3moe.expert_used_count": 8,
        "qwen3moe.expert_feed_forward_length": 768,
    },
    "qwen2-57b-a14b": {  # older files say the widths of experts by their tensors alone
        "general.architecture": "qwen2moe",
        "qwen2moe.block_count": 28,
        "qwen2moe.embedding_length": 3584,
        "qwen2moe.feed_forward_length": 18944,
        "qwen2moe.attention.head_count": 28,
        "qwen2moe.attention.head_count_kv": 4,
        "qwen2moe.expert_count": 64,
        "qwen2moe.expert_used_count": 8,
    },
    "gemma-2-9b": {
        "general.architecture": "gemma2",
        "gemma2.block_count": 42,
        "gemma2.embedding_length": 3584,
        "gemma2.feed_forward_length": 14336,
        "gemma2.attention.head_count": 16,
        "gemma2.attention.head_count_kv": 8,
        "gemma2.attention.key_length": 256,
        "gemma2.attention.sliding_window": 4096,
    },
    "gemma-3-1b": {
        "general.architecture": "gemma3",
        "gemma3.block_count": 26,
        "gemma3.embedding_length": 1152,
        "gemma3.feed_forward_length": 6912,
        "gemma3.attention.head_count": 4,
        "gemma3.attention.head_count_kv": 1,
        "gemma3.attention.key_length": 256,
        "gemma3.attention.sliding_window": 512,
    },
    "phi-3-mini": {
        "general.architecture": "phi3",
        "phi3.block_count": 32,
        "phi3.embedding_length": 3072,
        "phi3.feed_forward_length": 8192,
        "phi3.attention.head_count": 32,
        "phi3.attention.head_count_kv": 32,
        "phi3.attention.sliding_window": 2047,
    },
    "gpt-oss-20b": {
        "general.architecture": "gpt-oss",
        "gpt-oss.block_count": 24,
        "gpt-oss.embedding_length": 2880,
        "gpt-oss.feed_forward_length": 2880,
        "gpt-oss.expert_feed_forward_length": 2880,
        "gpt-oss.attention.head_count": 64,
        "gpt-oss.attention.head_count_kv": 8,
        "gpt-oss.attention.key_length": 64,
        "gpt-oss.attention.sliding_window": 128,
        "gpt-oss.expert_count": 32,
        "gpt-oss.expert_used_count": 4,
    },
    "deepseek-v3": {
        "general.architecture": "deepseek2",
        "deepseek2.block_count": 61,
        "deepseek2.embedding_length": 7168,
        "deepseek2.feed_forward_length": 18432,
        "deepseek2.attention.head_count": 128,
        "deepseek2.attention.head_count_kv": 1,
        "deepseek2.attention.q_lora_rank": 1536,
        "deepseek2.attention.kv_lora_rank": 512,
        "deepseek2.attention.key_length": 576,
        "deepseek2.attention.value_length": 512,
        "deepseek2.attention.key_length_mla": 192,
        "deepseek2.attention.value_length_mla": 128,
        "deepseek2.rope.dimension_count": 64,
        "deepseek2.leading_dense_block_count": 3,
        "deepseek2.expert_count": 256,
        "deepseek2.expert_used_count": 8,
        "deepseek2.expert_shared_count": 1,
        "deepseek2.expert_feed_forward_length": 2048,
    },
    "deepseek-v2-lite": {
        "general.architecture": "deepseek2",
        "deepseek2.block_count": 27,
        "deepseek2.embedding_length": 2048,
        "deepseek2.feed_forward_length": 10944,
        "deepseek2.attention.head_count": 16,
        "deepseek2.attention.head_count_kv": 16,
        "deepseek2.attention.kv_lora_rank": 512,
        "deepseek2.attention.key_length": 192,
        "deepseek2.attention.value_length": 128,
        "deepseek2.rope.dimension_count": 64,
        "deepseek2.leading_dense_block_count": 1,
        "deepseek2.expert_count": 64,
        "deepseek2.expert_used_count": 6,
        "deepseek2.expert_shared_count": 2,
        "deepseek2.expert_feed_forward_length": 1408,
    },
    "mamba2-130m": {
        "general.architecture": "mamba2",
        "mamba2.block_count": 24,
        "mamba2.embedding_length": 768,
        "mamba2.feed_forward_length": 0,
        "mamba2.attention.head_count": 0,
        "mamba2.ssm.conv_kernel": 4,
        "mamba2.ssm.inner_size": 1536,
        "mamba2.ssm.state_size": 128,
        "mamba2.ssm.time_step_rank": 24,
        "mamba2.ssm.group_count": 1,
    },
    "qwen3-next-80b-a3b": {
        "general.architecture": "qwen3next",
        "qwen3next.block_count": 48,
        "qwen3next.embedding_length": 2048,
        "qwen3next.feed_forward_length": 5120,
        "qwen3next.attention.head_count": 16,
        "qwen3next.attention.head_count_kv": 2,
        "qwen3next.attention.key_length": 256,
        "qwen3next.expert_count": 512,
        "qwen3next.expert_used_count": 10,
        "qwen3next.expert_feed_forward_length": 512,
        "qwen3next.expert_shared_feed_forward_length": 512,
        "qwen3next.full_attention_interval": 4,
        "qwen3next.ssm.conv_kernel": 4,
        "qwen3next.ssm.inner_size": 4096,
        "qwen3next.ssm.state_size": 128,
        "qwen3next.ssm.time_step_rank": 32,
        "qwen3next.ssm.group_count": 16,
    },
    "gpt2": {
        "general.architecture": "gpt2",
        "gpt2.block_count": 12,
        "gpt2.embedding_length": 768,
        "gpt2.feed_forward_length": 3072,
        "gpt2.attention.head_count": 12,
        "gpt2.context_length": 1024,
    },
}
"""Metadata as llama.cpp's converters write it for models of the catalogue."""


@pytest.mark.parametrize("name", HEADERS)
def test_headers_give_the_model_that_was_written(name: str) -> None:
    model = wb.load(name)
    file = replace(make(model, "Q4_K_M"), metadata=HEADERS[name], estimated=False)
    found: Model = of_weights(file, {})
    report = params(found)
    assert report.total == params(model).total
    assert report.active == params(model).active
    assert report.checkpoint is not None
    assert report.checkpoint.bytes == file.bytes


def metadata_of(model: Model, architecture: str) -> dict[str, Any]:
    """What a converter writes of a model, by the fields that its configuration has under their usual names."""
    config = model.config
    layers = layer_count(model.tree)

    def field(*names: str) -> Any:
        return next((value for name in names if (value := getattr(config, name, None)) is not None), None)

    experts = field("num_local_experts", "n_routed_experts", "moe_num_experts", "num_experts")
    own = {
        "block_count": layers,
        "embedding_length": config.hidden_size,
        "feed_forward_length": field("intermediate_size"),
        "attention.head_count": field("num_attention_heads"),
        "attention.head_count_kv": field("num_key_value_heads", "num_attention_heads"),
        "attention.key_length": field("head_size"),
        "attention.sliding_window": field("sliding_window"),
        "full_attention_interval": field("full_attention_interval"),
        "ssm.conv_kernel": field("linear_conv_kernel_dim", "conv_kernel"),
        "ssm.state_size": field("linear_key_head_dim", "state_size"),
        "ssm.group_count": field("linear_num_key_heads", "n_groups"),
    }
    if experts:
        own |= {
            "expert_count": experts,
            "expert_used_count": field("num_experts_per_tok", "moe_k", "moe_topk"),
            "expert_feed_forward_length": field("moe_intermediate_size", "intermediate_size"),
            "expert_shared_count": field("n_shared_experts", "moe_num_shared_experts"),
            "leading_dense_block_count": field("first_k_dense_replace", "moe_layer_start_index"),
        }
    if architecture == "mamba":
        own |= {"ssm.inner_size": 2 * config.hidden_size, "ssm.time_step_rank": -(-config.hidden_size // 16)}
    elif field("linear_num_value_heads"):
        heads = config.linear_num_value_heads
        own |= {"ssm.time_step_rank": heads, "ssm.inner_size": heads * config.linear_value_head_dim}
    named = {f"{architecture}.{key}": value for key, value in own.items() if value is not None}
    return {"general.architecture": architecture, **named}


WRITTEN = (
    "afm-4.5b",
    "aya-23-8b",
    "command-a-111b",
    "devstral-2-123b",
    "dots.llm1",
    "ernie-4.5-0.3b",
    "ernie-4.5-21b-a3b",
    "exaone-4.0-1.2b",
    "gemma-2b",
    "glm-4-32b-0414",
    "glm-4.5-air",
    "granite-3.0-8b",
    "granite-3.1-3b-a800m",
    "hunyuan-4b",
    "hunyuan-a13b",
    "mamba-1.4b",
    "minimax-m2",
    "minitron-4b",
    "olmo-2-13b",
    "olmoe-1b-7b",
    "seed-oss-36b",
    "smollm3-3b",
    "starcoder2-15b",
)


@pytest.mark.parametrize("name", WRITTEN)
def test_sizes_survive_the_way_into_a_header_and_back(name: str) -> None:
    model = wb.load(name)
    file = replace(make(model, "Q8_0"), metadata=metadata_of(model, of_model(model)), estimated=False)
    found = params(of_weights(file, {}))
    assert found.model.model_type == model.model_type
    assert (found.total, found.active) == (params(model).total, params(model).active)
    assert WeightsReport(file, found.model).matched is not None


def test_a_pattern_of_layers_is_read_off_their_sizes() -> None:
    for name in ("nemotron-h-8b", "nemotron-3-nano-30b-a3b"):
        model = wb.load(name)
        config, pattern = model.config, wb.load(name).config.hybrid_override_pattern
        own = {
            "block_count": len(pattern),
            "embedding_length": config.hidden_size,
            "feed_forward_length": [config.intermediate_size if kind in "-E" else 0 for kind in pattern],
            "attention.head_count": config.num_attention_heads,
            "attention.head_count_kv": [config.num_key_value_heads if kind == "*" else 0 for kind in pattern],
            "attention.key_length": config.head_dim,
            "ssm.conv_kernel": config.conv_kernel,
            "ssm.state_size": config.ssm_state_size,
            "ssm.group_count": config.n_groups,
            "ssm.inner_size": config.mamba_num_heads * config.mamba_head_dim,
            "ssm.time_step_rank": config.mamba_num_heads,
        }
        if "E" in pattern:
            own |= {
                "expert_count": config.n_routed_experts,
                "expert_used_count": config.num_experts_per_tok,
                "expert_feed_forward_length": config.moe_intermediate_size,
                "expert_shared_feed_forward_length": config.moe_shared_expert_intermediate_size,
            }
        metadata = {"general.architecture": "nemotron_h", **{f"nemotron_h.{key}": size for key, size in own.items()}}
        file = replace(make(model, "Q8_0"), metadata=metadata, estimated=False)
        found = params(of_weights(file, {}))
        assert found.model.config.hybrid_override_pattern == pattern
        assert found.total == params(model).total


def test_a_model_may_be_changed(tmp_path: Path) -> None:
    assert wb.load(written(tmp_path / "tiny.gguf"), {"num_hidden_layers": 3}).config.num_hidden_layers == 3


def test_older_files_hold_keys_and_values_in_one() -> None:
    model, report = made(wb.load("deepseek-v2-lite"), "Q8_0")
    parts = {t.name: t for t in report.file.tensors}
    keys, values = parts["blk.0.attn_k_b.weight"], parts["blk.0.attn_v_b.weight"]
    assert (keys.shape, values.shape) == ((16, 512, 128), (16, 128, 512))
    whole = replace(keys, name="blk.0.attn_kv_b.weight", shape=(16 * 256, 512), bytes=keys.bytes + values.bytes)
    older = tuple(t for t in report.file.tensors if t not in (keys, values))
    found = replace(report, file=replace(report.file, tensors=(*older, whole), estimated=False), model=model)
    assert found.matched is not None
    assert found.matched.exact


HEAD = gguf_head(1, 0)

WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "ends inside its header"),
    "another file": (b"GGML" + bytes(100), "is no GGUF file"),
    "version 1": (gguf_head(0, 0, 1), "is of GGUF version 1; read are 2 and 3"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "billions of tensors": (
        gguf_head(4 * 10**9, 0) + bytes(100),
        "says that it has 4,000,000,000 tensors and 0 metadata",
    ),
    "billions of metadata": (gguf_head(0, 2**63) + bytes(100), "9,223,372,036,854,775,808 metadata"),
    "cut off": (gguf(tiny(), LLAMA)[:50_000], "ends inside its header; it was cut off: download it again"),
    "cut off in its data": (gguf(tiny(), LLAMA)[:-33], "it was cut off: download it again"),
    "a key of 2^60 bytes": (
        gguf_head(0, 1) + struct.pack("<Q", 2**60),
        "has a name or a text of 1,152,921,504,606,846,976 bytes",
    ),
    "a key that is no UTF-8": (gguf_head(0, 1) + struct.pack("<Q", 1) + b"\xff", "a name that is not UTF-8"),
    "a key twice": (gguf_head(0, 2) + 2 * (string("a") + value(1)), 'has the metadata "a" twice'),
    "an unknown value": (gguf_head(0, 1) + string("a") + struct.pack("<I", 99), "has metadata of type 99"),
    "an array of arrays": (
        gguf_head(0, 1) + string("a") + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQ", 9, 1),
        "has metadata of type 9 in an array",
    ),
    "an array of 2^60": (
        gguf_head(0, 1) + string("a") + struct.pack("<IIQ", 9, 4, 2**60),
        "1,152,921,504,606,846,976 entries",
    ),
    "an array of a million": (
        gguf_head(0, 1) + string("a") + struct.pack("<IIQ", 9, 4, 10**6),
        "ends inside its header",
    ),
    "nine axes": (HEAD + info("a", 0, [1] * 9, 0) + bytes(64), 'a tensor "a" of 9 axes; allowed are 4'),
    "2^80 elements": (HEAD + info("a", 0, [2**40, 2**40], 0) + bytes(64), "elements, which no file has"),
    "an unknown type": (HEAD + info("a", 31, [32], 0) + bytes(64), "of type 31, which is not known here"),
    "half a block": (HEAD + info("a", 12, [100], 0) + bytes(64), "whose rows of 100 are no whole blocks of 256"),
    "beyond the file": (HEAD + info("a", 0, [8], 2**40) + bytes(64), "its header describes 1,099,511,627,"),
    "between": (HEAD + info("a", 0, [8], 4) + bytes(128), "begin at no multiple of 32"),
    "overlap": (
        gguf_head(2, 0) + info("a", 0, [16], 0) + info("b", 0, [8], 32) + bytes(256),
        'the data of "b" overlap those before',
    ),
    "a tensor twice": (
        gguf_head(2, 0) + info("a", 0, [8], 0) + info("a", 0, [8], 32) + bytes(256),
        "names a tensor twice",
    ),
    "no alignment": (
        gguf_head(0, 1) + string("general.alignment") + value(0) + bytes(64),
        "general.alignment = 0; allowed is a power of two",
    ),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_what_is_wrong_is_said_in_one_line(case: str, tmp_path: Path) -> None:
    content, said = WRONG[case]
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(UnreadableError) as error:
        read(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_another_alignment_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf(tiny(), LLAMA, alignment=64))
    assert read(path).header % 64 == 0


WRONG_SIZES = {
    "llama.block_count": ("two", 'llama.block_count: got "two"; expected a whole number'),
    "llama.embedding_length": (0, "hidden_size"),
    "llama.attention.head_count": (3, "num_attention_heads"),
}


@pytest.mark.parametrize("key", WRONG_SIZES)
def test_sizes_that_are_wrong_are_refused(key: str, tmp_path: Path, cli: Callable[..., tuple[int, str, str]]) -> None:
    given, said = WRONG_SIZES[key]
    status, _, err = cli("params", str(written(tmp_path / "tiny.gguf", more={key: given})))
    assert status == 2
    assert said in err


def test_without_an_embedding_it_is_no_model(tmp_path: Path, cli: Callable[..., tuple[int, str, str]]) -> None:
    tensors = tiny()
    del tensors["token_embd.weight"]
    status, _, err = cli("params", str(written(tmp_path / "tiny.gguf", tensors)))
    assert status == 2
    assert "no token_embd.weight" in err


def test_the_documentation_lists_the_architectures_that_are_read() -> None:
    page = (Path(__file__).parents[3] / "docs" / "weights.md").read_text("utf-8")
    said = page.partition("Read are the architectures ")[2].partition("Of any other")[0]
    assert re.findall(r"`([\w-]+)`", said) == sorted(name for name, one in ARCHITECTURES.items() if one.fields)
