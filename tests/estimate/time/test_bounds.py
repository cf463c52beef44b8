"""What the parts of a step wait for, and the share of the step in which stages wait for one another."""

from __future__ import annotations

import pytest

import weighbridge as wb
from tests.estimate.time.steps import DATA, EXPERTS, ONE, PIPED, STEPS
from weighbridge.estimate.time.bounds import BUBBLE, ORDER, bound, idle, parts
from weighbridge.estimate.time.work import Bound, Kernel
from weighbridge.tree import Kind


@pytest.mark.parametrize("name", STEPS)
def test_parts_add_up_to_the_step_and_each_to_what_it_waits_for(name: str) -> None:
    time = STEPS[name].time
    assert time is not None
    found = parts(time)
    assert sum(part.seconds for part in found) == pytest.approx(time.step_seconds)
    assert [part.name for part in found] == [name for name in ORDER if name in {part.name for part in found}]
    for part in found:
        assert part.seconds == time.breakdown[part.name]
        if part.name != BUBBLE:
            assert sum(part.by.values()) == pytest.approx(part.seconds)
            assert all(spent > 0 for spent in part.by.values())


def by_name(training: wb.Training) -> dict[str, dict[Bound, float]]:
    assert training.time is not None
    return {part.name: part.by for part in parts(training.time)}


@pytest.mark.parametrize("name", STEPS)
def test_messages_of_modules_are_those_of_the_channels(name: str) -> None:
    """All but what data parallel ranks send, and what other micro-batches hide, is some module's."""
    time = STEPS[name].time
    assert time is not None
    found = parts(time)
    sent = sum(
        part.seconds for part in found if part.name in ("tensor parallel", "context parallel", "expert parallel")
    )
    assert sum(part.messages for part in found) == pytest.approx(sent)


def test_what_modules_wait_for_has_their_messages() -> None:
    assert DATA.time is not None
    mlp = next(part for part in parts(DATA.time) if part.name == "mlp")
    assert mlp.waits[Bound.NETWORK] == mlp.messages > 0
    assert list(mlp.waits.values()) == sorted(mlp.waits.values(), reverse=True)


def test_multiplies_wait_for_compute_norms_for_memory_messages_for_the_network() -> None:
    found = by_name(DATA)
    assert found["mlp"][Bound.COMPUTE] > 10 * found["mlp"][Bound.MEMORY]
    assert set(found["norm"]) == {Bound.MEMORY}
    assert set(found["tensor parallel"]) == {Bound.NETWORK}
    assert set(found["optimizer"]) == {Bound.MEMORY}
    assert set(by_name(EXPERTS)["expert parallel"]) == {Bound.NETWORK}


def test_kernels_that_do_next_to_nothing_wait_for_their_launch() -> None:
    launch = 4e-6
    assert bound(Kernel("norm", Kind.NORM, Bound.MEMORY, 5e-6), launch) is Bound.LAUNCH
    assert bound(Kernel("norm", Kind.NORM, Bound.MEMORY, 5e-5), launch) is Bound.MEMORY
    assert bound(Kernel("matmul", Kind.MLP, Bound.COMPUTE, 5e-5, launches=8), launch) is Bound.LAUNCH


def test_small_steps_wait_for_the_host() -> None:
    small = wb.train(wb.load("gpt2", {"n_layer": 2}), wb.Plan.under(gpus=1, sequence=64), "1xH100")
    assert Bound.LAUNCH in by_name(small)["launch"]


def test_stages_wait_less_the_more_micro_batches_there_are() -> None:
    shares = []
    for batch in (4, 8, 16, 32, 256):
        time = wb.train("llama-3.1-8b", wb.Plan.under(gpus=4, pipeline=4, global_batch=batch), "4xH100").time
        assert time is not None
        shares.append(idle(time))
    assert shares == sorted(shares, reverse=True)
    assert 0 < shares[-1] < 0.3 < shares[0] < 1
    assert ONE.time is not None
    assert idle(ONE.time) == pytest.approx(0, abs=1e-9)


def test_equal_stages_of_1f1b_wait_as_long_as_the_formula_says() -> None:
    """(p - 1) / (m + p - 1) of the passes (Narayanan et al. 2021, section 2.2.1), where stages are alike."""
    assert PIPED.time is not None
    passes = [float(stage.forward + stage.backward) for stage in PIPED.time.stages]
    even = 3 / (12 + 3)
    assert idle(PIPED.time) == pytest.approx(even, abs=max(passes) / min(passes) - 1)
