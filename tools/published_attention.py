"""What is published of attention that trains: its backward pass, and its rate beside that of kernels that serve."""

from __future__ import annotations

import statistics
import tomllib
from pathlib import Path
from typing import Any

from tools.fitting import rounded
from weighbridge.hardware.catalogue import device as find
from weighbridge.hardware.device import Device
from weighbridge.hardware.speeds.attention import AttentionCurve

HEAD = 128


def table(name: str) -> dict[str, Any]:
    """The published rates of a device, or of the one that stands for it, whose name is then under ``like``."""
    known = tomllib.loads((Path(__file__).parent / "attention_training.toml").read_text("utf-8"))
    like = known[name].get("like")
    return {**known[like], "like": like} if like else dict(known[name])


def source(name: str) -> str:
    """Where they are from."""
    found = table(name)
    like = " (for want of figures of this device)" if "like" in found else ""
    return f"{found['source']}{like}"


def backward(name: str) -> float:
    """Rate of the backward pass relative to the forward."""
    found = table(name)
    pairs = [row[2:] for row in (*found["causal"], *found["full"]) if len(row) == 4]
    return rounded(statistics.median(back / fore for fore, back in pairs))


def training(device: Device, curve: AttentionCurve, processors: int) -> float:
    """Rate of the published kernel relative to a curve over causal sizes; 1 where training runs another kernel."""
    found = table(device.name)
    if not found["training"]:
        return 1.0
    scale = device.peak("bf16") / find(found["like"]).peak("bf16") if "like" in found else 1.0
    known: dict[str, Any] = {
        "heads": found["heads"],
        "kv_heads": found["kv_heads"],
        "qk_dim": HEAD,
        "v_dim": HEAD,
        "causal": True,
        "pairs": None,
        "element": 2,
        "peak": device.peak("bf16"),
        "memory": device.memory_bandwidth,
        "processors": processors,
    }
    ratios = []
    for batch, length, forward, *_ in found["causal"]:
        seconds = curve.seconds(batch=batch, queries=length, keys=length, **known)
        ratios.append(forward * 1e12 * scale * seconds / (2 * batch * found["heads"] * length * length * HEAD))
    return rounded(statistics.median(ratios))
