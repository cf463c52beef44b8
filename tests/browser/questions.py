"""Random questions about the catalogue, right ones and wrong ones, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from weighbridge.models import catalogue

ASKED = ("params", "flops", "train", "infer", "scaling", "compare")

MODELS = tuple(catalogue.names())

CLUSTERS = ("8xH100", "64xA100", "16xB200", "4xL40S", "256xH800", "8xMI300X", "1xRTX-4090", "2048xH100")

OPTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "params": {
        "dtype": ("bf16", "fp32", "fp8", "int4", "fp99"),
        "router_dtype": ("fp32", "bf16"),
        "quantity": ("total", "active", "bytes", "embedding"),
        "depth": (1, 2, 0, 99),
    },
    "flops": {
        "seq": (1, 128, 4096, 131_072, -5, "long"),
        "batch": (1, 8, 0),
        "decode": (1, 100),
        "causal": (True, False, "yes"),
        "convention": ("exact", "torch", "megatron", "palm", "6nd", "7nd"),
        "attention": ("eager", "flash"),
        "mtp": (True, False),
    },
    "train": {
        "cluster": (*CLUSTERS, "8xH1000"),
        "tp": (1, 2, 4, 8, 3),
        "pp": (1, 2, 4, 7),
        "cp": (1, 2),
        "ep": (1, 2, 8),
        "micro_batch": (1, 2, 4),
        "global_batch": (64, 512, 1000),
        "seq": (512, 4096, 32_768),
        "zero": (0, 1, 2, 3, 4),
        "optimizer": ("adam", "muon", "sgd", "adamm"),
        "recompute": ("none", "full", "selective"),
        "precision": ("bf16", "fp16", "fp8-delayed", "mxfp8"),
        "schedule": ("gpipe", "1f1b", "zb-h1", "dualpipe"),
        "framework": ("megatron", "torchtitan", "hf-sdpa"),
        "lora": ("16", "rank=8", "0"),
        "tokens": ("1T", "15e12", "many"),
        "price": ("2.5",),
        "advice": (False,),
    },
    "infer": {
        "cluster": (*CLUSTERS, "none"),
        "tp": (1, 2, 4, 8, 5),
        "prompt": (128, 2048, 100_000),
        "output": (1, 256, 4096),
        "batch": (1, 16, 256, 0),
        "quant": ("fp8", "awq", "int3"),
        "kv": ("fp8", "bf16"),
        "engine": ("vllm", "sglang", "trtllm", "vlm"),
        "memory_share": (0.9, 0.5, 1.5),
        "price": ("3", "-1"),
        "advice": (False,),
    },
    "scaling": {
        "compute": ("1e21", "5.76e23", "1e26", "-1"),
        "days": ("30", "0"),
        "dollars": ("1M",),
        "parameters": ("7B", "70B", "x"),
        "tokens": ("1.4T", "300B"),
        "inference_tokens": ("1T",),
        "unique_tokens": ("100B",),
        "cluster": CLUSTERS,
        "mfu": ("40%", "0.5", "150%"),
        "strict": (True, False),
    },
    "compare": {
        "seq": (1024, 8192, 0),
        "dtype": ("bf16", "fp8", "fp0"),
        "prompt": (512, 4096),
        "output": (128,),
    },
}

OFTEN = {("train", "advice"), ("infer", "advice"), ("train", "cluster"), ("infer", "cluster"), ("scaling", "compute")}
"""Options that most questions have."""


def questions(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Questions, each ask as often as the others."""
    draw = random.Random(seed)
    for number in range(count):
        yield _question(draw, ASKED[number % len(ASKED)])


def _question(draw: random.Random, ask: str) -> dict[str, Any]:
    asked: dict[str, Any] = {"ask": ask, "options": _options(draw, ask)}
    if ask == "compare":
        asked["models"] = draw.sample(MODELS, draw.randint(1, 4))
    elif ask != "scaling":
        asked["model"] = draw.choice(MODELS) if draw.random() < 0.95 else draw.choice(MODELS)[:-1] + "!"
    if ask not in ("compare", "infer") and draw.random() < 0.2:
        asked["with"] = ["explain"]
    if draw.random() < 0.02:
        asked["no_such_key"] = 1
    return asked


def _options(draw: random.Random, ask: str) -> dict[str, Any]:
    found = {}
    for name, values in OPTIONS[ask].items():
        if draw.random() < (0.9 if (ask, name) in OFTEN else 0.2):
            found[name] = draw.choice(values)
    return found
