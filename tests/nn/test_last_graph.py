"""What stands of the micro-batch before: inputs that functions of packed multiplies hold, once each, and logits."""

from __future__ import annotations

from dataclasses import replace

import weighbridge as wb
from weighbridge.estimate.training import Training
from weighbridge.formats.quantization import named_storage
from weighbridge.models.tuning import Lora, Tuning
from weighbridge.units import DATA_TYPES

T, H, F, VOCABULARY, LAYERS = 512, 4096, 14336, 128_256, 32


def tuned(base: str | None, keeps: bool) -> Training:
    storage = named_storage(base, DATA_TYPES["bf16"])[0] if base else None
    model = replace(wb.load("llama-3.1-8b"), tuning=Tuning(Lora(8, ("q_proj", "v_proj")), storage=storage))
    plan = wb.Plan.under("litgpt", sequence=T)
    kernels = replace(plan.kernels, keeps_packed_inputs=True, keeps_last_graph=keeps)
    return wb.train(model, replace(plan, kernels=kernels), "A100")


def stands(training: Training) -> int:
    """Bytes beside the head's multiply."""
    head = next(operation for operation in reversed(training.tape.operations) if operation.name == "matmul")
    return sum(int(tensor.bytes) for tensor in head.scratch)


def test_inputs_of_packed_multiplies_by_hand() -> None:
    """Of a layer: the input of q, k and v, that of o, that of gate and up, that of down; of the first the input of q, k
    and v has no gradient, so that only what comes after its adapters is held.
    """
    logits, layer = 2 * T * VOCABULARY, 2 * T * (3 * H + F)
    assert stands(tuned("nf4", keeps=True)) == logits + LAYERS * layer - 2 * T * H


def test_of_plain_weights_only_logits_stand() -> None:
    assert stands(tuned(None, keeps=True)) == 2 * T * VOCABULARY
    assert stands(tuned("nf4", keeps=False)) == 0


def test_the_peak_moves_to_the_head() -> None:
    with_it, without = (tuned("nf4", keeps=keeps) for keeps in (True, False))
    assert with_it.worst.peak_allocated > without.worst.peak_allocated
    assert with_it.worst.ledger.total == with_it.worst.peak_allocated
