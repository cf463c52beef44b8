"""xIELU: two learned factors, no multiplies, and what it keeps by kernel."""

from __future__ import annotations

import pytest

from weighbridge.kernels import Kernels, Pointwise
from weighbridge.nn import XIELUMLP
from weighbridge.tape import Axis, Pass, Tape

HIDDEN, INNER, TOKENS = 8, 20, 5


def run(pointwise: Pointwise) -> Tape:
    tape = Tape(Pass(sequence=TOKENS, kernels=Kernels(pointwise=pointwise)))
    XIELUMLP(HIDDEN, INNER)(tape.tensor("x", Axis("batch", 1), Axis("sequence", TOKENS), Axis("hidden", HIDDEN)))
    return tape


def test_weights_are_those_of_two_projections_and_two_factors() -> None:
    node = XIELUMLP(HIDDEN, INNER).node()
    assert sum(weight.count for part in node.walk() for weight in part.weights.values()) == 2 * HIDDEN * INNER + 2


@pytest.mark.parametrize(("pointwise", "kept"), [(Pointwise.FUSED, (2, 0)), (Pointwise.EAGER, (4 * 2 + 1, 2 * 2))])
def test_it_multiplies_nothing_and_keeps_its_input_or_every_step(pointwise: Pointwise, kept: tuple[int, int]) -> None:
    operations = run(pointwise).operations
    assert sum(operation.work.forward for operation in operations) == 2 * 2 * TOKENS * HIDDEN * INNER
    (xielu,) = (operation for operation in operations if operation.name == "xielu")
    assert sum(tensor.bytes for tensor in xielu.keeps) == kept[0] * TOKENS * INNER + kept[1]
