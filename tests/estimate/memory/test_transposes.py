"""Whether 8-bit weights are kept by columns too, by the device that multiplies them."""

from __future__ import annotations

from dataclasses import replace

import pytest

import weighbridge as wb
from weighbridge.estimate.memory.stage import Stage
from weighbridge.parallel.precision import Precision, Recipe

MATRICES = 32 * (4096 * (4096 + 2 * 1024) + 4096 * 4096 + 3 * 4096 * 14336)
"""Elements of the matrices of llama-3.1-8b's layers."""
OTHERS = 2 * 128_256 * 4096 + (2 * 32 + 1) * 4096


def stage(device: str, recipe: Recipe, stored: bool = False) -> Stage:
    plan = replace(wb.Plan.under(gpus=8), precision=Precision(recipe=recipe, parameters_in_fp8=stored))
    return wb.train("llama-3.1-8b", plan, f"8x{device}").stages[0]


@pytest.mark.parametrize("recipe", [Recipe.DELAYED, Recipe.TENSORWISE])
@pytest.mark.parametrize(("device", "layouts"), [("H100", 2), ("B200", 1), ("GB300", 1), ("L40S", 2)])
def test_scaled_as_a_whole(recipe: Recipe, device: str, layouts: int) -> None:
    """nvte_is_non_tn_fp8_gemm_supported: compute capability 10 and 11, or 13 and later."""
    assert stage(device, recipe).buffers.low_weights == layouts * MATRICES


def test_blocks_are_scaled_by_rows_and_by_columns() -> None:
    assert stage("B200", Recipe.MXFP8).buffers.low_weights > 2 * MATRICES


def test_stored_in_8_bits() -> None:
    assert stage("H100", Recipe.TENSORWISE, stored=True).states.weights == 2 * (MATRICES + OTHERS)
    assert stage("B200", Recipe.TENSORWISE, stored=True).states.weights == MATRICES + 2 * OTHERS
    assert stage("B200", Recipe.TENSORWISE, stored=True).buffers.low_weights == 0


def test_without_a_device_both_stay() -> None:
    plan = replace(wb.Plan.under(gpus=8), precision=Precision(recipe=Recipe.DELAYED))
    assert wb.train("llama-3.1-8b", plan).stages[0].buffers.low_weights == 2 * MATRICES


@pytest.mark.parametrize(("device", "copies"), [("H100", 2), ("B200", 1)])
def test_inputs_and_gradients_are_made_by_columns_too_while_they_are_multiplied(device: str, copies: int) -> None:
    """4,096 positions, 14,336 columns of the gate: an input of 4,096 is kept in one layout."""
    training = stage(device, Recipe.DELAYED).training
    gate = next(o for o in training.tape.operations if o.name == "matmul" and o.makes[0].axes[-1].name == "ffn")
    assert [training.size(tensor) for tensor in gate.keeps] == [4096 * 4096]
    assert sum(training.size(tensor) for tensor in gate.scratch) == (copies - 1) * 4096 * 4096
    assert sum(training.size(tensor) for tensor in gate.scratch_backward) == copies * 4096 * 14336
