"""Replay of a tape's pieces: by hand on small ones, with and without recomputation."""

from __future__ import annotations

import pytest

from weighbridge.kernels import Kernels
from weighbridge.nn import (
    DecoderLayer,
    Embedding,
    GatedMLP,
    GroupedQueryAttention,
    Linear,
    Module,
    Repeat,
    ops,
)
from weighbridge.pieces import Piece, pieces
from weighbridge.replay import Again, Direction, Replay, replay
from weighbridge.tape import Axis, Pass, Tape, Tensor
from weighbridge.units import FP32

WORK = Pass(batch=2, sequence=8)


def size(tensor: Tensor) -> int:
    return tensor.bytes


def live(found: Replay, direction: Direction) -> list[int]:
    return found.live(direction, size)


def two_projections() -> tuple[Tape, Tensor]:
    tape = Tape(Pass(dtype="fp32"))
    narrow, wide = Axis("a", 10), Axis("b", 100)
    x = tape.tensor("x", Axis("batch", 1), narrow)
    Linear(wide, narrow)(Linear(narrow, wide)(x))
    return tape, x


def whole(tape: Tape, x: Tensor) -> Piece:
    return Piece(tape, 0, len(tape.operations), carried=x)


def test_two_projections_by_hand() -> None:
    tape, x = two_projections()
    found = replay(whole(tape, x))
    assert [(tensor.count, times) for tensor, times in found.kept] == [(10, 1), (100, 1)]
    assert found.kept_bytes(size) == 4 * (10 + 100)
    # forward: x and the wide result; both and the narrow one
    assert live(found, Direction.FORWARD) == [440, 480]
    # backward: both kept and the gradients of the second projection's two ends; then x, the wide gradient and x's
    assert live(found, Direction.BACKWARD) == [440 + 440, 40 + 440]
    assert found.peak(Direction.BACKWARD, size) == 880
    assert {tensor.name for tensor, _ in found.standing(Direction.BACKWARD, 1)} == {
        "x",
        "gradient of projection",
        "gradient of x",
    }


def test_a_recomputed_piece_keeps_its_input_only() -> None:
    tape, x = two_projections()
    found = replay(whole(tape, x), [Again(0, 2)])
    assert [tensor for tensor, _ in found.kept] == [x]
    # again, under the gradient of the result: x and the wide one, then the narrow one; after that as without
    assert live(found, Direction.BACKWARD) == [40 + 40 + 400, 40 + 40 + 400 + 40, 880, 480]


def test_a_segment_that_discards_its_result_is_run_again_before_what_keeps_it() -> None:
    tape, x = two_projections()
    found = replay(whole(tape, x), [Again(0, 1, discards=True)])
    assert [tensor for tensor, _ in found.kept] == [x]
    kept = replay(whole(tape, x), [Again(0, 1)])
    assert [tensor.count for tensor, _ in kept.kept] == [10, 100]
    assert [moment.direction for moment in found.backward] == [
        Direction.AGAIN,
        Direction.BACKWARD,
        Direction.BACKWARD,
    ]


def test_weight_gradients_stand_while_they_are_added() -> None:
    tape, x = two_projections()
    without, with_them = (replay(whole(tape, x), weight_gradients=flag) for flag in (False, True))
    grown = [b - a for a, b in zip(live(without, Direction.BACKWARD), live(with_them, Direction.BACKWARD), strict=True)]
    assert grown == [4 * 1000, 4 * 1000]


def test_one_input_of_several_projections_is_kept_once() -> None:
    tape = Tape(WORK)
    x = tape.tensor("x", Axis("batch", 2), Axis("sequence", 8), Axis("hidden", 16))
    GatedMLP(16, 32)(x)
    inputs = [tensor for tensor, _ in replay(whole(tape, x)).kept if tensor is x]
    assert len(inputs) == 1


def test_a_view_keeps_the_tensor_that_it_looks_into() -> None:
    tape = Tape(WORK)
    x = tape.tensor("x", Axis("batch", 2), Axis("sequence", 8), Axis("hidden", 16))
    GroupedQueryAttention(16, 2, 1, 8, fused=True, rotary=False)(x)
    attention = next(operation for operation in tape.operations if operation.name == "attention")
    assert len({id(tensor.storage) for tensor in attention.reads}) == 1  # type: ignore[union-attr]


def test_a_sum_shares_its_gradient() -> None:
    tape = Tape(Pass(dtype="fp32"))
    a, b = (tape.tensor(name, Axis("batch", 1), Axis("hidden", 10)) for name in "ab")
    first = ops.elementwise("a", a)
    second = ops.elementwise("b", b)
    ops.add(first, second)
    found = replay(Piece(tape, 0, 3))
    # one gradient of 40 bytes serves the sum and both terms
    assert live(found, Direction.BACKWARD)[0] == 40


class Runs(Module):
    """A module that repeats another between two of its own operations."""

    count: int

    def build(self) -> None:
        self.embedding = Embedding(50, 16)
        self.layers = Repeat(DecoderLayer(16, GroupedQueryAttention(16, 2, 1, 8), GatedMLP(16, 24)), self.count)
        self.out = Linear(Axis("hidden", 16), Axis("out", 4))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.out(self.layers(self.embedding(tokens)))


def recorded(module: Module) -> Tape:
    tape = Tape(WORK)
    module(tape.tensor("tokens", Axis("batch", 2), Axis("sequence", 8)))
    return tape


def test_a_tape_falls_into_what_repeats_and_what_stands_between() -> None:
    found = pieces(recorded(Runs(5)))
    assert [(piece.count, piece.module is None) for piece in found] == [(1, True), (5, False), (1, True)]
    assert [piece.end for piece in found[:-1]] == [piece.start for piece in found[1:]]


def test_each_run_of_a_piece_keeps_its_own_input_and_shares_tables() -> None:
    piece = pieces(recorded(Runs(5)))[1]
    found = replay(piece)
    assert piece.carried in [tensor for tensor, _ in found.kept]
    assert [tensor.name for tensor in found.shared] == ["angles"]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_runs_within_a_piece_keep_as_often_as_they_run(count: int) -> None:
    layer = DecoderLayer(16, None, GatedMLP(16, 24))
    nested, single = Repeat(Repeat(layer, count, name="inner"), 3), Repeat(layer, 3)
    found = []
    for module in (nested, single):
        tape = Tape(WORK)
        module(tape.tensor("x", Axis("batch", 2), Axis("sequence", 8), Axis("hidden", 16)))
        found.append(replay(pieces(tape)[0]))
    assert found[0].kept_bytes(size) == count * found[1].kept_bytes(size)
    extra = (count - 1) * found[1].kept_bytes(size)
    for direction in (Direction.FORWARD, Direction.BACKWARD):
        assert found[0].peak(direction, size) == extra + found[1].peak(direction, size)


def test_copies_of_weights_stand_until_the_forward_pass_ends_also_where_layers_run_again() -> None:
    tape = Tape(Pass(dtype="bf16", kernels=Kernels(autocast=True)))
    narrow, wide = Axis("a", 10), Axis("b", 100)
    x = tape.tensor("x", Axis("batch", 1), narrow, dtype=FP32)
    Linear(wide, narrow)(Linear(narrow, wide)(x))
    kept, again = replay(whole(tape, x)), replay(whole(tape, x), [Again(0, len(tape.operations))])
    assert kept.cached == ()
    assert [(tensor.count, times) for tensor, times in again.cached] == [(1000, 1), (1000, 1)]
    left = sum(times * size(t) for m in again.forward for t, times in m.added) - sum(
        times * size(t) for m in again.forward for t, times in m.freed
    )
    assert left == again.kept_bytes(size) + 2 * 2 * 1000


def test_runs_within_a_run_hold_what_is_recomputed_once() -> None:
    """Prediction layers made of a pattern: what one of them drops and makes again, the others do not keep."""
    axis = Axis("a", 10)

    class Dropping(Module):
        def build(self) -> None:
            self.first, self.second = Linear(axis, axis), Linear(axis, axis)

        def forward(self, x: Tensor) -> Tensor:
            with x.tape.segment("act"):
                active = ops.activation("silu", self.first(x))
            return self.second(active)

    tape = Tape(Pass(dtype="fp32"))
    x = tape.tensor("x", Axis("batch", 1), axis)
    Repeat(Dropping(), 3)(x)
    part = tape.segments[0]
    found = replay(whole(tape, x), [Again(part.start, part.end, discards=True)])
    assert [(tensor.name, times) for tensor, times in found.kept] == [("x", 3)]
    assert live(found, Direction.FORWARD)[0] == 40 * (3 + 1)  # inputs of all three, and the first's projection
    standing = {tensor.name: times for tensor, times in found.standing(Direction.BACKWARD, 0)}
    assert standing["x"] == 3
    # at the end, of the run that goes backward first: its input with its gradient, and that of the first projection
    assert live(found, Direction.BACKWARD)[-1] == 40 * (3 + 2)
