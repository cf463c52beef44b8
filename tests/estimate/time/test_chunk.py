"""Passes through a chunk: what hides what, and who waits for whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from weighbridge.estimate.time.chunk import Pass
from weighbridge.estimate.time.work import Bound, Doing, Kernel
from weighbridge.estimate.training import train
from weighbridge.parallel.execution import OVERLAPPED
from weighbridge.parallel.plan import Plan
from weighbridge.tree import Kind

WORK = Doing((Kernel("matmul", Kind.MLP, Bound.COMPUTE, 2.0, joules=1.0), Kernel("add", Kind.OTHER, Bound.MEMORY, 1.0)))


def test_a_pass_is_as_long_as_the_device_or_its_host_needs() -> None:
    own = Pass(((WORK, 3),), waits=1.0, launches=6, launch=0.5)
    assert (own.computing, own.device, own.seconds, own.late) == (9.0, 10.0, 10.0, 0.0)
    late = replace(own, launch=2.0)
    assert (late.seconds, late.late) == (12.0, 2.0)


def test_the_power_limit_holds_multiplies_back_and_nothing_else() -> None:
    assert Pass(((WORK, 3),), waits=0.0, launches=6, pace=0.5).computing == 3 * (2.0 / 0.5 + 1.0)


def test_what_other_micro_batches_hide_costs_processors() -> None:
    own = Pass(((WORK, 3),), waits=0.0, launches=6, hidden=4.0, taken=0.25)
    assert own.device == 9.0 + 1.0
    assert replace(own, hidden=12.0).device == 9.0 + 3.0 + 0.25 * 9.0


def test_exchanges_beside_another_micro_batch_and_graphs_shorten_a_step() -> None:
    def seconds(overlapped: bool = False, graphs: tuple[str, ...] = (), sequence: int = 4096) -> float:
        sizes: dict[str, Any] = {"gpus": 64, "expert": 32, "pipeline": 2, "virtual": 2, "global_batch": 256}
        plan = Plan.under(sequence=sequence, execution=replace(OVERLAPPED, graphs=graphs), **sizes)
        routing = replace(plan.kernels.routing, overlapped=overlapped)
        plan = replace(plan, kernels=replace(plan.kernels, routing=routing))
        found = train("qwen3-30b-a3b", plan, "64xH100").time
        assert found is not None
        return found.step_seconds

    assert seconds(graphs=("full_iteration",), sequence=512) < 0.5 * seconds(sequence=512)
    assert seconds(overlapped=True, graphs=("full_iteration",)) < seconds(graphs=("full_iteration",))
