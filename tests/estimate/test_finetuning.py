"""Fine-tuning weighed: states of what is trained alone, packed weights, the longest sequence, epochs."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.arithmetic import total
from weighbridge.errors import InputError
from weighbridge.estimate.compute import flops
from weighbridge.estimate.epoch import WIDTHS, Epoch, Laid
from weighbridge.estimate.finetuning import STEP, FineTuning
from weighbridge.estimate.memory.ledger import Line, below
from weighbridge.estimate.memory.reference import excess
from weighbridge.estimate.training import Training, train
from weighbridge.formats.loading import load
from weighbridge.formats.quantization import named_storage
from weighbridge.models.tuning import Lora, Tuning
from weighbridge.parallel.plan import Plan
from weighbridge.traced import plain
from weighbridge.units import DATA_TYPES, FP32


def weighed(lora: Lora | None, quant: str = "", plan: Plan | None = None, name: str = "llama-3.1-8b") -> Training:
    storage = named_storage(quant, DATA_TYPES["bf16"])[0] if quant else None
    model = replace(load(name), tuning=Tuning(lora, (), storage)) if lora else load(name)
    return train(model, plan or Plan.under("hf-sdpa", sequence=1024), "1xA100")


def test_states_are_of_what_is_trained() -> None:
    stage = weighed(Lora(16)).stages[0]
    trained = 41_943_040
    assert stage.states.trained == trained
    assert stage.states.optimizer == 2 * 2 * trained
    assert stage.states.weights == 2 * (8_030_261_248 + trained)
    wide = weighed(Lora(16, dtype=FP32)).stages[0].states
    assert (wide.optimizer, wide.weights) == (2 * 4 * trained, 2 * 8_030_261_248 + 4 * trained)


def test_packed_weights_take_what_their_format_says() -> None:
    """Half a byte and an fp32 scale per 64 for each element of the projections and a table of 16 values, 2 bytes for
    all else; the allocator counts whole segments of 2 MiB where little of one is left.
    """
    matrices = 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14_336)
    rest = 8_030_261_248 - matrices
    states = weighed(Lora(16), "nf4").stages[0].states
    exact = matrices * (0.5 + 4 / 64) + 7 * 32 * 64
    assert exact <= states.packed <= exact + 7 * 32 * 2**20
    assert states.weights == states.packed + 2 * (rest + 41_943_040)
    double = weighed(Lora(16), "nf4-double").stages[0].states
    assert double.packed < states.packed


def test_less_is_kept_than_in_full_training() -> None:
    asked = (None, Lora(16), Lora(16, ("q_proj", "v_proj")))
    full, lora, few = (plain(weighed(one).stages[0].heights.kept[0]) for one in asked)
    assert few < lora < full + 7 * 32 * 16 * 1024 * 2


def test_sharded_states_of_adapters() -> None:
    for stage in (1, 2, 3):
        plan = Plan.under("hf-sdpa", gpus=8, zero=stage, sequence=1024)
        model = replace(load("llama-3.1-8b"), tuning=Tuning(Lora(16)))
        training = train(model, plan, "8xA100")
        states = training.stages[0].states
        assert states.optimizer == pytest.approx(8 * 41_943_040 / 8, rel=1e-3)
        assert training.fits


def test_traced_figures_are_the_plain_ones() -> None:
    stage = weighed(Lora(16), "nf4").stages[0]
    for line in (Line.WEIGHTS, Line.OPTIMIZER, Line.ACTIVATIONS):
        assert plain(stage.explained(line)) == plain(stage.ledger.lines[line])


def test_a_reference_model_stands_beside() -> None:
    training = weighed(None)
    both = replace(training, reference=True)
    more = plain(both.stages[0].step_allocated) - plain(training.stages[0].step_allocated)
    assert more == plain(training.stages[0].states.weights)
    assert both.time is not None
    assert training.time is not None
    longer = float(both.time.stages[0].forward) / float(training.time.stages[0].forward)
    assert longer == pytest.approx(2, rel=0.05)


def test_the_references_forward_pass_stands_on_what_the_step_keeps() -> None:
    """Logits in bf16, their copy in fp32 and the logarithms, beside the step's own logarithms, are more than the step's
    own gradients of two of them.
    """
    stage = replace(weighed(None, name="gpt2"), reference=True).stages[0]
    assert plain(excess(stage, stage.peak)) > 0
    assert plain(stage.highest_moment) == plain(stage.peak.bytes) + plain(total(below(stage, stage.peak).values()))
    assert plain(stage.ledger.total) == plain(stage.peak_allocated)
    lines = stage.ledger.lines
    assert {line: plain(stage.explained(line)) for line in lines} == {line: plain(n) for line, n in lines.items()}
    alone = weighed(None, name="gpt2").stages[0]
    assert excess(alone, alone.peak) == 0


def test_the_longest_sequence_fits_and_the_next_does_not() -> None:
    training = weighed(Lora(16))
    found = FineTuning(training)
    assert found.longest is not None
    assert found.longest % STEP == 0
    for sequence, fits in ((found.longest, True), (found.longest + STEP, False)):
        assert replace(training, plan=replace(training.plan, sequence=sequence)).fits is fits
    assert FineTuning(replace(training, cluster=None)).longest is None


def test_epochs() -> None:
    padded, packed = Epoch.of_mean(1000, 600.0, 2048), Epoch.of_mean(1000, 600.0, 2048, Laid.PACKED)
    assert (padded.sequences, padded.positions(4), padded.steps(8)) == (1000, 2_048_000, 125)
    assert padded.padding(4) == pytest.approx(1 - 600 / 2048)
    assert (packed.sequences, packed.tokens, packed.steps(8)) == (293, 600_000, 37)
    with pytest.raises(InputError, match="a padded sequence has 512 tokens"):
        Epoch.of_mean(1000, 600.0, 512)


LENGTHS = st.dictionaries(st.integers(1, 90), st.integers(1, 3), min_size=1, max_size=3)


@given(LENGTHS, st.integers(1, 3), st.integers(8, 64))
def test_micro_batches_are_as_long_as_their_longest_sample(lengths: dict[int, int], micro: int, sequence: int) -> None:
    epoch = Epoch.of_lengths(lengths, sequence, Laid.BATCHED)
    samples = [min(length, sequence) for length, count in lengths.items() for _ in range(count)]
    part = -(-sequence // WIDTHS)
    longest = [min(-(-max(drawn) // part) * part, sequence) for drawn in product(samples, repeat=micro)]
    assert epoch.tokens == sum(samples)
    assert sum(epoch.widths(micro).values()) == pytest.approx(1)
    assert epoch.positions(micro) == round(fmean(longest) * len(samples))
    assert epoch.cut == sum(count for length, count in lengths.items() if length > sequence)


def test_packed_samples_are_not_cut() -> None:
    packed = Epoch.of_lengths({100: 3, 5000: 1}, 1024, Laid.PACKED)
    assert (packed.tokens, packed.sequences, packed.cut) == (5300, 6, 0)
    with pytest.raises(InputError, match="give --lengths"):
        Epoch.of_mean(10, 5.0, 64, Laid.BATCHED)


def test_shorter_micro_batches_take_less_time() -> None:
    lengths = {128: 900, 1024: 100}
    epochs = [replace(weighed(Lora(16)), epoch=Epoch.of_lengths(lengths, 1024, laid)) for laid in Laid]
    padded, batched, packed = (FineTuning(each).seconds or 0 for each in epochs)
    assert packed < padded
    assert batched == pytest.approx(padded * 0.1 + 0.9 * (FineTuning(epochs[1])._step(128) * 1000))


def test_the_optimizer_steps_what_is_trained() -> None:
    full, few = (weighed(lora).time for lora in (None, Lora(16)))
    assert full is not None
    assert few is not None
    assert few.breakdown["optimizer"] < full.breakdown["optimizer"] / 50


def test_an_epoch_takes_its_steps() -> None:
    training = replace(weighed(Lora(16)), epoch=Epoch.of_mean(1000, 600.0, 1024))
    found = FineTuning(training)
    assert training.time is not None
    assert found.steps == 1000
    assert found.seconds == pytest.approx(1000 * float(training.time.step_seconds))
    assert found.dollars is not None
    assert FineTuning(weighed(Lora(16))).steps is None


def test_frozen_weights_take_less_time() -> None:
    full, lora = (weighed(one).time for one in (None, Lora(16, ("q_proj",), dtype=None)))
    assert full is not None
    assert lora is not None
    assert lora.step_seconds < full.step_seconds


def test_packed_weights_take_time_to_be_written_out() -> None:
    """Each of them is read packed and written in 16 bits once forward and once backward."""
    packed, plain_ones = (weighed(Lora(16), quant).time for quant in ("nf4", ""))
    assert packed is not None
    assert plain_ones is not None
    matrices = 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14_336)
    least = 2 * matrices * (0.5 + 4 / 64 + 2) / 2.04e12
    assert least < float(packed.step_seconds) - float(plain_ones.step_seconds) < 2 * least


def test_devices_without_kernels_for_a_format() -> None:
    model = replace(load("llama-3.1-8b"), tuning=Tuning(Lora(8), (), named_storage("fp8-block", DATA_TYPES["bf16"])[0]))
    with pytest.raises(InputError, match=r"quant: fp8 takes compute capability 8\.9 or higher"):
        train(model, Plan.under("hf-sdpa", sequence=512), "1xA100")


def test_a_reference_runs_on_the_hardware() -> None:
    plan = Plan.under("hf-sdpa", sequence=256)
    alone, beside = (train("gpt2", plan, "1xA100", reference=one) for one in (False, True))
    assert beside.flops.model == alone.flops.model
    assert beside.flops.hardware - alone.flops.hardware == flops("gpt2", sequence=256).forward
