"""Measured latencies themselves, interpolated, where the package of tables is installed (``weighbridge[silicon]``)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from weighbridge.errors import InputError
from weighbridge.hardware.speeds.reading import Measured
from weighbridge.traced import plain

MODULE = "aiconfigurator_core"


def folder() -> Path:
    """Where the tables lie.

    Raises:
        InputError: where the package is not installed.
    """
    spec = find_spec(MODULE)
    if spec is None or spec.origin is None:
        raise InputError("raw: measured tables are not installed; pip install 'weighbridge[silicon]'")
    return Path(spec.origin).parent / "systems" / "data"


class Grid:
    """Latencies over some axes, interpolated between neighbours in logarithms; ``nan`` outside or beside a gap."""

    def __init__(self, axes: list[Any], seconds: Any) -> None:
        import numpy as np

        self.axes = [np.unique(axis) for axis in axes]
        self.values = np.full([len(axis) for axis in self.axes], np.nan)
        index = tuple(np.searchsorted(known, axis) for known, axis in zip(self.axes, axes, strict=True))
        self.values[index] = np.log(seconds)

    def __call__(self, *point: Any) -> Any:
        """Seconds at numbers or arrays."""
        import numpy as np

        places = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in point))
        low, share, inside = zip(*(self._place(a, x) for a, x in zip(self.axes, places, strict=True)), strict=True)
        total = np.zeros(places[0].shape)
        for corner in np.ndindex(*(2,) * len(places)):
            weight = np.prod([s if up else 1 - s for s, up in zip(share, corner, strict=True)], axis=0)
            at = tuple(np.minimum(i + up, a.size - 1) for i, up, a in zip(low, corner, self.axes, strict=True))
            total = total + np.where(weight > 0, weight * self.values[at], 0.0)
        return np.where(np.all(inside, axis=0), np.exp(total), np.nan)

    @staticmethod
    def _place(axis: Any, x: Any) -> tuple[Any, Any, Any]:
        """The neighbour below, the share of the way to the one above, and whether the axis reaches there."""
        import numpy as np

        at = np.clip(np.searchsorted(axis, x, side="right") - 1, 0, max(axis.size - 2, 0))
        above = axis[np.minimum(at + 1, axis.size - 1)]
        span = np.log(above) - np.log(axis[at])
        share = np.where(span > 0, (np.log(np.maximum(x, 1)) - np.log(axis[at])) / np.where(span > 0, span, 1), 0.0)
        return at, share, (x >= axis[0]) & (x <= axis[-1])


def _columns(path: Path, keep: Callable[[Any], Any], names: tuple[str, ...]) -> list[Any]:
    """Columns of a table, of the rows that ``keep`` keeps."""
    import pyarrow.parquet as parquet

    table = {name: column.to_numpy(zero_copy_only=False) for name, column in _read(parquet, path).items()}
    chosen = keep(table)
    return [table[name][chosen] for name in names]


def _read(parquet: Any, path: Path) -> dict[str, Any]:
    table = parquet.read_table(path)
    return dict(zip(table.column_names, table.columns, strict=True))


@cache
def matmul_grid(table: str, kernel: str) -> Grid:
    """Multiplications in bf16 by rows, columns and depth, in seconds."""
    *sizes, latency = _columns(
        folder() / table,
        lambda t: (t["gemm_dtype"] == "bfloat16") & (t["kernel_source"] == kernel),
        ("m", "n", "k", "latency"),
    )
    return Grid(sizes, latency / 1e3)


def matmul(curves: Measured, rows: Any, columns: Any, depth: Any) -> Any:
    """Seconds of one multiplication in bf16; ``nan`` where the table does not reach."""
    fit = curves.fits["matmul.bf16"]
    return matmul_grid(fit.table, fit.kernels[0])(plain(rows), plain(columns), plain(depth))


@cache
def attention_grid(table: str, kernels: tuple[str, ...], heads: int, kv_heads: int, dim: int) -> Grid | None:
    """Causal attention in bf16 over whole prompts by sequences and their length; ``None`` for heads not measured."""

    def keep(t: dict[str, Any]) -> Any:
        import numpy as np

        chosen = np.isin(t["kernel_source"].astype(str), kernels) & (t["attn_dtype"] == "bfloat16")
        chosen &= (t["kv_cache_dtype"] == "bfloat16") & (t["num_heads"] == heads) & (t["head_dim"] == dim)
        chosen &= t["num_key_value_heads"] == kv_heads
        return chosen & (t["window_size"] == 0) if "window_size" in t else chosen

    *sizes, latency = _columns(folder() / table, keep, ("batch_size", "isl", "latency"))
    return Grid(sizes, latency / 1e3) if latency.size else None


def attention(curves: Measured, batch: Any, heads: Any, kv_heads: Any, queries: Any, dim: Any) -> Any:
    """Seconds of causal attention in bf16 with the copy into pages; ``nan`` where the table does not reach."""
    fit = curves.fits["attention"]
    numbers = [plain(x) for x in (heads, kv_heads, dim)]
    if not all(isinstance(x, int) for x in numbers):
        return float("nan")
    grid = attention_grid(fit.table, fit.kernels, *numbers)
    return float("nan") if grid is None else grid(plain(batch), plain(queries))


def or_else(measured: Any, curve: Any) -> Any:
    """What was measured, and the curve where nothing was: a number for numbers, else an array."""
    import numpy as np

    chosen = np.where(np.isnan(measured), plain(curve), measured)
    return chosen if chosen.ndim else float(chosen)
