"""Tables of docs/speeds.md that are written from the curves on file."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from weighbridge.hardware.catalogue import device, entries
from weighbridge.hardware.speeds import Speeds, speeds
from weighbridge.hardware.speeds.experts import WEIGHTS
from weighbridge.hardware.speeds.reading import Fit, found, measured, names

Rows = Iterator[tuple[str, ...]]

KERNELS = {"matmul.bf16": "multiplication, bf16", "matmul.fp8": "fp8", "matmul.fp4": "fp4", "attention": "attention"}

PROMPTS = {"latent_attention": "latent attention of prompts"}
DECODE = {
    "decode.bf16": "decode, keys in 16 bits",
    "decode.fp8": "in 8 bits",
    "latent.bf16": "latent decode, 16 bits",
    "latent.fp8": "8 bits",
}
EXPERTS = {f"experts.{weights}": weights.replace("_", ", ") for weights in WEIGHTS}
EXPERTS |= {"matmul.w4a16": "one multiplication, int4", "matmul.w8a16": "int8"}
DIRECT = {"direct.vllm": "vLLM", "direct.sglang": "SGLang", "direct.trtllm": "TensorRT-LLM"}
"""Curves of kernels that make tokens, and how their columns are headed."""

COLLECTIVES = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")


def of_long(fit: Fit | None) -> str:
    """Errors of long kernels."""
    return "" if fit is None else f"{fit.long_median:.1%} / {fit.long_p90:.0%}"


def of_all(fit: Fit | None) -> str:
    """Errors of all measurements."""
    return "" if fit is None else f"{fit.median:.1%} / {fit.p90:.0%}"


def of_usual(fit: Fit | None) -> str:
    """Errors of sizes that serving mostly has."""
    return "" if fit is None else f"{fit.usual_median:.1%} / {fit.usual_p90:.0%}"


def serving(columns: Mapping[str, str]) -> tuple[tuple[str, ...], Rows]:
    """Errors of kernels that make tokens."""

    def of() -> Rows:
        for name in names():
            fits = measured(name).fits
            if columns.keys() & fits.keys():
                rows = sum(fits[kind].rows for kind in columns if kind in fits)
                yield found(name).title, *(of_usual(fits.get(kind)) for kind in columns), f"{rows:,}"

    return ("device", *columns.values(), "measurements"), of()


def kernels() -> tuple[tuple[str, ...], Rows]:
    """Errors of kernels over 50 microseconds."""

    def of() -> Rows:
        for name in names():
            fits = measured(name).fits
            rows = sum(fits[kind].rows for kind in KERNELS if kind in fits)
            yield found(name).title, *(of_long(fits.get(kind)) for kind in KERNELS), f"{rows:,}"

    return ("device", *KERNELS.values(), "measurements"), of()


def every_size() -> tuple[tuple[str, ...], Rows]:
    """Errors of kernels of every size."""

    def of() -> Rows:
        for name in names():
            fits = measured(name).fits
            yield found(name).title, *(of_all(fits.get(kind)) for kind in KERNELS)

    return ("device", *KERNELS.values()), of()


def links() -> tuple[tuple[str, ...], Rows]:
    """Errors of collectives."""

    def of() -> Rows:
        for name in names():
            fits = measured(name).fits
            if measured(name).collectives:
                yield found(name).title, *(of_all(fits[f"collectives.{kind}"]) for kind in COLLECTIVES)

    return ("device", *(kind.replace("_", "-") for kind in COLLECTIVES)), of()


def attained() -> tuple[tuple[str, ...], Rows]:
    """What large kernels attain of the datasheet."""

    def of() -> Rows:
        for name in names():
            known = speeds(found(name))
            rates = [f"{known.curve(k).share:.0%}" if k in known.curves.matmul else "" for k in ("bf16", "fp8", "fp4")]
            attention = known.curves.attention
            size = 8192
            seconds = known.attention(4, 32, 8, size, size, 128, 128)
            rate = 2 * 4 * 32 * size * (size + 1) * 128 / seconds / known.device.peak("bf16")
            stream = known.curves.stream
            yield (
                known.device.title,
                *rates,
                f"{rate:.0%}",
                f"{attention.backward:.2f}",
                f"{stream.bandwidth:.0%}",
                f"{stream.launch * 1e6:.1f} us",
            )

    head = ("device", "bf16", "fp8", "fp4", "attention", "its backward", "bandwidth", "least time of a kernel")
    return head, of()


TRAINING = ("matmul.bf16", "attention", "collectives.all_reduce")
TOLD = (*TRAINING, "decode.bf16", "latent.bf16", "latent_attention", "experts.bf16", "direct.vllm")
"""Curves whose tables are told; the others of a kind are in the same files."""


def tables() -> tuple[tuple[str, ...], Rows]:
    """Which tables and kernels the curves are fitted to."""

    def of() -> Rows:
        for name in names():
            curves = measured(name)
            for kind in TOLD:
                fit = curves.fits.get(kind)
                if fit is not None:
                    yield (
                        found(name).title,
                        kind.split(".")[0].replace("_", " "),
                        f"`{fit.table}`",
                        ", ".join(fit.kernels),
                        fit.note,
                    )

    return ("device", "curves", "table", "kernels", ""), of()


def scaled() -> tuple[tuple[str, ...], Rows]:
    """Devices without tables and the measured ones that they scale from."""

    def of() -> Rows:
        for name in names():
            like = [e.device.title for e in entries() if e.device.name != name and speeds(e.device).curves.name == name]
            if like:
                yield found(name).title, ", ".join(like)

    return ("measured", "scaled from it"), of()


HERE = Path(__file__).parents[1] / "benchmarks" / "measured" / "kernels" / "h100-80gb-hbm3.jsonl"

LONG = 50e-6


def ran_here() -> list[dict[str, Any]]:
    """Kernels over 50 microseconds that were measured on an H100 by this project."""
    rows = [json.loads(line) for line in HERE.read_text("utf-8").splitlines()]
    return [row for row in rows if row.get("seconds", 0) > LONG]


def by_curve(known: Speeds, row: dict[str, Any]) -> tuple[str, float] | None:
    """A measured kernel's kind and the seconds of its curve; ``None`` for what no curve is of."""
    kind = row["kernel"]
    if kind == "matmul":
        precision = row["precision"]
        return f"multiplication, {precision}", known.matmul(row["rows"], row["columns"], row["depth"], precision)
    if "attention" in kind and "cudnn" in row["backend"]:
        heads, length, dim = row["heads"], row["sequence"], row["head_dim"]
        sizes = (row["batch"], heads, heads, length, length, dim, dim)
        both = known.attention(*sizes) + known.attention_backward(*sizes)
        return f"{kind}, cuDNN", known.attention(*sizes) if kind == "attention" else both
    if kind in ("copy", "add", "silu"):
        return "copy, addition, SiLU", known.stream(row["bytes"])
    if kind in ("to fp32", "rms norm", "layer norm", "adamw, fused", "adamw, foreach"):
        return f"{kind} as PyTorch has it", known.stream(row["bytes"])
    return None


def beside() -> tuple[tuple[str, ...], Rows]:
    """Curves beside kernels that this project measured."""

    def of() -> Rows:
        known, ratios = speeds(device("h100")), dict[str, list[float]]()
        for row in ran_here():
            found = by_curve(known, row)
            if found is not None:
                ratios.setdefault(found[0], []).append(found[1] / row["seconds"])
        for kind, values in ratios.items():
            yield kind, str(len(values)), f"{statistics.median(values):.2f}", f"{min(values):.2f} to {max(values):.2f}"

    return ("kernel", "n", "curve / measured, median", "range"), of()


TABLES: dict[str, Callable[[], tuple[tuple[str, ...], Rows]]] = {
    "fit errors": kernels,
    "fit errors of every size": every_size,
    "fit errors of collectives": links,
    "fit errors of decode attention": lambda: serving({**DECODE, **PROMPTS}),
    "fit errors of experts": lambda: serving(EXPERTS),
    "fit errors of small all reduces": lambda: serving(DIRECT),
    "attained shares": attained,
    "measured tables": tables,
    "curves beside an H100": beside,
    "scaled devices": scaled,
}
