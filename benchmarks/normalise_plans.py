"""Rows of pre-training runs that are described by a table: what each table's columns mean as a plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.rows import Row
from benchmarks.speeds import speeds

GIB, GB = 2**30, 10**9
Cells = dict[str, str]

SYSTEM_C = "Megatron MoE memory estimator, README, table of measurements (reference system C)"
MODELS = {
    "Llama 3.1 8B": "llama-3.1-8b",
    "Llama 3.1 70B": "llama-3.1-70b",
    "Llama 3.1 405B": "llama-3.1-405b",
    "Llama 3 8B": "llama-3.1-8b",
    "Llama3-8b": "llama-3.1-8b",
    "Qwen3 8B": "qwen3-8b",
    "(model not named": "llama-3.1-8b",
    "Llama3 8B": "llama-3.1-8b",
}
DEVICES = {
    "H100": "H100",
    "H200": "H200",
    "B200": "B200",
    "GB200": "GB200",
    "MI300X": "MI300X",
    "A100 80GB": "A100",
    "A100": "A100",
    "A800": "A800",
    "V100 32GB": "V100-32GB",
    "V100 16GB": "V100-16GB",
    "a100_40gb": "A100-40GB",
    "a100_80gb": "A100",
}


def named(names: dict[str, str], text: str) -> str:
    """The entry whose key the text begins with, the longest first; the text itself if none."""
    keys = sorted((key for key in names if text.startswith(key)), key=len)
    return names[keys[-1]] if keys else text


def device(text: str) -> str | None:
    """A device's name; ``None`` where the source names none, nor the whole of its memory, which tells a GB200."""
    if "~184.3 GiB device" in text:
        return "GB200"
    return None if text.startswith("GPU not named") or not text else named(DEVICES, text)


def number(cells: Cells, name: str) -> int | None:
    """A whole number; ``None`` where the cell is blank."""
    return int(cells[name]) if cells.get(name) else None


def known(**fields: Any) -> dict[str, Any]:
    """The fields that are known."""
    return {name: value for name, value in fields.items() if value is not None}


def figure(text: str, unit: int) -> dict[str, int]:
    """A printed figure in bytes, and what one more in its last digit would be."""
    decimals = len(text.partition(".")[2])
    return {"bytes": round(float(text) * unit), "rounded_to": round(unit / 10**decimals)}


def gpt(
    layers: int | None, hidden: int, heads: int | None, vocabulary: int, ffn: int | None, length: int = 2048
) -> Any:
    """A GPT with learned positions, biases and tied embeddings."""
    return {
        "model_type": "gpt2",
        **known(n_layer=layers, n_head=heads, n_inner=ffn),
        "n_embd": hidden,
        "vocab_size": vocabulary,
        "n_positions": length,
    }


def system_c() -> Iterator[Row]:
    """Mixtral 8x2B cut to four layers on eight GPUs: used in all, of which model; both to a tenth of a GiB.

    The runs are older than Megatron-Core's weights on activations (2025-04) and dummy weight gradients.
    """
    for tensor, micro, used, model, own_used, own_model in (
        (2, 1, "6.6", "5.3", 6.63, 5.24),
        (2, 2, "8.0", "5.3", 8.02, 5.24),
        (1, 1, "11.2", "8.8", 11.18, 8.74),
        (1, 2, "13.8", "8.8", 13.62, 8.74),
    ):
        for counter, printed, own in (("max_allocated", used, own_used), ("allocated", model, own_model)):
            row: Row = {
                "id": f"system-c/tp{tensor}-mbs{micro}/{counter}",
                "source": SYSTEM_C,
                "kind": "plan",
                "counter": counter,
                **figure(printed, GIB),  # type: ignore[typeddict-item]
                "rank": "last",
                "device": "A100",
                "gpus": 8,
                "current": True,
                "model": "mixtral-8x2b-4l",
                "plan": {
                    "tensor": tensor,
                    "sequence_parallel": tensor > 1,
                    "micro_batch": micro,
                    "sequence": 4096,
                    "framework": "megatron",
                    "precision": {"base": "mixed-bf16"},
                    "zero": {"stage": 1},
                    "optimizer": "adam",
                    "kernels": {"routing": {"weighs_results": True}},
                    "accumulation_fusion": False,
                },
                "judged": ["device", "plan.sequence_parallel", "plan.kernels", "plan.accumulation_fusion"],
                "unknown": ["plan.global_batch"],
                "own_estimate": round(own * GIB),
            }
            yield row


def _float8(text: str) -> dict[str, Any]:
    """A torchtitan run's data types: fp32 storage, matrix multiplies in 16 bits or fewer."""
    lower = text.lower()
    recipe = None
    if "nvfp4" in lower:
        recipe = "nvfp4"
    elif "mxfp8" in lower:
        recipe = "mxfp8"
    elif "rowwise" in lower:
        recipe = "rowwise"
    elif "float8" in lower:
        recipe = "tensorwise"
    return known(base="stored-in-fp32", recipe=recipe, parameters_in_fp8=True if "float8 all-gather" in lower else None)


def _checkpointing(text: str) -> dict[str, Any] | None:
    lower = text.lower()
    if lower.startswith("none"):
        return {"method": "none"}
    if lower.startswith("full"):
        return {"method": "uniform"}
    if "op" in lower:
        return {"modules": ["per_op"]}
    if "every 2nd" in lower:
        return {"modules": ["every_second_layer"]}
    return None


VERSIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("h100_202412", {"kernels": {"loss": "eager"}, "zero": {"splits_root": False}}),
    ("float8nocompile", {"kernels": {"loss": "eager"}, "zero": {"splits_root": False}}),
    ("h200_202506", {"zero": {"splits_root": False}, "expandable_segments": False}),  # started by torchrun itself
    ("nvfp4.md", {"kernels": {"loss": "chunked", "joins_qkv": True, "repeats_keys": False}}),
)
"""What torchtitan did otherwise than by default when a source measured, by a part of the source's name: the loss was
not compiled with the layers at the commit of its report of 2024-12 (9dec370, train.py), and is computed in chunks from
2026-04 on (commit 786e26f8e); embedding, final norm and head were one group until 2025-08 (commit 6fc499f,
parallelize.py); q, k and v are one projection by 2026 (models/common/attention.py, FusedQKVLinear).
"""

NVFP4_LAYERS = {"Llama 3 8B": 27, "Qwen3 8B": 30}
"""The first 85 % of the layers, whose multiplies torchtitan runs in nvfp4 (components/quantization/nvfp4.md)."""


LISTS = ("h100_202412", "e2e training benchmarks H100")
"""Sources whose AdamW ran list by list, torchtitan's default until it was fused (torchtitan/optimizer.py at 9dec370 and
in 0.0.2: ``foreach`` unless ``--optimizer.fused``)."""


def _version(source: str) -> dict[str, Any]:
    return next((changes for part, changes in VERSIONS if part in source), {})


def torchtitan(table: Iterable[Cells]) -> Iterator[Row]:
    """Peak reserved memory and tokens per second of torchtitan's published runs."""
    for place, cells in enumerate(table):
        yield from _figures(_titan(f"torchtitan/{place}", cells, cells["technique"] + " " + cells["sharding"]), cells)


def torchao(table: Iterable[Cells]) -> Iterator[Row]:
    """Peak reserved memory and tokens per second of torchao's runs in torchtitan."""
    for place, cells in enumerate(table):
        if cells["task"] == "pretrain":
            compiled = "torch.compile" in cells["precision"] or "compile" in cells["notes"]
            yield from _figures(_titan(f"torchao/{place}", cells, "torch.compile" if compiled else ""), cells)


def _figures(run: Row, cells: Cells) -> Iterator[Row]:
    if cells["measured_peak_mem_gb"]:
        memory: Row = {**run, "id": f"{run['id']}/max_reserved"}
        yield {**memory, **figure(cells["measured_peak_mem_gb"], GIB), "rank": "highest"}  # type: ignore[typeddict-item]
    yield from speeds(run, cells)


META_H100 = {"device_overrides": {"memory_bandwidth": 2_400_000_000_000, "tdp_watts": 500}}

HARDWARE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("H100 96GB HBM2e", "pytorch/torchtitan", META_H100),
    ("H100", "pytorch/ao", META_H100),
    ("B200 power limited", "", {"device_overrides": {"tdp_watts": 750}}),
)
"""Devices that are not as the catalogue has them: by how the source's text begins and by its repository, what differs.
torchtitan's report of 2024-12 describes the H100 that it ran on. torchao's figures are of the same company's: its
"custom to Meta's H100 variant", of 2.4 TB/s (pytorch/ao, torchao/testing/training/roofline_utils.py), which other
benchmarks there hold at 500 W too (pytorch/helion, pull request 347, run_input_shard.sh). The limit of the "power
limited" B200 is 750 W (the same script; pytorch/ao, pull request 3566: "750W limited device")."""


def _titan(name: str, cells: Cells, technique: str) -> Row:
    pipeline, local, unknown, judged = number(cells, "pp") or 1, number(cells, "mbs"), [], []
    schedule = "interleaved" if "Interleaved" in technique else "1f1b" if pipeline > 1 else None
    micro, virtual = local, None
    if pipeline > 1 and local is not None:
        micro = local // pipeline  # torchtitan's default: as many micro-batches as stages
        judged.append("plan.micro_batch")
    if schedule == "interleaved":
        virtual = 2  # torchtitan's default
        judged.append("plan.virtual")
    chosen = _checkpointed(cells, judged)
    compiled, version = "ompile" in technique, _version(cells["source"])
    if not compiled and "202412" in cells["source"]:  # torchtitan/models/norms.py, RMSNorm
        version = version | {"kernels": version["kernels"] | {"norm": "eager"}}
    judged += [f"plan.{field}" for field in version]
    world, tensor, context = int(cells["gpus"]), number(cells, "tp") or 1, number(cells, "cp") or 1
    batch = local * world // (tensor * pipeline * context) if local else None
    expert = number(cells, "ep")
    plan = known(
        tensor=tensor,
        pipeline=pipeline,
        virtual=virtual,
        context=context,
        expert=expert,
        sequence_parallel=tensor > 1,
        micro_batch=micro,
        global_batch=batch,
        sequence=number(cells, "seq"),
        framework="torchtitan-compiled" if compiled else "torchtitan",
        schedule=schedule,
        zero={"stage": 3, "engine": "FSDP2"} | version.get("zero", {}),
        kernels=version.get("kernels"),
        expandable_segments=version.get("expandable_segments"),
        precision=_float8(cells["precision"] + " " + cells["sharding"].replace("fp8 all", "float8 all")),
        optimizer="adam-foreach" if any(part in cells["source"] for part in LISTS) else "adam",
        recompute=chosen,
    )
    if "Async" in technique:
        plan["overlaps_tensor"] = True
    unknown += [f"plan.{field}" for field in ("micro_batch", "recompute") if field not in plan]
    unknown += ["plan.tensor", "plan.pipeline"] if "parallelism not stated" in cells["notes"] else []
    scout = cells["model"].startswith("Llama4")
    row: Row = {
        "id": name,
        "source": cells["source"],
        "kind": "plan",
        "counter": "max_reserved",
        "device": device(cells["gpu"]),
        "gpus": world,
        "current": True,
        "model": "llama-4-scout-text" if scout else named(MODELS, cells["model"]),
        "plan": plan,
    }
    if scout and "truncated" in cells["model"]:
        row["changes"] = {"num_hidden_layers": 2}
    for text, repository, cluster in HARDWARE:
        if cells["gpu"].startswith(text) and cells["source"].startswith(repository):
            row["cluster"] = cluster
    if cells["gpu"].startswith("GPU not named"):
        judged.append("device")
    if "cluster" in row and "500W" not in cells["gpu"]:
        judged.append("cluster")
    return stated(row, judged=judged, unknown=unknown)


def _checkpointed(cells: Cells, judged: list[str]) -> dict[str, Any] | None:
    """What is recomputed; where a configuration file's default is taken, ``judged`` says so."""
    recompute = cells["recompute"]
    default = "llama3_8b.toml" in cells["notes"] or "nvfp4.md" in cells["source"]
    if recompute == "selective AC" or (not recompute and default):
        recompute = "per-op selective AC"  # the default of that configuration file
        judged.append("plan.recompute")
    chosen = _checkpointing(recompute)
    if chosen and "NVFP4" in cells["precision"]:
        chosen["layers"] = NVFP4_LAYERS[cells["model"]]
    return chosen


def stated(row: Row, judged: list[str], unknown: list[str]) -> Row:
    if judged:
        row["judged"] = judged
    if unknown:
        row["unknown"] = unknown
    return row


def foundry(table: Iterable[Cells]) -> Iterator[Row]:
    """MPT models under FSDP on A100 with 40 or 80 GB: every run that is listed did fit; tokens per second, and what
    follows from them by 6 N + 12 L H Q T FLOPs per token (scripts/train/benchmarking/collect_results.py).

    Judged from llmfoundry/models: PyTorch's layer norm and GELU; flash attention's cross-entropy in 16 bits, for which
    "in place" is the nearest choice (its gradient is a second tensor). Attention in Triton was the default then
    (scripts/train/benchmarking/submit_benchmarks.py at b2a43a147).
    """
    for place, cells in enumerate(table):
        memory = 40 if "40gb" in cells["gpu"] else 80
        pure = "PURE" in cells["precision"]
        table_name = re.search(r"row (\d+)", cells["source"])
        row: Row = {
            "id": f"llm-foundry/{cells['gpu']}/{table_name[1] if table_name else place}",
            "source": cells["source"],
            "kind": "plan",
            "counter": "fits",
            "bytes": memory * GIB,
            "fits": True,
            "rank": "highest",
            "device": device(cells["gpu"]),
            "gpus": int(cells["gpus"]),
            "current": True,
            "model": gpt(
                int(cells["layers"]),
                int(cells["hidden"]),
                int(cells["heads"]),
                int(cells["vocab"]),
                int(cells["ffn"]),
                int(cells["seq"]),
            ),
            "plan": {
                "micro_batch": int(cells["mbs"]),
                "global_batch": int(cells["gbs"]),
                "sequence": int(cells["seq"]),
                "framework": "hf-flash",
                "precision": {"base": "stored-in-fp32", "average_in_bf16": pure},
                "zero": {"stage": 3, "engine": "FSDP2", "flat": True},
                "optimizer": "adam",
                "recompute": {"method": "uniform" if cells["recompute"] == "full" else "none"},
                "kernels": {"norm": "fused", "pointwise": "fused", "loss": "in place", "attention": "triton"},
            },
            "judged": ["plan.framework", "plan.kernels"],
        }
        zero, precision = row["plan"]["zero"], row["plan"]["precision"]
        zero["average_in_fp32"] = not precision.pop("average_in_bf16")
        yield {**row, "id": f"{row['id']}/fits"}
        yield from speeds(row, cells, conventions=dict.fromkeys(("model_tflops_per_gpu", "mfu", "hfu"), "palm"))
