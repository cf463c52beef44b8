"""How large a checkpoint is: the weights as they stand and every state of the optimizer, each once, however many ranks
share or copy them.
"""

from __future__ import annotations

from dataclasses import replace

from weighbridge.arithmetic import Count, ceil_div, total
from weighbridge.estimate.memory.states import States, weights_of
from weighbridge.estimate.training import Training
from weighbridge.parallel.optimizer import State
from weighbridge.parallel.zero import Engine, Zero
from weighbridge.traced import plain
from weighbridge.units import FP32


def checkpoint_bytes(training: Training) -> int:
    """Bytes of a checkpoint from which training goes on: weights, the optimizer's own copy of them, its states, and
    what modules store without training it. Left out: random states, the data loader's place, indices (kilobytes).
    """
    plan = training.plan
    alone = replace(
        plan, gpus=1, tensor=1, pipeline=1, virtual=1, context=1, expert=1, expert_tensor=None, layout=None,
        sequence_parallel=False, zero=Zero(0, Engine.DDP), global_batch=None, schedule=None, group=None,
    )  # fmt: skip
    held = tuple(weights_of(training.tree, alone, training.tree.times))
    states = States(alone, held)
    precision = plan.precision
    dtypes = [precision.weights, *([precision.main] if precision.main else [])]
    weights = total(n * dtype.bytes(elements) for dtype in dtypes for elements, n in states.tensors(1))
    chosen = plan.optimizer
    matrices = None if chosen.others is None else True
    found = [(state, matrices) for state in chosen.states] + [(state, False) for state in chosen.others or ()]
    return int(plain(weights + states.buffers + total(_state(states, state, matrix) for state, matrix in found)))


def _state(states: States, state: State, matrix: bool | None) -> Count:
    """Bytes of one state of the optimizer, with scales where it is stored in blocks."""
    tensors = states.tensors(1, state.extent, matrix)
    dtype = state.dtype or states.plan.precision.updated
    scales = total(n * ceil_div(elements, state.block) for elements, n in tensors) if state.block else 0
    return total(n * dtype.bytes(elements) for elements, n in tensors) + FP32.bytes(scales)
