"""Rows of serving: what users waited for under a number of requests at a time.

Two kinds of runs stand in the source. InferenceX (SemiAnalysisAI/InferenceX) sends random prompts of 0.8 to 1 times the
named lengths, ten requests for each that is in flight, the first ones all at once; means over requests. The settings of
its servers are those of its scripts on the day of each run (benchmarks/single_node, benchmarks/70b_*). Other runs have
prompts and outputs of the named lengths, by the engines' defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.rows import Row

DEVICES = {"b200_sxm": "B200", "h100_sxm": "H100"}
MODELS = {
    "DeepSeek-R1": "deepseek-v3",
    "DeepSeek-V3": "deepseek-v3",
    "DeepSeek-R1-NVFP4": "deepseek-v3",
    "DeepSeek-V3.1-NVFP4": "deepseek-v3",
    "Qwen3-32B": "qwen3-32b",
    "Qwen3-32B-NVFP4": "qwen3-32b",
    "Qwen3-235B-A22B-FP8": "qwen3-235b-a22b",
    "Qwen3.5-397B-A17B": "qwen3.5-397b-a17b",
    "MiniMax-M2.5": "minimax-m2",
    "Llama-3.1-70B": "llama-3.1-70b",
    "Llama-3.1-8B-Instruct": "llama-3.1-8b",
    "gpt-oss-120b": "gpt-oss-120b",
    "Kimi-K2.5": "kimi-k2",
    "GLM-5": "glm-5",
}
"""Models of the catalogue with the same architecture: MiniMax-M2.5 and Kimi-K2.5's text model have their predecessors'."""

SHAPES = {("1024", "1024"), ("1024", "8192"), ("8192", "1024")}
"""Longest prompts and outputs of InferenceX."""

SHORTEST = 0.8
"""InferenceX, .github/workflows: RANDOM_RANGE_RATIO."""

GUESSES = re.compile(r"1\.2\.0rc6\.post3|measured=2026-01-14.*1\.1\.0rc2\.post2|2026-03-20.*v0\.5\.9-cu130(?!-amd64)")
"""Images and days of InferenceX's runs with multi-token prediction (configs/nvidia-master.yaml: dsr1-*-b200-trt-mtp,
qwen3.5-fp8-b200-sglang-mtp), whose share of right guesses nobody says."""

DENSE = ("Llama-3.1-70B", "Qwen3-32B-NVFP4")
"""Published NVFP4 checkpoints in which attention is packed, too; in those of models with experts it is not."""


def serving(runs: list[dict[str, str]]) -> Iterator[Row]:
    """Runs of one deployment that does both, prompts and tokens; each measurement once, though several dumps have it."""
    seen = set()
    for run in sorted(runs, key=lambda run: "image=" not in run["silicon_data_source"]):
        if run["mode"] != "agg" or not run["batch_size"]:
            continue
        figures = [f"{float(run[name]):.5g}" for name in ("silicon_ttft_ms", "silicon_tpot_ms")]
        same = (run["backend"], run["system"], run["isl"], run["osl"], run["batch_size"], *figures)
        if same not in seen:
            seen.add(same)
            yield from _run(run)


def _run(run: Mapping[str, str]) -> Iterator[Row]:
    tensor, data, expert = parallel(run)
    crawled = of_inferencex(run)
    name = run["model_path"].rpartition("/")[2]
    served: dict[str, Any] = {
        "engine": run["backend"],
        "tensor": tensor,
        "data": data,
        "expert": expert,
        "prompt": int(run["isl"]),
        "output": int(run["osl"]),
        "batch": users(run),
        "quantisation": quantisation(name, run["gemm_quant_mode"]),
        **(settings(name, run, tensor) if crawled else _defaults(run)),
    }
    short = re.sub(r"^(\w+?)_\1_", r"\1_", run["id"])
    row: Row = {
        "id": f"silicon/{short}",
        "source": run["source"].partition(" id=")[0],
        "kind": "serving",
        "counter": "tpot_seconds",
        "device": DEVICES[run["system"]],
        "gpus": tensor * data,
        "current": True,
        "model": MODELS[name],
        "serving": {k: v for k, v in served.items() if v not in (None, 1)},
        "judged": ["serving.chunk", "serving.cache"],
    }
    if GUESSES.search(run["silicon_data_source"]):
        row["unknown"] = ["serving.accepted"]
    for counter in ("tpot", "ttft"):
        value = float(f"{float(run[f'silicon_{counter}_ms']) / 1000:.5g}")
        yield {**row, "id": f"{row['id']}/{counter}_seconds", "counter": f"{counter}_seconds", "value": value}  # type: ignore[typeddict-item]


def users(run: Mapping[str, str]) -> int:
    """Requests at a time, on all ranks."""
    said = re.search(r"silicon_concurrency=(\d+)", run["silicon_data_source"])
    return int(said[1]) if said else int(run["batch_size"])


def of_inferencex(run: Mapping[str, str]) -> bool:
    """Whether it is one of InferenceX's."""
    return "aic-auto-gap-analysis" not in run["silicon_data_source"]


def parallel(run: Mapping[str, str]) -> tuple[int, int, int]:
    """Tensor, data and expert parallel sizes. Some dumps multiply the two sizes of InferenceX's configurations, which
    share the same GPUs; they are told by their names, or by sizes that are larger than its servers.
    """
    tensor, data, inside, expert = (
        max(int(run[name] or 1), 1) for name in ("tp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
    )
    named = re.search(r"_tp(\d+)(?:_\d)?_ep(\d+)", run["id"])
    if named:
        ranks, expert = int(named[1]), int(named[2])
        return (1, ranks, expert) if tensor == 1 and data > 1 else (ranks, 1, expert)
    if not of_inferencex(run):
        return tensor, data, expert
    if tensor > 1 and data > 1:
        return tensor, 1, tensor
    ranks = tensor * data // (expert if inside > 1 and expert > 1 else 1)
    return (1, ranks, expert) if data > 1 else (ranks, 1, expert)


def quantisation(name: str, mode: str) -> str | None:
    """How its checkpoint is packed, by the names of ``benchmarks/requests.py``."""
    if name == "gpt-oss-120b":
        return "mxfp4"
    if mode == "fp8":
        return "fp8-tensor" if name == "Llama-3.1-70B" else "fp8-block"
    if mode == "nvfp4":
        return "nvfp4" if name in DENSE else "nvfp4-experts"
    return {"fp8_block": "fp8-block", "int4_wo": "int4-experts", "": None}[mode]


def _defaults(run: Mapping[str, str]) -> dict[str, Any]:
    """What TensorRT-LLM chooses for checkpoints in 8 bits or fewer; the others keep 16 bits."""
    narrow = run["backend"] == "trtllm" and run["gemm_quant_mode"] != ""
    return {"cache": "fp8" if narrow else None}


def settings(name: str, run: Mapping[str, str], tensor: int) -> dict[str, Any]:
    """What InferenceX's scripts of these days set."""
    chosen = {"sglang": _sglang, "trtllm": _trtllm, "vllm": _vllm}[run["backend"]](name, run, tensor)
    return {"shortest": SHORTEST, **chosen}


def _sglang(name: str, run: Mapping[str, str], tensor: int) -> dict[str, Any]:
    """dsr1_fp{4,8}_b200.sh, qwen3.5_*_b200.sh, glm5_fp{4,8}_b200.sh."""
    mode = run["gemm_quant_mode"]
    poll = 30 if users(run) >= 16 else 10
    chunk = 32768
    if name.startswith("DeepSeek") and mode == "nvfp4":
        chunk = 16384
    elif name.startswith("DeepSeek") and tensor == 4:
        chunk, poll = 8192, 10
    elif name == "GLM-5":
        poll = 10 if mode == "nvfp4" else 1
    return {"cache": "fp8" if mode else None, "chunk": chunk, "poll": poll}


def _trtllm(name: str, run: Mapping[str, str], tensor: int) -> dict[str, Any]:
    """dsr1_fp{4,8}_b200_trt.sh, gptoss_fp4_b200_trt.sh, 70b_fp{4,8}_b200_trt_*.sh."""
    chunk = max(8192, -(-(users(run) + int(run["isl"]) + 64) // 64) * 64)
    return {"cache": "fp8", "chunk": {"Llama-3.1-70B": 16384, "gpt-oss-120b": 20000}.get(name, chunk)}


def _vllm(name: str, run: Mapping[str, str], tensor: int) -> dict[str, Any]:
    """minimaxm2.5_*.sh, kimik2.5_*_b200.sh, gptoss_fp4_*.sh, 70b_fp{4,8}_*.sh."""
    newer = name == "MiniMax-M2.5" and run["system"] == "b200_sxm" and run["backend_version"] != "0.17.0"
    narrow = newer or name == "Llama-3.1-70B" or (name == "gpt-oss-120b" and run["system"] == "b200_sxm")
    return {"cache": "fp8" if narrow else None, "chunk": 2 * int(run["isl"]) if newer else 8192}
