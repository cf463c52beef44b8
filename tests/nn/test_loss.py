"""Losses that run for some of the positions at a time."""

from __future__ import annotations

import pytest

from weighbridge.kernels import Kernels, Loss
from weighbridge.nn.loss import CHUNKS, cross_entropy
from weighbridge.tape import Axis, Pass, Tape, Use

ROWS, VOCABULARY = 2 * 16, 100


def kept(loss: Loss) -> tuple[int, int]:
    """Bytes that are kept, and that stand beside them backward."""
    tape = Tape(Pass(batch=2, sequence=16, kernels=Kernels(loss=loss)))
    axes = (Axis("batch", 2), Axis("sequence", 16), Axis("vocabulary", VOCABULARY))
    cross_entropy(tape.tensor("logits", *axes, use=Use.LOGITS))
    found = {id(tensor): tensor for operation in tape.operations for tensor in operation.keeps}
    beside = [tensor for operation in tape.operations for tensor in operation.scratch_backward]
    return sum(t.bytes for t in found.values() if t.count >= ROWS * VOCABULARY), sum(t.bytes for t in beside)


@pytest.mark.parametrize(
    ("loss", "bytes", "beside"),
    [
        (Loss.EAGER, 4, 0.0),
        (Loss.NARROW, 2, 0.0),
        (Loss.PARTS, 2 + 2, 2 * 2 / CHUNKS),
        (Loss.WIDE_PARTS, 4, 2 * 4 / CHUNKS),
        (Loss.COMPILED_PARTS, 2, 0.0),
    ],
)
def test_what_is_kept_of_a_logit(loss: Loss, bytes: int, beside: float) -> None:
    assert kept(loss) == (bytes * ROWS * VOCABULARY, beside * ROWS * VOCABULARY)
