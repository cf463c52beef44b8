"""Bytes that the allocator counts, against its own rules replayed; buffers of a rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weighbridge as wb
from weighbridge.estimate.memory.allocator import block, renewed
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.parallel.zero import Engine, Zero
from weighbridge.traced import symbol

MIB = 2**20


def counted(bytes: int) -> int:
    """A fresh segment as c10/cuda/CUDACachingAllocator.cpp makes and splits it, for requests of 10 MiB and more."""
    if bytes < 10 * MIB:
        return bytes
    segment = -(-bytes // (2 * MIB)) * 2 * MIB
    return bytes if segment - bytes > MIB else segment


SIZES = st.one_of(
    st.integers(0, 64 * MIB),
    st.builds(lambda n, off: max(0, n * MIB + off), st.integers(8, 40), st.integers(-3, 3)),
)


@given(SIZES)
def test_a_block_is_what_the_allocator_counts(size: int) -> None:
    assert block(size) == counted(size)
    assert block(size, grows=True) == size


@given(SIZES)
def test_traced_blocks_and_arrays_have_the_values_of_plain_ones(size: int) -> None:
    assert getattr(block(symbol("bytes", size)), "value", None) == counted(size)
    assert block(np.array([float(size)]))[0] == counted(size)  # type: ignore[arg-type, index]


def held(stage: int, engine: Engine = Engine.MEGATRON, layers: int = 12, grows: bool = False) -> wb.Training:
    model = wb.load("gpt2", {"n_layer": layers})
    plan = wb.Plan.under(gpus=8, sequence=1024, zero=Zero(stage, engine), expandable_segments=grows)
    return wb.train(model, plan, "8xA100")


def tensors(training: wb.Training, from_stage: int) -> list[int]:
    found = training.stages[0].states.tensors(from_stage)
    return sorted(int(elements) for elements, count in found for _ in range(int(count)))


def test_every_weight_is_a_tensor_unless_buffers_join_them() -> None:
    plain, spread, flat = held(0), held(1), held(3, Engine.FSDP2)
    every = tensors(plain, 3)
    assert len(every) > 100
    assert tensors(plain, 1) == every
    assert tensors(plain, 2) == tensors(spread, 2) == tensors(spread, 3) == [sum(every)]
    assert tensors(spread, 1) == [-(-sum(every) // 8)]
    assert len(tensors(flat, 3)) == len(every)


def test_segments_that_grow_waste_nothing() -> None:
    loose, tight = held(0).stages[0].states, held(0, grows=True).stages[0].states
    assert tight.weights == 2 * tight.parameters
    assert tight.weights < loose.weights < tight.weights + MIB * len(tight.held) * 12


@pytest.mark.parametrize("stage", [0, 1])
def test_no_more_kinds_of_tensors_for_more_layers(stage: int) -> None:
    few, many = (held(stage, layers=n).stages[0].states for n in (12, 48))
    assert [len(few.tensors(n)) for n in (1, 2, 3)] == [len(many.tensors(n)) for n in (1, 2, 3)]


def test_deepspeed_keeps_the_gradients_that_it_adds_up() -> None:
    """deepspeed/runtime/bf16_optimizer.py: fp32 sums beside the backward pass's own in bf16."""
    states = held(1, Engine.DEEPSPEED, grows=True).stages[0].states
    assert states.gradients == (4 + 2) * states.parameters
    assert held(2, Engine.DEEPSPEED, grows=True).stages[0].states.gradients < states.gradients


def checkpointed(batch: int, framework: str = "hf-sdpa", **changes: Any) -> wb.Training:
    model = wb.load("llama-3.1-8b", {"num_hidden_layers": 8, "vocab_size": 128_000})
    plan = wb.Plan.under(framework, micro_batch=batch, sequence=4096, recompute=Recompute(Method.UNIFORM), **changes)
    return wb.train(model, plan, "1xH100")


def test_logits_find_no_place_where_the_first_step_made_the_states() -> None:
    stage = checkpointed(2).stages[0]
    stood = stage.step_allocated
    logits = 2 * 4096 * 128_000
    # three tensors of the loss in fp32, and the place of the logits in 16 bits, beside all that stands in a step
    assert stage.peak_reserved == stood + (3 * 4 + 2) * logits


def test_they_find_one_where_gradients_leave_as_much_room() -> None:
    stage = checkpointed(1, optimizer="adam").stages[0]
    largest = 128_000 * 4096 * 2  # the table's gradient
    assert renewed(stage.runs[0], largest) == (3 * 4 + 2) * 4096 * 128_000
    assert renewed(stage.runs[0], 4 * 4096 * 128_000) == 0


def test_without_states_nothing_takes_the_place_of_activations() -> None:
    stage = checkpointed(2, optimizer="sgd").stages[0]
    assert stage.peak_reserved < stage.step_allocated + 14 * 2 * 4096 * 128_000


@pytest.mark.parametrize(("framework", "freed"), [("hf-sdpa", True), ("megatron", False)])
def test_gradients_stand_between_steps_unless_the_step_frees_them(framework: str, freed: bool) -> None:
    stage = checkpointed(1, framework).stages[0]
    stands = stage.step_allocated - stage.static_allocated
    assert stands == (stage.states.gradients if freed else 0)
