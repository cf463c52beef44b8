"""Between the halves of a split backward pass stands what gradients of weights are made of, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import weighbridge as wb
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.training import Training
from weighbridge.parallel.orders import Action
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.parallel.schedule import Schedule
from weighbridge.replay import Direction, Replay

PIPED = wb.Plan.under(gpus=8, pipeline=8, global_batch=16, schedule=Schedule.ZB_H1)
TITAN = wb.Plan.under("torchtitan-compiled", gpus=8, pipeline=8, global_batch=16, schedule=Schedule.ZB_H1)


def trained(plan: wb.Plan) -> Training:
    return wb.train("llama-3.1-8b", plan, "8xH100")


def layer(training: Training) -> Replay:
    return training.weigh(training.parts.kinds[0]).replay


def test_a_layer_leaves_inputs_of_multiplies_and_gradients_of_their_results() -> None:
    training = trained(PIPED)
    tokens, hidden, ffn, kv = 4096, 4096, 14336, 1024
    inputs = 2 * tokens * (hidden + hidden + hidden + ffn)  # of q, k and v; of the output; of gate and up; of down
    gradients = 2 * tokens * ((hidden + 2 * kv) + hidden + 2 * ffn + hidden)
    assert training.weigh(training.parts.kinds[0]).pending == inputs + gradients
    names = sorted(tensor.name for tensor, _ in layer(training).pending if not tensor.name.startswith("gradient"))
    assert names == ["attended", "gated silu", "norm", "norm"]


def test_probabilities_of_one_micro_batch_stand_and_gradients_of_logits_of_the_others() -> None:
    """zero-bubble-pipeline-parallelism, megatron/core/zbpp_utils.py, WeightGradStore: the graph is gone by then."""
    stage = trained(PIPED).stages[-1]
    found = {entry.tensor.name: entry.count for entry in stage.ledger.entries if entry.line is Line.LOGITS}
    assert found["probabilities"] == 1
    assert found["gradient of projection"] == 7
    assert stage.ledger.total == stage.peak_allocated
    assert sum(stage.peak.turn.pending_weight) == 7
    assert stage.peak.turn.action is Action.FORWARD  # of the eighth, with fp32 logits


def test_what_waits_is_not_freed_while_its_layer_runs_backward() -> None:
    found = layer(trained(PIPED))
    whole, half = found.passes[Direction.BACKWARD], found.passes[Direction.INPUT]
    assert [moment.operation for moment in whole] == [moment.operation for moment in half]
    left = {id(tensor) for tensor, _ in found.pending}
    assert any(id(tensor) in left for moment in whole for tensor, _ in moment.freed)
    assert not any(id(tensor) in left for moment in half for tensor, _ in moment.freed)


def test_recomputed_layers_hold_more_than_their_inputs_until_the_weight_half() -> None:
    again = replace(PIPED, recompute=Recompute(Method.UNIFORM))
    kept = trained(again).weigh(trained(again).parts.kinds[0], 1)
    assert kept.pending == trained(PIPED).weigh(trained(PIPED).parts.kinds[0]).pending > 10 * kept.kept
    split, joined = trained(again).stages[-1], trained(replace(again, schedule=Schedule.ONE_F_ONE_B)).stages[-1]
    assert split.peak_allocated > joined.peak_allocated + 6 * kept.pending


def test_pytorch_keeps_the_graph_below_the_last_weight() -> None:
    """torch/distributed/pipelining/_backward.py: nodes refer to those before them; what is above is detached."""
    training = trained(TITAN)
    found = layer(training)
    pending = {id(tensor) for tensor, _ in found.pending}
    assert {id(tensor) for tensor, _ in found.kept} <= pending
    gradients = [tensor for tensor, _ in found.pending if tensor.name.startswith("gradient")]
    assert len(gradients) == 9  # of seven multiplies and two norms
    head = training.weigh(training.parts.after[-1]).replay
    assert not any(tensor.name == "log-sum-exp" for tensor, _ in head.pending)
    assert any(tensor.name == "log-sum-exp" for tensor, _ in head.kept)
