"""Argument lists that tests share."""

from __future__ import annotations

import json
from typing import Any

from tests import truth
from weighbridge.formats.megatron import Request, load

TRUTH = truth.TRUTH / "megatron_golden_memory.jsonl"

GPT = (
    "--num-layers 8 --hidden-size 512 --num-attention-heads 8 --seq-length 1024 --max-position-embeddings 1024 "
    "--micro-batch-size 2 --vocab-size 50257 --bf16"
)
MOE = (
    f"{GPT} --num-experts 8 --disable-bias-linear --swiglu --moe-grouped-gemm --moe-ffn-hidden-size 256 "
    "--moe-token-dispatcher-type alltoall"
)
MLA = (
    f"{GPT} --multi-latent-attention --q-lora-rank 192 --kv-lora-rank 64 --qk-head-dim 16 --qk-pos-emb-head-dim 8 "
    "--v-head-dim 16 --qk-layernorm --disable-bias-linear"
)


def request(text: str, world_size: int | None = 1, **more: Any) -> Request:
    return load(text.split(), world_size, environment=more.pop("environment", {}), **more)


def words(arguments: dict[str, Any]) -> list[str]:
    """The command line of a row of the truth file."""
    found: list[str] = []
    for name, value in arguments.items():
        if value is True:
            found.append(name)
        elif value not in (False, None):
            text = str(value)
            many = text.startswith("[") or name == "--hierarchical-context-parallel-sizes"
            found += [name, *(text.strip("[]").split() if many else [text])]
    return found


def rows() -> list[dict[str, Any]]:
    """The rows of the truth file."""
    return [json.loads(line) for line in TRUTH.read_text().splitlines()]
