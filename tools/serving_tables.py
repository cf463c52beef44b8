"""Measured latencies of what makes tokens: attention over kept keys, experts, and the engines' own all-reduces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tools.tables import SHORTEST, WIDEST, Columns, Origin, System, columns, folder, newest

CACHE = {
    "a100": 40 * 2**20,
    "h100": 50 * 2**20,
    "h200": 50 * 2**20,
    "b200": 126e6,
    "b300": 126e6,
    "gb200": 126e6,
    "gb300": 126e6,
    "l40s": 96e6,
    "rtx-pro-6000": 128 * 2**20,
}
"""Bytes of the second-level cache. The tables run a kernel over and over: what fits stays. Source: NVIDIA's whitepapers
of the architectures; of the B200 and its kin as in ``tools.problems.CACHED``."""

USUAL_BATCH, USUAL_KEYS = 256, (128, 16384)
"""Sequences of a step and keys of each that serving mostly has."""

FLASH_3, FLASH_2 = ("vllm_flash_attn_fa3",), ("vllm_flash_attn_fa2",)
TRTLLM, FLASHINFER = ("vllm_flashinfer_trtllmdecode",), ("vllm_flashinfer_fidecode",)

DECODE = {
    "a100": {"bf16": ("vllm_flash_attn",)},
    "h100": {"bf16": FLASH_3, "fp8": FLASH_3},
    "h200": {"bf16": FLASH_3, "fp8": FLASH_3},
    "b200": {"bf16": TRTLLM, "fp8": TRTLLM},
    "b300": {"bf16": TRTLLM, "fp8": TRTLLM},
    "gb200": {"bf16": TRTLLM, "fp8": TRTLLM},
    "gb300": {"bf16": TRTLLM, "fp8": TRTLLM},
    "l40s": {"bf16": FLASH_2, "fp8": FLASHINFER},
    "rtx-pro-6000": {"bf16": FLASH_2, "fp8": FLASHINFER},
}
"""Kernels that vLLM runs for most heads, by device and type of kept keys and values."""

HALF = 128
"""Size of heads up to which FlashAttention-3 reads keys of 8 bits well; larger ones take four times as long, not twice.
With a window FlashAttention-2 does not pack the heads that share keys into a tile (``seqlenq_ngroups_swapped`` of its
flash_api.cpp)."""

LATENT = {"l40s": "sglang", "rtx-pro-6000": "sglang"}
"""Frameworks of latent attention, where not TensorRT-LLM: there that does not split the keys of a sequence."""

KEPT = {"bf16": "bfloat16", "fp8": "fp8"}
"""Names of types in the tables."""

EXPERTS = {
    "bf16": (
        "bfloat16",
        ("flashinfer_trtllm_trtllmbf16experts", "triton_tritonexperts", "flashinfer_cutlass", "fused_moe_triton"),
    ),
    "fp8": ("fp8", ("trtllmfp8expertsmonolithic", "modeloptfp8moe_triton", "modeloptfp8moe_flashinfer_cutlass")),
    "fp8_block": ("fp8_block", ("trtllmfp8expertsmonolithic", "fp8moe_triton_tritonexperts")),
    "nvfp4": ("nvfp4", ("trtllmnvfp4expertsmonolithic", "nvfp4moe_flashinfer_cutlass")),
    "mxfp4": ("w4a16_mxfp4", ("gptossmxfp4moe",)),
    "mxfp4_mxfp8": ("w4a8_mxfp4_mxfp8", ("mxfp4_mxfp8",)),
    "int4": ("int4_wo", ("marlin",)),
}
"""Of each way to keep weights, its name in the tables, and parts of the names of kernels: the first that is there."""

UNTUNED = {("h100", "fp8"), ("h200", "fp8")}
"""Left out: the only kernel of this table reads weights at an eighth of the bandwidth."""

BALANCED = "balanced"
"""Rows in which every expert is as busy as any other; which experts the skewed ones hit, the tables do not say."""

GROUPED = {"num_experts": 256, "hidden_size": 7168, "topk": 8}
"""Left out: DeepSeek-V3's router lets a token choose from half of its groups of experts, and the balanced rows of the
tables from the same half: 128 of 256 are ever hit."""

NARROWEST = 128
"""Elements between an expert's matrices from which a row counts: less is no multiple of any tile."""

ENGINES = ("vllm", "sglang", "trtllm")

DIRECT = 2**23
"""Bytes up to which engines use kernels of their own; beyond, or not much further on, their tables show NCCL."""


LINEAR = {
    "fp8": ("vllm", "fp8", "CutlassFP8"),
    "fp8_block": ("sglang", "fp8_block", "deepgemm"),
    "nvfp4": ("vllm", "nvfp4", "FlashInfer"),
}
"""Linear layers of serving engines by how weights are kept: the engine of the table, its name of the type and of the
kernel. SGLang's of blocks: vLLM's table has another kernel than its engine chooses for few rows."""

LEAST = 512
"""Columns and depth from which a row counts: narrower layers do not occur."""


@dataclass(frozen=True)
class Rows:
    """Measurements.

    Attributes:
        sizes: arrays by the name of an argument.
        seconds: measured.
        usual: which of them serving mostly has.
        origin: where they lie.
    """

    sizes: Columns
    seconds: Any
    usual: Any
    origin: Origin


def _read(pattern: str) -> tuple[pd.DataFrame, str] | None:
    path = newest(pattern)
    return None if path is None else (pd.read_parquet(path), str(path.relative_to(folder())))


def _rows(table: pd.DataFrame, names: dict[str, str], usual: Any, origin: Origin) -> Rows:
    return Rows(columns(table, names), table.latency.to_numpy() / 1e3, usual.to_numpy(), origin)


def _usual(table: pd.DataFrame) -> Any:
    least, most = USUAL_KEYS
    return (table.batch_size <= USUAL_BATCH) & (table["keys"] >= least) & (table["keys"] <= most)


def decode(system: System, kept: str) -> Rows | None:
    """Attention of one new token, by vLLM: of heads and windows that its main kernel is made for."""
    kernels = DECODE[system.device].get(kept)
    found = _read(f"{system.folder}/attention/vllm/*/generation_attention_perf.parquet")
    if kernels is None or found is None:
        return None
    table, path = found
    table = table.assign(keys=table.step + 1, window=table.window_size if "window_size" in table else 0)
    chosen = table.kernel_source.isin(kernels) & (table.kv_cache_dtype == KEPT[kept]) & (table.head_dim <= WIDEST)
    told = kept
    if kernels == FLASH_2:
        chosen, told = chosen & (table.window == 0), f"{kept}, without windows"
    if kernels == FLASH_3 and kept == "fp8":
        chosen, told = chosen & (table.head_dim <= HALF), f"{kept}, heads of up to {HALF}"
    order = ["head_dim", "window", "batch_size", "keys", "num_heads", "num_key_value_heads"]
    table = table[chosen].sort_values(order)
    table = table.assign(window=np.where(table.window == 0, table["keys"], table.window))
    names = {"batch": "batch_size", "heads": "num_heads", "kv_heads": "num_key_value_heads", "keys": "keys"}
    origin = Origin(path, kernels, told)
    return _rows(table, {**names, "dim": "head_dim", "window": "window"}, _usual(table), origin)


def latent(system: System, kept: str) -> Rows | None:
    """Latent attention of one new token with absorbed projections, by TensorRT-LLM or SGLang."""
    framework = LATENT.get(system.device, "trtllm")
    found = _read(f"{system.folder}/mla/{framework}/*/generation_mla_perf.parquet")
    if found is None or kept not in DECODE[system.device]:
        return None
    table, path = found
    table = table.assign(keys=table.step + 1)
    table = table[table.kv_cache_dtype == KEPT[kept]].sort_values(["batch_size", "keys", "num_heads", "tp_size"])
    if table.empty:
        return None
    names = {"batch": "batch_size", "heads": "num_heads", "keys": "keys"}
    return _rows(table, names, _usual(table), Origin(path, tuple(table.kernel_source.unique()), kept))


def latent_prompts(system: System) -> Rows:
    """Latent attention of whole prompts in bf16, keys and values projected, by TensorRT-LLM."""
    found = _read(f"{system.folder}/mla/trtllm/*/context_mla_perf.parquet")
    assert found is not None, f"{system.folder}: no table of latent attention"
    table, path = found
    table = table[(table.kv_cache_dtype == KEPT["bf16"]) & (table.isl >= SHORTEST)]
    table = table.sort_values(["batch_size", "isl", "num_heads", "tp_size"])
    names = {"batch": "batch_size", "heads": "num_heads", "kv_heads": "num_heads", "queries": "isl", "keys": "isl"}
    origin = Origin(path, tuple(table.kernel_source.unique()), "bf16")
    return _rows(table, names, table.isl <= USUAL_KEYS[1], origin)


def weight_only(system: System, bits: int) -> Rows | None:
    """Multiplications with weights of few bits by TensorRT-LLM; ``None`` where there is no table of them."""
    found = _read(f"{system.folder}/gemm/trtllm/*/gemm_perf.parquet")
    assert found is not None, f"{system.folder}: no table of multiplications"
    table, path = found
    table = table[table.gemm_dtype == f"int{bits}_wo"].sort_values(["m", "n", "k"])
    if table.empty:
        return None
    origin = Origin(path, tuple(table.kernel_source.unique()), f"int{bits}_wo")
    return _rows(table, {"rows": "m", "columns": "n", "depth": "k"}, table.m <= USUAL_BATCH, origin)


def experts(system: System, weights: str) -> Rows | None:
    """Experts of one layer; ``None`` for weights that the table does not have."""
    framework = "sglang" if system.device == "a100" else "vllm"
    found = _read(f"{system.folder}/moe/{framework}/*/moe_perf.parquet")
    if found is None or (system.device, weights) in UNTUNED:
        return None
    (table, path), (name, parts) = found, EXPERTS[weights]
    chosen = (table.moe_dtype == name) & (table.distribution == BALANCED)
    chosen &= ~np.logical_and.reduce([table[column] == value for column, value in GROUPED.items()])
    table = table.assign(width=table.inter_size / table.moe_tp_size)
    table = table[chosen & (table.width >= NARROWEST)]
    kernels = [kernel for part in parts for kernel in sorted(table.kernel_source.unique()) if part in kernel]
    if not kernels:
        return None
    table = table[table.kernel_source == kernels[0]]
    table = table.assign(routed=table.num_tokens * table.topk, here=table.num_experts / table.moe_ep_size)
    # the balanced rows send the tokens to the experts in turn, and the GPU that is measured holds the first of them
    table = table.assign(assigned=np.maximum(1, table.routed / table.moe_ep_size))
    table = table.assign(hit=np.minimum(table.here, np.floor(table.assigned)), matrices=np.where(gated(table), 3, 2))
    table = table.sort_values(["hidden_size", "inter_size", "num_experts", "topk", "num_tokens", "width", "here"])
    names = {"hidden": "hidden_size", **{name: name for name in ("routed", "assigned", "hit", "width", "matrices")}}
    return _rows(table, names, table.num_tokens <= USUAL_BATCH, Origin(path, (kernels[0],), f"{name}, {BALANCED}"))


def gated(table: pd.DataFrame) -> Any:
    """Whether experts have a gate. The tables do not say; those of Nemotron have none, and their sizes tell them."""
    return ~((table.topk == 22) | (table.hidden_size == 2688))


def direct(system: System, engine: str) -> Rows | None:
    """All-reduces in 16 bits by an engine's own kernel, captured in a graph, among the GPUs of one server."""
    found = _read(f"{system.folder}/comm/{engine}/*/custom_allreduce_perf.parquet")
    if found is None or not system.collectives:
        return None
    table, path = found
    server = 4 if system.device.startswith("gb") else 8
    kernels = [k for k in table.kernel_source.unique() if not k.endswith("eager") and "MNNVL" not in k]
    table = table.assign(size=table.message_size * 2.0)
    table = table[table.kernel_source.isin(kernels) & (table.num_gpus <= server) & (table["size"] <= DIRECT)]
    table = table.sort_values(["num_gpus", "size"])
    return _rows(table, {"size": "size", "ranks": "num_gpus"}, table["size"] > 0, Origin(path, tuple(sorted(kernels))))


def linear(system: System, weights: str) -> Rows | None:
    """Linear layers in 8 bits or fewer as engines run them, with the cast of what they are given; by weights."""
    engine, name, kernel = LINEAR[weights]
    found = _read(f"{system.folder}/gemm/{engine}/*/gemm_perf.parquet")
    if found is None:
        return None
    table, path = found
    chosen = (table.gemm_dtype == name) & table.kernel_source.str.contains(kernel)
    table = table[chosen & (table.n >= LEAST) & (table.k >= LEAST)].sort_values(["m", "n", "k"])
    if not len(table):
        return None
    kernels = tuple(sorted(table.kernel_source.unique()))
    return _rows(
        table, {"rows": "m", "columns": "n", "depth": "k"}, table.m <= USUAL_BATCH, Origin(path, kernels, name)
    )
