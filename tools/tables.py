"""Measured kernel latencies: the tables of the package ``aiconfigurator-core``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

PACKAGE = "aiconfigurator-core"

Columns = dict[str, Any]
"""Arrays by the name of an argument."""


@dataclass(frozen=True)
class Origin:
    """Where measurements lie.

    Attributes:
        table: the file in the package.
        kernels: the kernels, as the file names them.
        note: what of it is used, and what is subtracted.
    """

    table: str
    kernels: tuple[str, ...]
    note: str = ""


Sizes = tuple[Columns, Any, Origin]
"""Sizes, seconds and origin."""

Bytes = tuple[Any, Any, Origin]
"""Bytes, seconds and origin."""


@dataclass(frozen=True)
class System:
    """A measured system.

    Attributes:
        folder: its name in the package.
        device: its name in the catalogue of devices.
        processors: multiprocessors of each GPU.
        processors_source: where that number is from.
        attention: framework whose attention is nearest to what trains there.
        kernels: kernels of that framework's table.
        collectives: whether its table of collectives is of a usual server.
    """

    folder: str
    device: str
    processors: int
    processors_source: str
    attention: str
    kernels: tuple[str, ...]
    collectives: bool = True


FLASH_2 = ("vllm_flash_attn_fa2",)
TRTLLM = ("vllm_flashinfer_trtllmprefill",)

SYSTEMS = (
    System("a100_sxm", "a100", 108, "NVIDIA A100 architecture whitepaper", "sglang", ("flash_attention",)),
    System("h100_sxm", "h100", 132, "NVIDIA H100 architecture whitepaper (SXM5)", "vllm", ("vllm_flash_attn_fa3",)),
    System("h200_sxm", "h200", 132, "as the H100 SXM: the same GPU", "vllm", ("vllm_flash_attn_fa3",)),
    System("b200_sxm", "b200", 148, "multi_processor_count of a B200 (public logs of PyTorch)", "vllm", TRTLLM),
    System("b300_sxm", "b300", 148, "multi_processor_count of a B300 (comment in public kernel code)", "vllm", TRTLLM),
    System("gb200", "gb200", 152, "multi_processor_count of a GB200 (public logs of PyTorch)", "vllm", TRTLLM),
    System("gb300", "gb300", 152, "multi_processor_count of a GB300 (comment in public kernel code)", "vllm", TRTLLM),
    System("l40s", "l40s", 142, "NVIDIA Ada architecture whitepaper: L40S", "vllm", FLASH_2, collectives=False),
    System(
        "rtx_pro_6000_server",
        "rtx-pro-6000",
        188,
        "NVIDIA RTX Blackwell PRO architecture whitepaper",
        "vllm",
        FLASH_2,
    ),
)

LINEAR = "torch_flow"
"""TensorRT-LLM's name for its PyTorch layers."""

SHORTEST, WIDEST = 256, 256
"""Queries and size of heads: below and above, other kernels run (heads of a group packed into a tile, split heads)."""

TYPES = {"bf16": "bfloat16", "fp8": "fp8", "fp4": "nvfp4"}
"""Names of types in the tables."""


def folder() -> Path:
    """Where the tables lie.

    Raises:
        ModuleNotFoundError: without the package.
    """
    found = find_spec("aiconfigurator_core")
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{PACKAGE} is not installed: pip install 'weighbridge[silicon]'")
    return Path(found.origin).parent / "systems" / "data"


def release() -> str:
    """Package and version."""
    return f"{PACKAGE} {version(PACKAGE)}"


def newest(pattern: str) -> Path | None:
    """The table of the newest version of a framework, or none."""
    found = sorted(folder().glob(pattern), key=lambda path: _numbers(path.parent.name))
    return found[-1] if found else None


def _numbers(text: str) -> list[int]:
    return [int(part) for part in "".join(c if c.isdigit() else " " for c in text).split()]


def _read(pattern: str) -> tuple[pd.DataFrame, str]:
    path = newest(pattern)
    if path is None:
        raise FileNotFoundError(pattern)
    return pd.read_parquet(path), str(path.relative_to(folder()))


def columns(table: pd.DataFrame, names: dict[str, str]) -> Columns:
    """Columns of a table as arrays, under the names of arguments."""
    return {ours: table[theirs].to_numpy(dtype=np.float64) for ours, theirs in names.items()}


def gemm(system: System, precision: str) -> Sizes:
    """Sizes, seconds and source of TensorRT-LLM's linear layers: PyTorch's (cuBLAS) in bf16, cuBLASLt in fp8."""
    table, path = _read(f"{system.folder}/gemm/trtllm/*/gemm_perf.parquet")
    table = table[(table.gemm_dtype == TYPES[precision]) & (table.kernel_source == LINEAR)]
    table = table.sort_values(["m", "n", "k"])
    sizes = columns(table, {"rows": "m", "columns": "n", "depth": "k"})
    return sizes, table.latency.to_numpy() / 1e3, Origin(path, (LINEAR,), TYPES[precision])


def attention(system: System) -> Sizes:
    """Sizes, seconds and source of causal attention over whole prompts in bf16, without a window."""
    table, path = _read(f"{system.folder}/attention/{system.attention}/*/context_attention_perf.parquet")
    chosen = table.kernel_source.isin(system.kernels) & (table.attn_dtype == "bfloat16")
    chosen &= (table.kv_cache_dtype == "bfloat16") & (table.isl >= SHORTEST)
    chosen &= table.head_dim <= WIDEST
    if "window_size" in table:
        chosen &= table.window_size == 0
    table = table[chosen].sort_values(["head_dim", "batch_size", "isl", "num_heads", "num_key_value_heads"])
    names = {"batch": "batch_size", "heads": "num_heads", "kv_heads": "num_key_value_heads", "queries": "isl"}
    sizes = columns(table, {**names, "keys": "isl", "qk_dim": "head_dim", "v_dim": "head_dim"})
    return sizes, table.latency.to_numpy() / 1e3, Origin(path, system.kernels)


def cast(system: System, framework: str) -> Bytes | None:
    """Bytes, seconds and source of casting bf16 to fp8 by a given scale; ``None`` where the device has no fp8."""
    return _quantised(system, framework, "scale_matrix", 3.0)


def scaling(system: System) -> Bytes | None:
    """Bytes, seconds and source of TensorRT-LLM's search for the scale of a matrix in bf16; ``None`` without fp8."""
    return _quantised(system, "trtllm", "computescale", 2.0)


def _quantised(system: System, framework: str, name: str, moved: float) -> Bytes | None:
    pattern = f"{system.folder}/quantize/{framework}/*/{name}_perf.parquet"
    if newest(pattern) is None:
        return None
    table, path = _read(pattern)
    table = table[table.quant_dtype == "fp8"].sort_values(["m", "k"])
    elements = table.m.to_numpy(dtype=np.float64) * table.k.to_numpy(dtype=np.float64)
    return moved * elements, table.latency.to_numpy() / 1e3, Origin(path, tuple(table.kernel_source.unique()))


def nccl(system: System) -> tuple[pd.DataFrame, Origin]:
    """All measurements of NCCL among the GPUs of one server, in 16 bits: ``op_name``, ``num_gpus``, bytes, seconds."""
    table, path = _read(f"{system.folder}/comm/nccl/*/nccl_perf.parquet")
    table = table[table.nccl_dtype == "half"]
    table = table.assign(bytes=table.message_size * 2.0, seconds=table.latency / 1e3)
    table = table.sort_values(["op_name", "num_gpus", "bytes"])
    return table[["op_name", "num_gpus", "bytes", "seconds"]], Origin(path, ("NCCL",))
