"""Measure single kernels: ``python -m benchmarks.gpu.kernel_times``.

Matrix products, attention forward and backward, kernels that only move memory, the optimizer's step, and how long the
host takes to launch one. Each figure is the median of repeated runs on the device's clock, on inputs that do not fit
its cache together. Written as JSON lines: what ran, its sizes, seconds.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from benchmarks.gpu.results import written

REPEATS = 7
LEAST = 0.002
"""Seconds that one repeat takes at least, of as many runs as it needs."""

TOKENS = (512, 2048, 4096, 8192, 16384)
WIDTHS = ((1024, 1024), (2048, 2048), (4096, 4096), (4096, 14336), (14336, 4096), (8192, 28672), (28672, 8192))
"""Columns and depth of products: projections of models from 0.3 to 70 billion parameters, backward ones too."""


def seconds(run: Callable[..., Any], inputs: Sequence[tuple[Any, ...]] = ((),)) -> float:
    """The median time of one run on the device's clock, after a warm-up; inputs take turns, so that no run finds its
    own in the cache.
    """
    import torch

    turning = itertools.cycle(inputs)

    def timed(count: int) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(count):
            run(*next(turning))
        end.record()
        torch.cuda.synchronize()
        return float(start.elapsed_time(end)) / 1000 / count

    timed(2)
    count = max(1, min(1000, round(LEAST / timed(3))))
    return statistics.median(timed(count) for _ in range(REPEATS))


def normal(*sizes: int, **options: Any) -> Any:
    """Random numbers in bf16, on the device."""
    import torch

    return torch.randn(*sizes, device="cuda", dtype=torch.bfloat16, **options)


def products() -> Iterator[dict[str, Any]]:
    """``(rows x depth) (depth x columns)`` in bf16, as a projection multiplies them."""
    from torch.nn.functional import linear

    for rows, (columns, depth) in itertools.product(TOKENS, WIDTHS):
        copies = min(8, max(2, 2**28 // ((rows + columns) * depth)))
        pairs = [(normal(rows, depth), normal(columns, depth)) for _ in range(copies)]
        shape = {"rows": rows, "columns": columns, "depth": depth, "precision": "bf16"}
        yield {"kernel": "matmul", **shape, "seconds": seconds(linear, pairs)}


def gradients() -> Iterator[dict[str, Any]]:
    """A weight's gradient, ``(columns x rows) (rows x depth)``: written in bf16, and added to one in fp32."""
    import torch

    for rows, (columns, depth) in itertools.product((2048, 4096, 8192), WIDTHS[2:6]):
        pairs = [(normal(rows, columns).t(), normal(rows, depth)) for _ in range(2)]
        held = torch.zeros(columns, depth, device="cuda")
        shape = {"rows": rows, "columns": columns, "depth": depth, "precision": "bf16"}
        yield {"kernel": "gradient", **shape, "seconds": seconds(torch.mm, pairs)}
        adds = partial(torch.addmm, held, out_dtype=torch.float32, out=held)
        yield {"kernel": "gradient, added in fp32", **shape, "seconds": seconds(adds, pairs)}


def eights() -> Iterator[dict[str, Any]]:
    """Products in 8 bits: fast ones, and ones that gather their sums in fp32 outside the tensor cores."""
    import torch

    one = torch.ones((), device="cuda")
    for rows, (columns, depth) in itertools.product((2048, 4096, 16384), WIDTHS[2:6]):
        low = [[x.to(torch.float8_e4m3fn) for x in (normal(rows, depth), normal(columns, depth))] for _ in range(2)]
        pairs = [(a, b.t(), one, one) for a, b in low]
        shape = {"rows": rows, "columns": columns, "depth": depth, "precision": "fp8"}
        for name, fast in (("matmul", True), ("matmul, split sums", False)):
            run = partial(torch._scaled_mm, out_dtype=torch.bfloat16, use_fast_accum=fast)
            yield {"kernel": name, **shape, "seconds": seconds(run, pairs)}


def attentions() -> Iterator[dict[str, Any]]:
    """Causal attention by the kernels that PyTorch has, forward, and forward with backward."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention

    shapes = ((4, 2048, 16, 128), (1, 8192, 16, 128), (2, 4096, 32, 128), (1, 8192, 32, 64), (1, 32768, 8, 128))
    forward = partial(scaled_dot_product_attention, is_causal=True)
    for backend, (batch, sequence, heads, head_dim) in itertools.product(
        (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION), shapes
    ):
        inputs = tuple(normal(batch, heads, sequence, head_dim, requires_grad=True) for _ in range(3))
        shape = {"batch": batch, "sequence": sequence, "heads": heads, "head_dim": head_dim, "precision": "bf16"}
        gradient = normal(batch, heads, sequence, head_dim)
        with sdpa_kernel(backend):
            there = seconds(forward, [inputs])
            both = seconds(partial(backward, forward, gradient), [inputs])
        yield {"kernel": "attention", "backend": backend.name.lower(), **shape, "seconds": there}
        yield {"kernel": "attention and backward", "backend": backend.name.lower(), **shape, "seconds": both}


def backward(run: Callable[..., Any], gradient: Any, *inputs: Any) -> None:
    """Something forward, and at once backward."""
    run(*inputs).backward(gradient)


def streams() -> Iterator[dict[str, Any]]:
    """Kernels that move memory and compute next to nothing; ``bytes`` are those read and written."""
    import torch
    from torch.nn.functional import silu

    for power in range(12, 31, 2):
        count = 2**power
        a = [normal(count) for _ in range(max(2, min(64, 2**28 // count)))]
        out = torch.empty_like(a[0])
        ones, twos = [(x,) for x in a], list(itertools.pairwise(a))
        runs = (("copy", 4, out.copy_, ones), ("add", 6, partial(torch.add, out=out), twos))
        more = (("silu", 4, silu, ones), ("to fp32", 6, torch.Tensor.float, ones))
        for name, width, run, inputs in (*runs, *more):
            yield {"kernel": name, "bytes": width * count, "seconds": seconds(run, inputs)}


def norms() -> Iterator[dict[str, Any]]:
    """Normalisation of rows, each in one kernel."""
    from torch.nn.functional import layer_norm, rms_norm

    for rows, width in ((2048, 4096), (8192, 4096), (8192, 8192), (16384, 2048)):
        inputs = [(normal(rows, width),) for _ in range(4)]
        weight = normal(width)
        shape = {"rows": rows, "width": width, "bytes": 4 * rows * width}
        root = partial(rms_norm, normalized_shape=(width,), weight=weight)
        mean = partial(layer_norm, normalized_shape=(width,), weight=weight, bias=weight)
        yield {"kernel": "rms norm", **shape, "seconds": seconds(root, inputs)}
        yield {"kernel": "layer norm", **shape, "seconds": seconds(mean, inputs)}


def losses() -> Iterator[dict[str, Any]]:
    """Cross-entropy of logits in fp32, forward, and forward with backward."""
    import torch
    from torch.nn.functional import cross_entropy

    for rows, width in ((4096, 32000), (8192, 128256)):
        logits = torch.randn(rows, width, device="cuda", requires_grad=True)
        inputs = [(logits, torch.randint(0, width, (rows,), device="cuda"))]
        shape = {"rows": rows, "width": width, "precision": "fp32"}
        yield {"kernel": "cross-entropy", **shape, "seconds": seconds(cross_entropy, inputs)}
        both = partial(backward, cross_entropy, torch.ones((), device="cuda"))
        yield {"kernel": "cross-entropy and backward", **shape, "seconds": seconds(both, inputs)}


def optimizers() -> Iterator[dict[str, Any]]:
    """AdamW's step over parameters of 64 Mi elements each."""
    import torch

    for dtype, implementation in itertools.product((torch.bfloat16, torch.float32), ("fused", "foreach")):
        parameters = [torch.randn(2**26, device="cuda", dtype=dtype, requires_grad=True) for _ in range(8)]
        for parameter in parameters:
            parameter.grad = torch.randn_like(parameter)
        chosen = torch.optim.AdamW(parameters, **{implementation: True})
        took = seconds(chosen.step)
        yield {
            "kernel": f"adamw, {implementation}",
            "elements": 8 * 2**26,
            "bytes": 7 * 8 * 2**26 * dtype.itemsize,  # reads weight, gradient and two states, writes all but one
            "precision": str(dtype).removeprefix("torch."),
            "seconds": took,
        }


def launches() -> Iterator[dict[str, Any]]:
    """What a kernel costs that has nothing to do: launched by PyTorch one by one, and replayed from a graph."""
    import torch

    x = torch.zeros(1, device="cuda")
    count = 2000
    for _ in range(2):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(count):
            x.add_(1)
        torch.cuda.synchronize()
        took = (time.perf_counter() - start) / count
    yield {"kernel": "launch from Python", "seconds": took}
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(count):
            x.add_(1)
    yield {"kernel": "launch from a graph", "seconds": seconds(graph.replay) / count}


KINDS = {
    kind.__name__: kind
    for kind in (launches, products, gradients, eights, attentions, streams, norms, losses, optimizers)
}


def measured(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every figure of the kinds that were asked for."""
    import torch

    for name in given.kinds:
        found = list(KINDS[name]())
        yield from found
        torch.cuda.empty_cache()
        print(f"{name}: {len(found)} figures", flush=True)


def main() -> int:
    """Measure all kinds and write them."""
    parser = argparse.ArgumentParser(description="Measure single kernels on the GPU that is here.")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="of kernels (default: all)")
    return written("benchmarks/gpu/kernel_times.py", "kernels", parser, measured)


if __name__ == "__main__":
    sys.exit(main())
