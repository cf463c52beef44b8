"""Tiny files of weights, written by hand: what the readers read, and what they must refuse."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weighbridge.ggml import TYPES

BITS = {"F32": 32, "BF16": 16, "F16": 16, "I32": 32, "U8": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "I64": 64}


def safetensors(tensors: Mapping[str, tuple[str, Sequence[int]]], metadata: Mapping[str, str] | None = None) -> bytes:
    """A whole file, of zeros."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, (dtype, shape) in tensors.items():
        count = 1
        for size in shape:
            count *= size
        end = at + -(-count * BITS[dtype] // 8)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    return framed(header, at)


def framed(header: object, data: int) -> bytes:
    """A header with its length before it and so many bytes after it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data)


def string(text: str) -> bytes:
    """A string of GGUF."""
    return struct.pack("<Q", len(text.encode())) + text.encode()


def value(given: Any) -> bytes:
    """A value of metadata with its type."""
    if isinstance(given, bool):
        return struct.pack("<I?", 7, given)
    if isinstance(given, int):
        return struct.pack("<II", 4, given)
    if isinstance(given, float):
        return struct.pack("<If", 6, given)
    if isinstance(given, str):
        return struct.pack("<I", 8) + string(given)
    inner = [value(one) for one in given]
    kind = inner[0][:4] if inner else struct.pack("<I", 4)
    return struct.pack("<I", 9) + kind + struct.pack("<Q", len(inner)) + b"".join(one[4:] for one in inner)


def info(name: str, kind: int, sizes: Sequence[int], offset: int) -> bytes:
    """An entry of the list of tensors; sizes as ggml orders them."""
    return string(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)


def gguf_head(tensors: int, keys: int, version: int = 3) -> bytes:
    """The first bytes of a file."""
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def gguf(tensors: Mapping[str, tuple[str, Sequence[int]]], metadata: Mapping[str, Any], alignment: int = 32) -> bytes:
    """A whole file, of zeros; shapes have rows before columns."""
    keys = dict(metadata) | ({"general.alignment": alignment} if alignment != 32 else {})
    out = gguf_head(len(tensors), len(keys)) + b"".join(string(key) + value(one) for key, one in keys.items())
    at = 0
    for name, (kind, shape) in tensors.items():
        count = 1
        for size in shape:
            count *= size
        out += info(name, TYPES[kind].number, list(reversed(shape)), at)
        at += -(-(count // TYPES[kind].block * TYPES[kind].bytes) // alignment) * alignment
    return out + bytes(-len(out) % alignment) + bytes(at)


LLAMA = {
    "model_type": "llama",
    "vocab_size": 100,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
"""A small Llama's configuration."""


def llama_tensors(layers: Sequence[int] = (0, 1), ends: bool = True) -> dict[str, tuple[str, Sequence[int]]]:
    """Its tensors."""
    found: dict[str, tuple[str, Sequence[int]]] = {}
    for i in layers:
        at = f"model.layers.{i}."
        for name, shape in {
            "input_layernorm": (64,),
            "self_attn.q_proj": (64, 64),
            "self_attn.k_proj": (32, 64),
            "self_attn.v_proj": (32, 64),
            "self_attn.o_proj": (64, 64),
            "post_attention_layernorm": (64,),
            "mlp.gate_proj": (96, 64),
            "mlp.up_proj": (96, 64),
            "mlp.down_proj": (64, 96),
        }.items():
            found[f"{at}{name}.weight"] = ("BF16", shape)
    if ends:
        found |= {
            "model.embed_tokens.weight": ("BF16", (100, 64)),
            "model.norm.weight": ("BF16", (64,)),
            "lm_head.weight": ("BF16", (100, 64)),
        }
    return found


def write_llama(folder: Path, tensors: Mapping[str, tuple[str, Sequence[int]]] | None = None) -> Path:
    """A folder with the configuration and ``model.safetensors``."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(LLAMA))
    (folder / "model.safetensors").write_bytes(safetensors(llama_tensors() if tensors is None else tensors))
    return folder
