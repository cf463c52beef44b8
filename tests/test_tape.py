"""Passes count pairs in closed form; the tape records under the modules that run."""

from __future__ import annotations

import gc
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.tape import Axis, Joined, Pass, Phase, Tape, Weight, Work

SMALL = st.integers(1, 40)


@given(SMALL, st.integers(0, 40), st.none() | SMALL)
def test_visible_pairs_are_those_of_a_loop(n: int, past: int, window: int | None) -> None:
    seen = [past + i if window is None else min(past + i, window) for i in range(1, n + 1)]
    assert Pass(sequence=n, past=past).pairs(window) == sum(seen)
    assert Pass(sequence=n, past=past, phase=Phase.DECODE).dense_pairs(window) == sum(seen)


@given(SMALL, st.integers(0, 40), SMALL)
def test_dense_pairs_multiply_with_the_whole_cache(n: int, past: int, window: int) -> None:
    assert Pass(sequence=n, past=past).dense_pairs() == n * (past + n)
    assert Pass(sequence=n, past=past).dense_pairs(window) == n * (min(past, window - 1) + n)


def test_without_a_mask_every_pair_counts() -> None:
    assert Pass(sequence=8, causal=False).pairs() == 64


def test_joined_axes_add_up() -> None:
    heads = Axis("heads", 4, 16)
    both = Joined((heads, Axis("kv_heads", 2, 16)))
    assert (heads.size, both.size, both.name) == (64, 96, "heads+kv_heads")
    assert Weight((both, Axis("hidden", 10))).count == 960


def test_operations_stand_under_their_modules() -> None:
    tape = Tape(Pass(batch=2, sequence=3))
    x = tape.tensor("x", Axis("batch", 2), Axis("sequence", 3), Axis("hidden", 5))
    with tape.inside("outer"), tape.inside("inner"):
        tape.record("matmul", (x,), (x,), (x,), Work(7, 14), {"torch": Work(8, 16)})
    operation = tape.operations[0]
    assert operation.scope == ("outer", "inner")
    assert (operation.flops("exact").forward, operation.flops("torch").backward) == (7, 16)
    assert (x.count, x.rows, x.bytes) == (30, 6, 60)


def test_a_failing_module_leaves_the_scope_as_it_was() -> None:
    tape = Tape(Pass())
    with pytest.raises(ZeroDivisionError), tape.inside("module"):
        raise ZeroDivisionError
    tape.record("after", (), ())
    assert tape.operations[0].scope == ()


def test_what_is_left_of_a_pass_goes_at_once() -> None:
    gc.disable()
    try:
        tape = Tape(Pass())
        x = tape.tensor("x", Axis("sequence", 8))
        tape.record("norm", (x,), (x,), (x,))
        assert x.tape is tape
        gone = ref(tape)
        del tape
        assert gone() is None
        with pytest.raises(ReferenceError, match="x"):
            _ = x.tape
    finally:
        gc.enable()
