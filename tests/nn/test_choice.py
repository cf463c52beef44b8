"""Routers as transformers writes them, counted by hand: bytes that stay of 10 tokens, 6 experts and 2 chosen."""

from __future__ import annotations

import pytest

from weighbridge.kernels import Experts, Kernels
from weighbridge.nn import MixtureOfExperts
from weighbridge.nn.choice import Choice
from weighbridge.tape import Axis, Pass, Tape

TOKENS, EXPERTS, CHOSEN, HIDDEN = 10, 6, 2, 64
ROWS, FP32, BF16, INT64 = TOKENS * CHOSEN, 4, 2, 8
ENDS = EXPERTS * FP32


def kept(choice: Choice) -> int:
    """Bytes that the router and the choice keep, the router's input in the model's type left out."""
    tape = Tape(Pass(sequence=TOKENS, kernels=Kernels(experts=Experts.GROUPED, written_out=True)))
    x = tape.tensor("x", Axis("batch", 1), Axis("sequence", TOKENS), Axis("hidden", HIDDEN))
    moe = MixtureOfExperts(HIDDEN, 32, EXPERTS, CHOSEN, scoring=choice)
    moe.weights_of(moe.router(x))
    return sum(int(t.bytes) for t in {t for o in tape.operations for t in o.keeps if t is not x})


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        # scores of all, places of the chosen; a copy of their values and the sums
        (Choice(), TOKENS * EXPERTS * FP32 + ROWS * INT64 + ENDS + ROWS * FP32 + TOKENS * FP32),
        (Choice(narrow=True, normalised=False), TOKENS * EXPERTS * FP32 + ROWS * INT64 + ENDS),
        (Choice("softmax of chosen"), ROWS * BF16 + ROWS * INT64 + ENDS),
        # the input and the weight in fp32 besides
        (
            Choice("sigmoid", in_fp32=True, normalised=False),
            (TOKENS + EXPERTS) * HIDDEN * FP32 + TOKENS * EXPERTS * FP32 + ROWS * INT64 + ENDS,
        ),
        # flags of experts in the chosen groups besides
        (Choice(normalised=False, limited=True), TOKENS * EXPERTS * (FP32 + 1) + ROWS * INT64 + ENDS),
        # for each of two a mask, probabilities, a place and a weight
        (Choice("sparse mixer"), 2 * TOKENS * (EXPERTS * (1 + BF16) + INT64 + BF16) + ENDS),
    ],
)
def test_what_routers_keep(choice: Choice, expected: int) -> None:
    assert kept(choice) == expected
