"""Layers whose kept tensors stand in the host's memory (Transformer Engine, pytorch/cpu_offload.py)."""

from __future__ import annotations

from dataclasses import replace

import pytest

import weighbridge as wb
from weighbridge.errors import InputError
from weighbridge.estimate.memory.ledger import Line
from weighbridge.parallel.plan import Offload
from weighbridge.parallel.recompute import Method, Recompute

BASE = wb.Plan.under(gpus=8, sequence=8192)


def trained(layers: int, model: str = "llama-3.1-8b") -> wb.Training:
    return wb.train(model, replace(BASE, offload=Offload(layers=layers)), "8xH100")


def test_at_the_loss_those_of_the_other_layers_stand() -> None:
    """DefaultOffloadSynchronizer: the peak of activations is that of (num_layers - num_offloaded_layers) layers."""
    kept = trained(0).weigh(trained(0).parts.kinds[0]).kept
    whole, fewer = (trained(layers).stages[0] for layers in (0, 12))
    assert whole.ledger.lines[Line.ACTIVATIONS] - fewer.ledger.lines[Line.ACTIVATIONS] == 12 * kept
    assert fewer.ledger.total == fewer.peak_allocated == whole.peak_allocated - 12 * kept
    assert fewer.static_allocated == whole.static_allocated


def test_one_layer_and_the_next_are_back_where_all_but_one_are_away() -> None:
    kept = trained(0).weigh(trained(0).parts.kinds[0]).kept
    assert trained(31).stages[0].ledger.lines[Line.ACTIVATIONS] < 3.2 * kept


def test_layers_of_several_kinds_go_in_the_models_order() -> None:
    training = trained(5, "deepseek-v2-lite")
    runs = training.stages[0].runs[0]
    away = [(run.weighed.piece.start, run.count) for run in runs if run.weighed.replay.away]
    assert [count for _, count in away] == [1, 4]  # one dense layer, then layers with experts
    assert sum(run.count for run in runs if run.weighed.piece in training.parts.kinds) == 27


def test_what_does_not_go_together_is_said() -> None:
    wrong = replace(BASE, pipeline=2, recompute=Recompute(Method.UNIFORM), offload=Offload(layers=32))
    with pytest.raises(InputError) as caught:
        wb.train("llama-3.1-8b", wrong)
    for words in (
        "offload_layers: cannot be used with a pipeline of 2 stages; allowed with 1",
        "offload_layers: cannot be used along with recomputation",
        "offload_layers: 32 of 32 layers; allowed: 0 to 31",
    ):
        assert words in str(caught.value)
