"""Rows of NeMo's published throughput before Megatron-Bridge: pre-training, fine-tuning, long sequences.

What the page does not say follows from the recipes (NVIDIA/NeMo at v2.0.0, nemo/collections/llm/recipes and
gpt/model; scripts/performance/recommended_model_configs at the newest): nothing is recomputed, FP8 scales by delayed
maxima, gradients reduce in bf16, tensor parallel communication overlaps with multiplies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.normalise_plans import Cells, gpt, known, number, stated
from benchmarks.rows import Row
from benchmarks.speeds import speeds

NEWEST = ("24.07 final", "NeMo 25.04")
"""The last release of each page."""


def _nemotron(layers: int, hidden: int, heads: int, groups: int, ffn: int) -> dict[str, Any]:
    """Squared ReLU without gates, layer normalisation, half of each head turned, an untied head, 256,000 tokens."""
    attention = {"type": "GroupedQueryAttention", "num_heads": heads, "num_kv_heads": groups}
    return {
        "hidden_size": hidden,
        "vocab_size": 256_000,
        "tie_word_embeddings": False,
        "norm": "layernorm",
        "blocks": {
            "layer": {
                "mixer": {**attention, "head_dim": hidden // heads, "fused": True},
                "feed_forward": {"type": "MLP", "intermediate_size": ffn, "activation": "relu2"},
            }
        },
        "layers": [{"block": "layer", "count": layers}],
    }


MODELS: dict[str, str | dict[str, Any]] = {
    "GPT3-5B": gpt(24, 4096, 32, 50_257, 16_384),
    "GPT3-20B": gpt(44, 6144, 48, 50_257, 24_576),
    "GPT3-175B": gpt(96, 12_288, 96, 50_257, 49_152),
    "LLAMA2-7B": "llama-2-7b",
    "LLAMA2-13B": "llama-2-13b",
    "LLAMA2-70B": "llama-2-70b",
    "LLAMA3-8B": "llama-3.1-8b",
    "LLAMA3-70B": "llama-3.1-70b",
    "Nemotron-8B": _nemotron(32, 4096, 32, 32, 16_384),
    "Nemotron-22B": _nemotron(40, 6144, 48, 48, 24_576),
    "Nemotron-340B": _nemotron(96, 18_432, 96, 8, 73_728),
}
DEFERRED = frozenset({"GPT3-175B", "Nemotron-22B"})
"""Models whose recipes defer the embedding's weight gradient."""

DROPOUT = frozenset({"GPT3-5B", "GPT3-20B"})
"""Models that keep GPTConfig's dropout of 0.1."""


def nemo(table: Iterable[Cells]) -> Iterator[Row]:
    """Tokens per second, and model TFLOP/s with all query-key pairs; of long sequences only those. Of fine-tuning they
    are counted with the pairs inside a sample of SQuAD, and of adapters without the gradients of weights.
    """
    for place, cells in enumerate(table):
        known = {"model_tflops_per_gpu": "torch"} if cells["task"] == "pretrain" else {}
        yield from speeds(_run(place, cells), cells, conventions=known)


def _run(place: int, cells: Cells) -> Row:
    long = "long-seq" in cells["release"]
    old = long and "H100" in cells["gpu"]
    judged = ["plan.recompute", "plan.precision", "plan.kernels", "plan.overlaps_tensor", "execution"]
    unknown: list[str] = []
    if long and "without CP" in cells["source"]:
        unknown = ["plan.tensor", "plan.pipeline"]
    elif long and "inconsistent" in cells["notes"]:
        unknown = ["gpus"]
    elif long or not cells["cp"]:
        judged += ["plan.micro_batch"] if long else ["plan.context"]
    if cells["task"] != "pretrain" and (number(cells, "pp") or 1) > 1:
        unknown.append("plan.virtual")  # a column that the page has of pre-training alone
    row: Row = {
        "id": f"nemo/{place}",
        "source": cells["source"],
        "kind": "plan" if cells["task"] == "pretrain" else "fine-tuning",
        "counter": "tokens_per_second_per_gpu",
        "device": cells["gpu"].removeprefix("DGX-"),
        "gpus": int(cells["gpus"]),
        "current": cells["release"].startswith(NEWEST) and not old,
        "release": "24.03.01" if old else cells["release"].partition(" /")[0],
        "model": MODELS[cells["model"]],
        "plan": _plan(cells),
        "execution": _execution(cells),
    }
    if old:  # the page's first version names the container 24.03.01, of Transformer Engine 1.5
        row["plan"]["kernels"] = {"attention": "flash"}
    if cells["task"] != "pretrain":
        row["tuning"] = {"method": {"SFT": "full", "LoRA": "lora"}[cells["task"]], "packed": True}
    return stated(row, judged, unknown)


def _plan(cells: Cells) -> dict[str, Any]:
    tensor, pipeline = number(cells, "tp") or 1, number(cells, "pp") or 1
    dropout = True if cells["model"] in DROPOUT else None
    return known(
        tensor=tensor,
        pipeline=pipeline,
        virtual=number(cells, "vpp"),
        context=number(cells, "cp"),
        sequence_parallel=tensor > 1,
        overlaps_tensor=tensor > 1,
        micro_batch=number(cells, "mbs") or 1,
        global_batch=number(cells, "gbs"),
        sequence=number(cells, "seq"),
        framework="megatron",
        precision={
            "base": "mixed-bf16",
            "gradients": "bf16",
            "main_gradients": True,
            "recipe": "delayed",
            "parameters_in_fp8": True,
        },
        zero={"stage": 1},
        optimizer="adam",
        recompute={"method": "none"},
        kernels={"hidden_dropout": True, "attention_dropout": True} if dropout else None,
    )


def _execution(cells: Cells) -> dict[str, Any]:
    return known(
        overlap_gradient_reduce=True,
        overlap_parameter_gather=True,
        overlap_pipeline=(number(cells, "pp") or 1) > 1 and (number(cells, "vpp") or 1) > 1,
        defer_embedding_wgrad=True if cells["model"] in DEFERRED else None,
        boosted_clocks=True if "vboost" in cells["release"] else None,
    )
