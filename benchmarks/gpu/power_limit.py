"""Measure how far a device's power limit holds kernels back: ``python -m benchmarks.gpu.power_limit``.

Multiplies of random numbers, attention and copies run for some seconds alone and in turns, until the clock has settled;
written as JSON lines: seconds of each kind of kernel, its share of the time, the clock and what the device drew.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.gpu.kernel_times import normal
from benchmarks.gpu.results import written

SIZE = 8192
"""Rows, columns and depth of products."""

SETTLES, MEASURES = 1.5, 2.5
"""Seconds of each case before and while it is measured."""

Run = Callable[[], Any]
CASES: tuple[dict[str, int], ...] = (
    {"copy": 4},
    {"attention": 2},
    {"matmul bf16": 8},
    {"matmul fp8": 8},
    {"matmul bf16": 8, "copy": 3},
    {"matmul bf16": 8, "copy": 8},
    {"matmul bf16": 8, "copy": 20},
    {"matmul fp8": 8, "copy": 4},
    {"matmul bf16": 6, "attention": 1, "copy": 3},
    {"matmul bf16": 4, "wait": 4},
)
"""How many of each kernel run in turns."""


def kernels() -> dict[str, Run]:
    """What runs, by name."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention

    a, b = normal(SIZE, SIZE), normal(SIZE, SIZE)
    low = [x.to(torch.float8_e4m3fn) for x in (a, b)]
    one, out = torch.ones((), device="cuda"), torch.empty_like(a)
    moved, to = normal(2**29), normal(2**29)
    queries, keys, values = (normal(2, 32, 8192, 128, requires_grad=True) for _ in range(3))
    gradient = normal(2, 32, 8192, 128)

    def attention() -> None:
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
            scaled_dot_product_attention(queries, keys, values, is_causal=True).backward(gradient)

    def wait() -> None:
        torch.cuda.synchronize()
        time.sleep(0.0016)

    return {
        "matmul bf16": lambda: torch.mm(a, b.t(), out=out),
        "matmul fp8": lambda: torch._scaled_mm(
            low[0], low[1].t(), one, one, out_dtype=torch.bfloat16, use_fast_accum=True
        ),
        "attention": attention,
        "copy": lambda: to.copy_(moved),
        "wait": wait,
    }


class Watch(threading.Thread):
    """Reads the clock and the power until it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.on = True
        self.read: list[list[float]] = []

    def run(self) -> None:
        """Ask the driver, several times in a second."""
        asked = "--query-gpu=clocks.sm,power.draw.instant,power.limit"
        while self.on:
            answer = subprocess.run(
                ["nvidia-smi", asked, "--format=csv,noheader,nounits"], capture_output=True, text=True, check=True
            )
            self.read.append([float(x) for x in answer.stdout.splitlines()[0].split(",")])
            time.sleep(0.1)


def turns(runs: dict[str, Run], case: dict[str, int], lasts: float) -> dict[str, float]:
    """Mean seconds of each kind of kernel over so many seconds of turns."""
    import torch

    found: dict[str, list[float]] = {name: [] for name in case}
    until = time.perf_counter() + lasts
    while time.perf_counter() < until:
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(4 * len(case) + 1)]
        marks[0].record()
        order = list(case.items()) * 4
        for mark, (name, count) in zip(marks[1:], order, strict=True):
            for _ in range(count):
                runs[name]()
            mark.record()
        torch.cuda.synchronize()
        for (start, end), (name, count) in zip(itertools.pairwise(marks), order, strict=True):
            found[name].append(start.elapsed_time(end) / 1000 / count)
    return {name: statistics.mean(each) for name, each in found.items()}


def measured(_: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every case, once it has settled; there are no options."""
    runs = kernels()
    for case in CASES:
        turns(runs, case, SETTLES)
        watch = Watch()
        watch.start()
        seconds = turns(runs, case, MEASURES)
        watch.on = False
        watch.join()
        clock, watts, limit = (statistics.mean(column) for column in zip(*watch.read, strict=True))
        print(case, f"{clock:.0f} MHz, {watts:.0f} W", flush=True)
        whole = sum(case[name] * each for name, each in seconds.items())
        yield {
            "runs": case,
            "seconds": seconds,
            "share": {name: case[name] * each / whole for name, each in seconds.items()},
            "tflops": {name: 2 * SIZE**3 / each / 1e12 for name, each in seconds.items() if "matmul" in name},
            "clock_mhz": clock,
            "watts": watts,
            "limit_watts": limit,
        }


def main() -> int:
    """Measure all cases and write them."""
    parser = argparse.ArgumentParser(description="Measure kernels under the power limit of the GPU that is here.")
    return written("benchmarks/gpu/power_limit.py", "power", parser, measured)


if __name__ == "__main__":
    sys.exit(main())
