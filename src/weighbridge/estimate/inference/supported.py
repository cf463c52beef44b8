"""Which formats of weights a device can serve, and what of a deployment can be timed."""

from __future__ import annotations

from weighbridge.errors import InputError, given
from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.queueing import requests_of
from weighbridge.estimate.time.known import untimed as unsent
from weighbridge.hardware.device import Device
from weighbridge.parallel.engine import Engine
from weighbridge.parallel.plan import Plan

LEAST: dict[str, tuple[int, int]] = {
    "fp8": (8, 0),
    "fp8-block": (8, 0),
    "fp8-tensor": (8, 0),
    "mxfp8": (10, 0),
    "nvfp4": (7, 5),
    "mxfp4": (8, 0),
    "awq": (7, 5),
    "gptq": (6, 0),
    "w4a16": (8, 0),
    "nf4": (7, 0),
    "nf4-double": (7, 0),
    "int8": (7, 0),
}
"""The least CUDA capability that has kernels for a format, be it that they bring weights to 16 bits: vLLM,
model_executor/layers/quantization (fp8.py, mxfp4.py, modelopt.py, awq.py, gptq.py, compressed_tensors,
bitsandbytes.py: get_min_capability); mxfp8 multiplies exist from Blackwell on."""

HALVES = ("bf16", "fp16")
"""Types of activations."""

MOST_FOLLOWED, MOST_PASSES = 10_000, 60_000
"""Users whose requests are followed one by one, and passes of their prompts: more would take minutes."""

OTHERS = {"fp8": "fp8", "fp8-block": "fp8", "fp8-tensor": "fp8", "mxfp4": "fp4", "mxfp8": "fp8"}
"""What devices without a CUDA capability need a unit for; those that bring weights to 16 bits run on any but nvfp4,
which is NVIDIA's own."""


def lacking(device: Device, name: str) -> str:
    """Why a device cannot serve weights of a format, in words; empty where it can."""
    capability = device.capability
    if capability is None:
        needs = OTHERS.get(name)
        if name == "nvfp4" or (needs and needs not in device.peak_flops):
            return f"{device.title} has no kernels for it"
    elif name in LEAST and capability < LEAST[name]:
        least = ".".join(map(str, LEAST[name]))
        return f"its kernels need CUDA capability {least}, and {device.title} has {'.'.join(map(str, capability))}"
    return ""


def check(device: Device | None, name: str | None) -> None:
    """Refuse weights that a device has no kernels for.

    Raises:
        InputError: with what to take instead.
    """
    if device is None or name is None:
        return
    why = lacking(device, name)
    if why:
        instead = ", ".join(other for other in (*HALVES, *LEAST) if not lacking(device, other))
        raise InputError(f"quantisation: {name}: {why}; {device.title} can serve {instead}")


def check_cache(device: Device, engine: Engine, name: str) -> None:
    """Refuse a data type of the cache that a device has no unit or kernels for.

    Raises:
        InputError: with what is allowed.
    """
    lacks = {"nvfp4": "" if "fp4" in device.peak_flops else f"{device.title} has no unit for fp4"}
    lacks["fp8"] = lacking(device, "fp8")
    if name in engine.caches and lacks.get(name):
        allowed = ", ".join(each for each in engine.caches if not lacks.get(each))
        raise InputError(f"cache: {name}: {lacks[name]}; allowed: {allowed}")


def check_compute(device: Device, name: str) -> None:
    """Refuse activations in a type that a device does not multiply in.

    Raises:
        InputError: with what is allowed.
    """
    allowed = [one for one in HALVES if one in device.peak_flops] or HALVES
    if name not in allowed:
        raise InputError(f"compute: got {given(name)}; {device.title} can serve {' and '.join(allowed)}")


def untimed(inference: Inference) -> str:
    """Why a deployment is not timed, in words; empty where it is."""
    cluster = inference.cluster
    if cluster is None:
        return "no cluster is given"
    device = cluster.device
    if device.half not in device.peak_flops or not device.memory_bandwidth:
        return f"no rate of {device.title} for multiplies in 16 bits is published"
    serving = inference.serving
    users, chunk = int(serving.batch), serving.chunk_tokens
    requests = requests_of(users, serving.rounds)
    parts = 1 if chunk is None else -(-int(serving.prompt) // int(chunk * serving.data))
    if users > MOST_FOLLOWED or requests * parts > MOST_PASSES:
        return f"{users:,} users with prompts of {serving.prompt:,} tokens are more than are followed one by one"
    return unsent(Plan(gpus=int(serving.gpus), tensor=int(serving.tensor)), cluster)
