"""Rows of models on one's own devices: tokens per second of llama.cpp and ExLlama, and ExLlama's memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.normalise_plans import GIB, Cells
from benchmarks.rows import Row
from benchmarks.speeds import clocked, value

MIB = 2**20

MODELS = {
    "LLaMA 3 8B": "llama-3-8b",
    "LLaMA 3 70B": "llama-3-70b",
    "Llama 7B": "llama-7b",
    "Llama 13B": "llama-13b",
    "Koala 13B": "llama-13b",
    "Llama 33B": "llama-30b",
    "WizardLM 33B": "llama-30b",
    "Llama 65B": "llama-65b",
    "Llama-2 70B": "llama-2-70b",
    "OpenLlama 3B": "open-llama-3b",
}
"""Koala and WizardLM are Llama, tuned; its 33 billion are sold as 30B."""

DEVICES = {
    "3070 8GB": "rtx-3070",
    "3080 10GB": "rtx-3080",
    "3080 Ti 12GB": "rtx-3080-ti",
    "4070 Ti 12GB": "rtx-4070-ti",
    "4080 16GB": "rtx-4080",
    "3090 24GB": "rtx-3090",
    "4090 24GB": "rtx-4090",
    "RTX 4000 Ada 20GB": "rtx-4000-ada",
    "RTX 5000 Ada 32GB": "rtx-5000-ada",
    "RTX A6000 48GB": "rtx-a6000",
    "RTX 6000 Ada 48GB": "rtx-6000-ada",
    "A40 48GB": "a40",
    "L40S 48GB": "l40s",
    "A100 PCIe 80GB": "a100-pcie",
    "A100 SXM 80GB": "a100",
    "H100 PCIe 80GB": "h100-pcie",
    "M1 7‑Core GPU 8GB": "m1",
    "M1 Max 32‑Core GPU 64GB": "m1-max",
    "M2 Ultra 76-Core GPU 192GB": "m2-ultra",
    "M3 Max 40‑Core GPU 64GB": "m3-max",
    "RTX 4090 (+3090-Ti for 65B+ per README)": "rtx-4090",
}

FAILED = {"4080 16GB": 16 * GIB, "M1 7‑Core GPU 8GB": 16 * GIB // 3}
"""Bytes that a run did not fit into: of the card; of the M1 two thirds of 8 GB, what Metal recommends there
(llama.cpp's log: recommendedMaxWorkingSetSize 5,461 MiB)."""

ROOM = 128
"""Tokens that ExLlama's benchmark makes, at the beginning and after the prompt (test_benchmark_inference.py)."""


def consumer_decoding(table: Iterable[Cells]) -> Iterator[Row]:
    """Every figure of the table: decode and prompt tokens/s, memory, and runs that did not fit."""
    for place, cells in enumerate(table):
        row = _run(place, cells)
        if "exllama" in cells["framework"]:
            yield from _exllama(row, cells)
        else:
            yield from _llamacpp(row, cells)


def _run(place: int, cells: Cells) -> dict[str, Any]:
    return {
        "id": f"local/{place}",
        "source": cells["source"],
        "kind": "local",
        "device": DEVICES[cells["gpu"]],
        "gpus": int(cells["gpus"]),
        "current": True,
        "model": MODELS[cells["model"]],
    }


def _llamacpp(row: dict[str, Any], cells: Cells) -> Iterator[Row]:
    """llama-bench: N tokens from an empty context, so N / 2 before each on average; N tokens of prompt."""
    tokens = int(cells["seq"])
    told = {"quantisation": cells["precision"].split()[0], "context": tokens, "build": "llamacpp-2024"}
    row = {**row, "local": {**told, "past": tokens // 2}, "judged": ["local.build"]}
    if cells["outcome"] == "OOM":
        judged = ["local.build", "bytes"]
        failed = {"counter": "fits", "bytes": FAILED[cells["gpu"]], "fits": False, "rank": "highest"}
        yield {**row, **failed, "id": f"{row['id']}/fits", "judged": judged}  # type: ignore[typeddict-item]
        return
    yield from _speeds(row, cells["decode_tokens_per_s"], cells["prefill_tokens_per_s"])


def _speeds(row: dict[str, Any], decode: str, prompt: str) -> Iterator[Row]:
    for counter, text in (("decode_tokens_per_second", decode), ("prompt_tokens_per_second", prompt)):
        made = clocked(row, counter, value(text))  # type: ignore[arg-type]
        yield {**made, "id": f"{row['id']}/{counter}"}


def _exllama(row: dict[str, Any], cells: Cells) -> Iterator[Row]:
    """ExLlama's own benchmark: memory as PyTorch allots it, of both cards together; tokens/s from an empty context and
    at the end of a full one."""
    words, tokens = cells["precision"].split(), int(cells["seq"])
    group = -1 if words[3] == "-" else int(words[3])
    packed = {"quant_method": "gptq", "bits": 4, "group_size": group, "desc_act": words[-1] == "yes"}
    told: dict[str, Any] = {"quantisation": packed, "context": tokens, "build": "exllama"}
    judged = ["model"] if cells["model"] in ("Koala 13B", "WizardLM 33B") else []
    if row["gpus"] > 1:
        told["beside"] = ["rtx-3090"]
        judged = [*judged, "local.beside"]
    row = {**row, **({"judged": judged} if judged else {})}
    memory = {"counter": "max_allocated", "bytes": int(cells["memory_mb_verbatim"]) * MIB, "rank": "sum"}
    yield {**row, **memory, "local": told, "id": f"{row['id']}/max_allocated"}  # type: ignore[typeddict-item]
    best = {**row, "local": {**told, "past": ROOM // 2}}
    yield from _speeds(best, cells["decode_tokens_per_s"], cells["prefill_tokens_per_s"])
    worst = {**row, "local": {**told, "past": tokens - ROOM // 2}}
    text = cells["decode_tokens_per_s_worst"]
    made = clocked(worst, "decode_tokens_per_second", value(text))  # type: ignore[arg-type]
    yield {**made, "id": f"{row['id']}/full/decode_tokens_per_second"}
