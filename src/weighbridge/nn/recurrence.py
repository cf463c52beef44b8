"""A state that every token updates and reads: what linear attention and state-space layers have in common."""

from __future__ import annotations

from collections.abc import Mapping

from weighbridge.arithmetic import Count, product
from weighbridge.nn import ops
from weighbridge.tape import Axis, Dimension, Tensor, Weight, Work
from weighbridge.units import FP32, DataType


def recurrence(
    name: str,
    inputs: tuple[Tensor, ...],
    weights: tuple[Weight, ...],
    out: Axis,
    state: tuple[Dimension, ...],
    multiplies: int,
    counted: Mapping[str, Work],
    dtype: DataType | None = FP32,
    steps: tuple[Tensor, ...] | None = None,
) -> Tensor:
    """Update the state token by token and read it.

    The work is that of the recurrence, which every implementation must do; conventions that count the matrix multiplies
    of a chunked form say so themselves.

    Args:
        name: what it is called.
        inputs: what it reads and keeps, first that whose positions it goes along.
        weights: what it reads of the module.
        out: the last axis of its result.
        state: the dimensions of one sequence's state.
        multiplies: multiply-adds per element of the state and token: 2 to write and to read; the delta rule reads what
            it is about to overwrite too.
        counted: its work by conventions of others.
        dtype: data type of the state; that of activations if ``None``.
        steps: what it makes and keeps where no kernel does all of it at once; its inputs if ``None``.
    """
    first = inputs[0]
    tape, run = first.tape, first.tape.run
    made = tape.tensor(f"result of {name}", *first.axes[:-1], out)
    tape.store(tape.tensor("state", first.axes[0], *state, dtype=dtype))
    elements: Count = product(axis.size for axis in state)
    work = ops.twice(2 * run.batch * run.sequence * multiplies * elements)
    kept = inputs if steps is None else steps
    tape.record(name, (*inputs, *weights), (made, *(steps or ())), kept, work, counted)
    return made
