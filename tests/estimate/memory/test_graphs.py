"""CUDA graphs' copies of what they read, and their pools."""

from __future__ import annotations

from dataclasses import replace

import pytest

import weighbridge as wb
from weighbridge.estimate.memory import graphs
from weighbridge.estimate.memory.stage import Stage
from weighbridge.parallel.execution import Execution

MIB = 2**20
STREAM, MASK = 2 * 4096 * 4096, 4096 * 4096
"""Bytes of llama-3.1-8b's layer input, of 4,096 positions, and of a mask over them."""
PIPED = wb.Plan.under(gpus=8, pipeline=4, global_batch=32)
MOE = wb.Plan.under(gpus=8, expert=8, global_batch=8)


def stages(plan: wb.Plan, *names: str, model: str = "llama-3.1-8b", copies: bool = True) -> tuple[Stage, ...]:
    execution = Execution(graphs=names, copies_inputs=copies)
    return wb.train(model, replace(plan, execution=execution), "8xH100").stages


def test_every_layer_in_flight_reads_a_copy_of_its_input_and_a_mask() -> None:
    """8 layers a stage; 4 micro-batches in flight on the first, 1 on the last; gradients of results once."""
    found = stages(PIPED, "attn")
    assert found[0].buffers.graphs == 4 * 8 * (STREAM + MASK) + STREAM
    assert found[-1].buffers.graphs == 8 * (STREAM + MASK) + STREAM
    assert stages(PIPED, "mlp")[-1].buffers.graphs == 8 * STREAM + STREAM


def test_without_a_pipeline_one_micro_batch_has_graphs() -> None:
    plan = wb.Plan.under(gpus=1, global_batch=4)
    assert (
        stages(plan, "attn", model="llama-3.2-1b")[0].buffers.graphs == 16 * (2 * 4096 * 2048 + MASK) + 2 * 4096 * 2048
    )


def test_they_stand_between_steps_and_are_reserved_but_not_in_the_peak() -> None:
    """Before graphs are captured there are no copies, and later what graphs keep is not counted as allocated."""
    plain, found = stages(PIPED)[0], stages(PIPED, "attn")[0]
    assert found.static_allocated - plain.static_allocated == found.buffers.graphs
    assert found.peak_allocated == plain.peak_allocated
    apart = found.buffers.graphs + graphs.pool(found)
    assert graphs.pool(found) > 100 * MIB
    assert found.peak_reserved - plain.peak_reserved == pytest.approx(apart, abs=2 * MIB)


def test_other_graphs_copy_nothing() -> None:
    assert stages(PIPED, "attn", copies=False)[0].buffers.graphs == 0
    assert stages(PIPED)[0].buffers.graphs == 0


def test_layers_that_have_nothing_captured_have_no_copies() -> None:
    assert stages(PIPED, "moe_router")[0].buffers.graphs == 0
    assert stages(PIPED, "mamba")[0].buffers.graphs == 0
    assert stages(MOE, "mlp", model="mixtral-8x7b")[0].buffers.graphs == 0


def test_results_of_a_layer_whose_experts_run_without_graphs() -> None:
    """The stream, two copies of each token for its experts, and weights of 8 experts in 16 bits."""
    inputs = 32 * STREAM
    router = stages(MOE, "moe_router", model="mixtral-8x7b")[0].buffers.graphs
    assert router == inputs + 2 * STREAM + 2 * 4096 * 8
    both = stages(MOE, "moe_router", "moe_preprocess", model="mixtral-8x7b")[0].buffers.graphs
    assert both == inputs + 3 * STREAM + 2 * 4096 * 8
    assert stages(MOE, "moe", model="mixtral-8x7b")[0].buffers.graphs == inputs + STREAM
