"""From a row of serving to a deployment that the package is asked about, and its answers."""

from __future__ import annotations

from typing import Any

from benchmarks.requests import NotYetError, cluster_of, left_open, model_of
from benchmarks.rows import Row
from weighbridge.errors import WeighbridgeError
from weighbridge.estimate.inference.inference import Inference
from weighbridge.formats.quantization import NAMED, named_storage, storage
from weighbridge.models.storage import Storage
from weighbridge.parallel.engine import engine
from weighbridge.parallel.serving import Serving
from weighbridge.units import DATA_TYPES, DataType

CHECKPOINTS: dict[str, dict[str, Any]] = {
    "nvfp4-experts": {
        "quant_method": "modelopt",
        "quant_algo": "NVFP4",
        "ignore": ["*self_attn*", "*linear_attn*", "lm_head"],
    },
    "int4-experts": {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "config_groups": {
            "group_0": {
                "targets": ["Linear"],
                "weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32, "symmetric": True},
            }
        },
        "ignore": ["lm_head", "re:.*self_attn.*", "re:.*shared_experts.*"],
    },
}
"""Published checkpoints that pack less than every linear layer: nvidia/DeepSeek-R1-0528-FP4-V2, Kimi-K2.5-NVFP4 and
others leave attention out; moonshotai/Kimi-K2.5 packs routed experts."""


def deployment(row: Row) -> Inference:
    """What the package is asked for a row.

    Raises:
        NotYetError: where something is missing.
    """
    blank = left_open(row)
    if blank:
        raise NotYetError(f"{', '.join(blank)}: the source does not say")
    given = dict(row["serving"])
    try:
        model, hardware = model_of(row), cluster_of(row)
        packed, dtype = _stored(given.pop("quantisation", None))
        for name in ("compute", "cache"):
            if name in given:
                given[name] = DATA_TYPES[given[name]]
        serving = Serving(**given | {"engine": engine(given["engine"])})
        found = list(serving.problems(model.tree, row["gpus"]))
    except WeighbridgeError as error:
        raise NotYetError(str(error)) from None
    if found:
        raise NotYetError("; ".join(f"{name}: {words}" for name, words in found))
    return Inference(model, serving, hardware, packed, dtype)


def _stored(name: str | None) -> tuple[Storage | None, DataType]:
    """How weights are packed; in 16 bits where the row does not say."""
    dtype = DATA_TYPES["bf16"]
    if name is None:
        return None, dtype
    if name in CHECKPOINTS:
        return storage({"quantization_config": CHECKPOINTS[name]}, None, dtype.bits)[0], dtype
    if name in NAMED or name in DATA_TYPES:
        return named_storage(name, dtype)
    raise NotYetError(f"weights in {name}")
