"""How long a full estimate of training takes, and that the cost of its memory grows with neither layers nor ranks.

    python benchmarks/estimate_speed.py [--runs 200] [--simumax FOLDER] [--json FILE]

The figures and how to read them are in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from weighbridge import __version__
from weighbridge.estimate.training import Training, train
from weighbridge.formats import load
from weighbridge.formats.cluster import load_cluster
from weighbridge.hardware.cluster import Cluster
from weighbridge.models import Model
from weighbridge.parallel.plan import Plan

MODEL, CLUSTER = "deepseek-v3", "2048xH100"
LAID_OUT: dict[str, Any] = {
    "gpus": 2048,
    "pipeline": 16,
    "expert": 64,
    "expert_tensor": 1,
    "micro_batch": 1,
    "global_batch": 16384,
}
CASES: dict[str, dict[str, Any]] = {
    "tensor 1, pipeline 16, expert 64, 1F1B": {},
    "tensor 8, pipeline 16, expert 64, 1F1B": {"tensor": 8, "sequence_parallel": True},
    "tensor 1, pipeline 16 x 2 chunks, expert 64, interleaved": {"virtual": 2},
}
"""Plans for DeepSeek-V3 on 2,048 GPUs."""

LENGTH = 4096
BUDGET_MS = 5.0

SIZES = [(4, 8), (16, 8), (64, 8), (400, 8), (64, 1_024), (64, 100_000), (400, 100_000)]
"""Layers and ranks of the table of costs."""


# One estimate --------------------------------------------------------------------------------------------------------


def estimate(model: Model, plan: Plan, cluster: Cluster | None) -> Training:
    """All that a report of every stage needs: ledger, allocated and reserved peak, what is free."""
    training = train(model, plan, cluster)
    for stage in training.stages:
        _ = stage.ledger.total, stage.peak_allocated, stage.peak_reserved, stage.free
    return training


def timed(model: Model, plan: Plan, cluster: Cluster | None) -> Training:
    """That, and the seconds of a step."""
    training = estimate(model, plan, cluster)
    assert training.time is not None
    _ = training.time.step_seconds
    return training


def milliseconds(run: Callable[[], object]) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    run()
    return (time.perf_counter() - begin) * 1e3


# Speed ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Speed:
    """Milliseconds per estimate.

    Attributes:
        name: the plan.
        cold: the first of the process, reading the model and the cluster included, importing the estimator not.
        least: the fastest of the others.
        median: their median.
        other: the median where every run has another sequence length.
        timed: the median with the seconds of a step.
    """

    name: str
    cold: float
    least: float
    median: float
    other: float
    timed: float


def speed(name: str, runs: int) -> Speed:
    """Times one plan. The process must be new for ``cold`` to mean what it says."""
    held: dict[str, Any] = {}

    def first() -> None:
        held.update(model=load(MODEL), cluster=load_cluster(CLUSTER))
        again()

    def again(length: int = LENGTH, run: Callable[..., Training] = estimate) -> None:
        run(held["model"], Plan.under(**LAID_OUT, **CASES[name], sequence=length), held["cluster"])

    cold = milliseconds(first)
    warm = [milliseconds(again) for _ in range(runs)]
    other = [milliseconds(partial(again, LENGTH + 8 * i)) for i in range(1, runs + 1)]
    both = [milliseconds(partial(again, run=timed)) for _ in range(runs + 1)][1:]
    return Speed(name, cold, min(warm), *map(statistics.median, (warm, other, both)))


def in_new_process(name: str, runs: int) -> Speed:
    """The same in a process of its own."""
    argv = [sys.executable, __file__, "--one", name, "--runs", str(runs)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return Speed(**json.loads(done.stdout))


# Cost ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """What an estimate does, counted.

    Attributes:
        recorded: operations on the tape.
        replayed: operations that the replays go through, forward, again and backward.
        tensors: distinct tensors that they allocate.
        calls: Python functions that run.
    """

    recorded: int
    replayed: int
    tensors: int
    calls: int


def sized(model: str, layers: int, ranks: int) -> Callable[[], Training]:
    """An estimate of a model with so many layers on so many ranks, in four stages."""
    loaded = load(model, {"num_hidden_layers": layers})
    experts = 2 if any(node.together for node in loaded.network.node().walk()) else 1
    plan: dict[str, Any] = {"gpus": ranks, "pipeline": 4, "expert": experts, "micro_batch": 1, "sequence": LENGTH}
    return lambda: estimate(loaded, Plan.under(**plan), None)


def cost(run: Callable[[], Training]) -> Cost:
    """Counts the work of an estimate; a first one, uncounted, fills what is kept between estimates."""
    run()
    training, calls = counted(run)
    replays = {id(run.weighed): run.weighed.replay for s in training.stages for chunk in s.runs for run in chunk}
    moments = [moment for replay in replays.values() for moment in (*replay.forward, *replay.backward)]
    tensors = {id(tensor) for moment in moments for tensor, _ in (*moment.added, *moment.freed)}
    return Cost(len(training.tape.operations), len(moments), len(tensors), calls)


def counted(run: Callable[[], Training]) -> tuple[Training, int]:
    """A result, and how many Python functions ran for it (each resumption of a generator counts as one)."""
    calls = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    collects = gc.isenabled()
    gc.disable()  # what others hang on the collector would be counted
    sys.setprofile(profile)
    try:
        result = run()
    finally:
        sys.setprofile(None)
        if collects:
            gc.enable()
    return result, calls


# SimuMax -------------------------------------------------------------------------------------------------------------

SIMUMAX = """
import contextlib, io, json, sys, time
sys.path.insert(0, sys.argv[1])
from simumax.core.config import ModelConfig, StrategyConfig, SystemConfig
from simumax.core.perf_llm import PerfLLM
times = []
for _ in range(int(sys.argv[2])):
    strategy = StrategyConfig.init_from_config_file(f"{sys.argv[1]}/configs/strategy/ep4_pp2_dp4_mbs1.json")
    plan = dict(world_size=2048, tp_size=1, pp_size=16, ep_size=64, etp_size=1, micro_batch_num=128,
                enable_recompute=False, num_layers_in_first_pipeline_stage=3, num_layers_in_last_pipeline_stage=2)
    for name, value in plan.items():
        setattr(strategy, name, value)
    model = ModelConfig.init_from_config_file(f"{sys.argv[1]}/configs/models/deepseekv3.json")
    system = SystemConfig.init_from_config_file(f"{sys.argv[1]}/configs/system/a100_pcie.json")
    with contextlib.redirect_stdout(io.StringIO()):
        begin = time.perf_counter()
        simulator = PerfLLM()
        simulator.configure(strategy_config=strategy, model_config=model, system_config=system)
        simulator.run_estimate()
        simulator.analysis_mem()
        times.append(1e3 * (time.perf_counter() - begin))
print(json.dumps(times))
"""
"""SimuMax on its own DeepSeek-V3, laid out alike: it weighs the first, one middle and the last stage."""


def simumax(folder: Path, runs: int) -> list[float]:
    """Milliseconds of SimuMax's estimates of memory in a new process, the first one first."""
    argv = [sys.executable, "-W", "ignore", "-c", SIMUMAX, str(folder), str(runs)]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"SimuMax did not run: {done.stderr.strip().splitlines()[-1]}")
    times: list[float] = json.loads(done.stdout.splitlines()[-1])
    return times


# The result ----------------------------------------------------------------------------------------------------------


def speeds(rows: list[Speed], others: list[float], runs: int) -> str:
    lines = [
        f"DeepSeek-V3 on 2,048 GPUs, all 16 stages; milliseconds of {runs} estimates in one process after the first",
        "",
        f"{'plan':57} {'first':>7} {'min':>7} {'median':>7} {'other':>7} {'timed':>7}",
    ]
    for r in rows:
        lines.append(f"{r.name:57} {r.cold:7.1f} {r.least:7.2f} {r.median:7.2f} {r.other:7.2f} {r.timed:7.2f}")
    if others:
        first, *rest = others
        label = "SimuMax, tensor 1, pipeline 16, expert 64, three stages"
        lines.append(f"{label:57} {first:7.1f} {min(rest):7.2f} {statistics.median(rest):7.2f} {'':>7}")
    met = {name: max(getattr(r, name) for r in rows) <= BUDGET_MS for name in ("median", "timed")}
    words = ", ".join(f"{name}: {'met' if held else 'not met'}" for name, held in met.items())
    return "\n".join([*lines, "", f"budget: {BUDGET_MS:g} ms; {words}"])


def costs(model: str, runs: int) -> tuple[str, list[dict[str, Any]]]:
    """The table of one model, and its rows."""
    timed = [(layers, ranks, sized(model, layers, ranks)) for layers, ranks in SIZES]
    least = dict.fromkeys(SIZES, float("inf"))
    counts = {(layers, ranks): cost(run) for layers, ranks, run in timed}
    for _ in range(runs):  # in turns, so that whatever slows the machine slows all sizes alike
        for layers, ranks, run in timed:
            least[layers, ranks] = min(least[layers, ranks], milliseconds(run))
    head = (
        f"{'layers':>7} {'ranks':>8} {'recorded':>9} {'replayed':>9} {'tensors':>8} {'calls':>7} {'ms':>6} {'ratio':>6}"
    )
    lines = [f"{model}, pipeline 4: work per estimate", "", head]
    for (layers, ranks), c in counts.items():
        ms = least[layers, ranks]
        work = f"{c.recorded:9,} {c.replayed:9,} {c.tensors:8,} {c.calls:7,}"
        lines.append(f"{layers:7,} {ranks:8,} {work} {ms:6.2f} {ms / least[SIZES[0]]:6.2f}")
    rows = [{"layers": n, "ranks": r, **asdict(c), "least_ms": least[n, r]} for (n, r), c in counts.items()]
    return "\n".join(lines), rows


def main() -> int:
    parser = argparse.ArgumentParser(description="Speed and cost of a full estimate of training memory.")
    parser.add_argument("--runs", type=int, default=200, help="counted runs of each plan (default: 200)")
    parser.add_argument(
        "--simumax", type=Path, metavar="FOLDER", help="a checkout of MooreThreads/SimuMax to measure too"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    parser.add_argument("--one", choices=CASES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(asdict(speed(args.one, args.runs))))
        return 0
    machine = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "weighbridge": __version__,
    }
    print("Python {python}, {platform}, {cpus} CPUs, weighbridge {weighbridge}\n".format(**machine))
    rows = [in_new_process(name, args.runs) for name in CASES]
    others = simumax(args.simumax, max(args.runs // 10, 5)) if args.simumax else []
    print(speeds(rows, others, args.runs))
    tables = {model: costs(model, max(args.runs // 5, 5)) for model in ("llama-3.1-8b", MODEL)}
    for text, _ in tables.values():
        print(f"\n{text}")
    if args.json:
        found = {"speed": [asdict(row) for row in rows], "cost": {model: own for model, (_, own) in tables.items()}}
        written = machine | {"runs": args.runs} | found | ({"simumax_ms": others} if others else {})
        args.json.write_text(json.dumps(written, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
