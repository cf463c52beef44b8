"""How long a prompt takes on one's own device: chunks of it, by products of dequantised weights or of integers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

from weighbridge.arithmetic import ratio
from weighbridge.estimate.explainable import Explainable
from weighbridge.estimate.inference.local.buffers import FP32
from weighbridge.estimate.inference.local.builds import Build, repeats
from weighbridge.estimate.inference.local.layers import Layers
from weighbridge.estimate.inference.local.rates import Rates
from weighbridge.estimate.inference.passes import Forward, forward, prompts
from weighbridge.estimate.time.shapes import Heads, Projection, joined
from weighbridge.ggml import TYPES
from weighbridge.gradients import storages
from weighbridge.hardware.device import Device
from weighbridge.hardware.speeds import Speeds, speeds
from weighbridge.models import Model
from weighbridge.parallel.serving import Serving
from weighbridge.tape import Operation, Weight
from weighbridge.traced import Label, named, plain

ATTENTION = 0.5
"""Of the peak rate that attention's products attain (FlashAttention-2, Dao 2023, figure 5: half to two thirds)."""

PASSES = 5
"""Times that scores go through memory where attention is not one kernel: written, read and written by the softmax,
read and written as fp16 (ggml-org/llama.cpp, May 2024, ggml-cuda.cu, ggml_cuda_mul_mat_batched_cublas)."""

CASTS = ("fp16", "bf16")
"""Types that prompts are multiplied in, the first that a device has a rate for; a processor in fp32."""


@dataclass(frozen=True)
class Prompt(Explainable):
    """A prompt.

    Attributes:
        prompt_tokens: of it.
        prompt_seconds: until all of them have run.
    """

    figures: ClassVar[tuple[str, ...]] = ("per_second",)

    prompt_tokens: int
    prompt_seconds: float

    @property
    def per_second(self) -> float:
        """Tokens in a second."""
        label = Label("prompt_tokens_per_second", "tokens/s", "of a prompt that fills the context, or of 32,768")
        return named(ratio(self.prompt_tokens, self.prompt_seconds), label)


def precision(device: Device) -> str | None:
    """What prompts are multiplied in; ``None`` where nobody says at which rate."""
    if device.kind == "CPU":
        return "fp32"
    return next((name for name in CASTS if name in device.peak_flops), None)


def multiplying(device: Device) -> Speeds:
    """A device's kernels, with products in fp16 that are summed in fp16, as llama.cpp asks cuBLAS for: on GeForce cards
    twice as fast as those summed in fp32, half of those in int8 (NVIDIA GA102 whitepaper, tables of peak rates).
    """
    peaks = dict(device.peak_flops)
    if device.vendor == "NVIDIA" and device.kind == "GPU" and "int8" in peaks and "fp16" in peaks:
        peaks["fp16"] = max(peaks["fp16"], peaks["int8"] // 2)
    return speeds(replace(device, peak_flops=peaks))


def chunk_seconds(layers: Layers, device: Device, build: Build, pace: Rates, tokens: int, past: int) -> float:
    """Seconds of one chunk of a prompt on one device, as if it held all of the model.

    Args:
        layers: the model.
        device: on which.
        build: the engine.
        pace: the device's rates, for what is not multiplied.
        tokens: of the chunk.
        past: tokens before it.
    """
    seconds = _plain_seconds(layers.model, layers.serving, device, build, pace, tokens, past)
    cuda = device.vendor != "Apple" and device.kind != "CPU"
    return seconds + (unpacked(layers) / pace.memory if build.unpacks and cuda else 0.0)


@lru_cache(maxsize=256)
def _plain_seconds(
    model: Model, serving: Serving, device: Device, build: Build, pace: Rates, tokens: int, past: int
) -> float:
    """The same whatever the weights are packed in: of all quantisations once."""
    run = forward(model, serving, prompts(serving, 1, tokens, past))
    times = repeats(run.tape)
    kernels, name = multiplying(device), precision(device)
    assert name is not None
    seconds = build.count(run, quantised=False) * pace.gap
    for operation in run.tape.operations:
        if operation.name != "attention":
            seconds += times[id(operation)] * _moved(run, operation, build) / pace.memory
    for part in joined(run, run.tape.operations):
        if isinstance(part, Projection):
            seconds += times[id(part.first)] * _projection(part, kernels, name)
        elif part.name == "attention":
            seconds += times[id(part)] * _attention(Heads(run, part), device.peak(name), build, pace)
    return seconds


def _moved(run: Forward, operation: Operation, build: Build) -> int:
    """Bytes that a kernel between multiplies reads and writes, in fp32; of a multiply in fp16 what brings its input
    from fp32 and its result back.
    """
    tensors = storages((*operation.reads, *operation.makes)).values()
    elements = sum(int(plain(one.count)) for one in tensors if not isinstance(one, Weight))
    if operation.name == "matmul":
        return (FP32 + 2) * elements if build.unpacks else 0
    return FP32 * elements


def _projection(part: Projection, kernels: Speeds, name: str) -> float:
    rows, columns, depth = (int(plain(size)) for size in (part.rows, part.columns, part.depth))
    return float(kernels.matmul(max(1, rows), columns, depth, name, int(plain(part.products))))


def _attention(heads: Heads, peak: float, build: Build, pace: Rates) -> float:
    """Two products at half of the peak rate, and the scores' way through memory where they are kept."""
    _, own, _, queries, keys, *_ = (int(plain(size)) for size in heads.shape)
    moved = PASSES * FP32 * own * queries * keys if build.scores else 0
    return float(plain(heads.work)) / (ATTENTION * peak) + moved / pace.memory


def unpacked(layers: Layers) -> float:
    """Bytes that move where quantised weights are brought to fp16 before they are multiplied with."""
    moved = 0.0
    for layer in layers.layers:
        for kind, size in layer.stored.items():
            packed = TYPES.get(kind)
            if packed is not None and packed.quantised:
                moved += size + 2 * size * packed.block / packed.bytes
    return moved
