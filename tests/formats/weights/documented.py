"""The tiny files of docs/weights.md: ``python -m tests.formats.weights.documented`` writes them into docs/files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.formats.weights.files import gguf, safetensors
from weighbridge.formats.gguf.making import make
from weighbridge.formats.loading import load
from weighbridge.formats.weights.matching import _wanted

FILES = Path(__file__).parents[3] / "docs" / "files"

LLAMA = {
    "model_type": "llama",
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "torch_dtype": "bfloat16",
}

WIDER = {**LLAMA, "hidden_size": 32, "intermediate_size": 64}
"""For a GGUF file, whose blocks have 32 elements."""

HEADER = {
    "general.architecture": "llama",
    "general.name": "tiny",
    "general.file_type": 2,
    "llama.block_count": 2,
    "llama.embedding_length": 32,
    "llama.feed_forward_length": 64,
    "llama.attention.head_count": 2,
    "llama.attention.head_count_kv": 1,
    "tokenizer.ggml.tokens": [f"token {i}" for i in range(64)],
}


def contents() -> Mapping[str, bytes]:
    """The files by their names in docs/files."""
    llama, wider = load(LLAMA), load(WIDER)
    named = {f"model.{one.first}".replace("model.lm_head", "lm_head"): one.shape for one in _wanted(llama, False)}
    stored = {t.name: (t.dtype.name, t.shape) for t in make(wider, "Q4_0").tensors}
    return {
        "tiny-llama/config.json": (json.dumps(LLAMA, indent=2) + "\n").encode(),
        "tiny-llama/model.safetensors": safetensors({name: ("BF16", shape) for name, shape in named.items()}),
        "tiny-Q4_0.gguf": gguf(stored, HEADER),
    }


def write() -> None:
    """Write the files."""
    for name, content in contents().items():
        path = FILES / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    write()
