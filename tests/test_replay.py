"""Replay of a tape: by hand on a small one, and equal layers folded against the same layers written out."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.estimate.compute import record
from weighbridge.nn import (
    CausalLM,
    DecoderLayer,
    Embedding,
    GatedMLP,
    GroupedQueryAttention,
    Head,
    Linear,
    Mamba2,
    MixtureOfExperts,
    Repeat,
    RMSNorm,
)
from weighbridge.replay import kept, replay
from weighbridge.tape import Axis, Pass, Tape

WORK = Pass(batch=2, sequence=8)


def test_two_projections_by_hand() -> None:
    tape = Tape(Pass(dtype="fp32"))
    narrow, wide = Axis("a", 10), Axis("b", 100)
    x = tape.tensor("x", Axis("batch", 1), narrow)
    Linear(wide, narrow)(Linear(narrow, wide)(x))
    found = replay(tape)
    assert [(tensor.count, times) for tensor, times in kept(tape)] == [(10, 1), (100, 1)]
    assert found.kept == 4 * (10 + 100)
    # forward: x and the wide result; both and the narrow one. backward: both kept and the gradients of the second
    # projection's two ends; then x, the wide one's gradient and x's.
    assert [moment.live for moment in found.moments] == [440, 480, 440 + 440, 40 + 440]
    assert found.peak == 880
    assert (found.peak_at.backward, found.peak_at.operation) == (True, tape.operations[1])


def test_one_input_of_several_projections_is_kept_once() -> None:
    tape = Tape(WORK)
    x = tape.tensor("x", Axis("batch", 2), Axis("sequence", 8), Axis("hidden", 16))
    GatedMLP(16, 32)(x)
    inputs = [tensor for tensor, _ in kept(tape) if tensor is x]
    assert len(inputs) == 1


def test_a_view_keeps_the_tensor_that_it_looks_into() -> None:
    tape = Tape(WORK)
    x = tape.tensor("x", Axis("batch", 2), Axis("sequence", 8), Axis("hidden", 16))
    GroupedQueryAttention(16, 2, 1, 8, fused=True)(x)
    attention = next(operation for operation in tape.operations if operation.name == "attention")
    assert len({id(tensor.storage) for tensor in attention.reads}) == 1  # type: ignore[union-attr]


MIXERS: dict[str, Any] = {
    "attention": lambda: DecoderLayer(16, GroupedQueryAttention(16, 2, 1, 8), GatedMLP(16, 24)),
    "moe": lambda: DecoderLayer(16, GroupedQueryAttention(16, 2, 2, 8), MixtureOfExperts(16, 8, 4, 2)),
    "mamba": lambda: DecoderLayer(16, Mamba2(16, 4, 8, 4, 2, 4)),
}


def network(layers: tuple[Repeat, ...]) -> CausalLM:
    return CausalLM(Embedding(50, 16), layers, RMSNorm(16), Head(16, 50))


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_folded_layers_replay_as_layers_written_out(mixer: str, count: int) -> None:
    make = MIXERS[mixer]
    folded = replay(record(network((Repeat(make(), count),)), WORK))
    written = replay(record(network(tuple(Repeat(make(), 1, name=f"layer_{i}") for i in range(count))), WORK))
    assert folded.kept == written.kept
    assert folded.peak == written.peak
    assert folded.peak_at.operation.name == written.peak_at.operation.name


def test_what_is_kept_grows_by_the_same_bytes_per_layer() -> None:
    sizes = [replay(record(network((Repeat(MIXERS["attention"](), n),)), WORK)).kept for n in (1, 2, 3)]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] > 0


def test_a_flash_kernel_keeps_less_than_matrix_multiplies_for_long_sequences() -> None:
    model = network((Repeat(MIXERS["attention"](), 2),))
    eager, flash = (replay(record(model, Pass(sequence=512, flash=kernel))).kept for kernel in (False, True))
    assert flash < eager
