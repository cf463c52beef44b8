"""Adapters that run with their projections as one function: what stays, as Unsloth's functions save it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import weighbridge as wb
from weighbridge.estimate.finetuning import FineTuning
from weighbridge.estimate.training import Training
from weighbridge.formats.quantization import named_storage
from weighbridge.models.tuning import Lora, Tuning
from weighbridge.parallel.optimizer import OPTIMIZERS
from weighbridge.parallel.plan import Offload
from weighbridge.parallel.recompute import LAYERS, Method, Recompute
from weighbridge.units import DATA_TYPES, FP32

T, H, KV, F, HEADS, VOCABULARY = 512, 4096, 1024, 14336, 32, 128_256


ALL = Lora(16, dtype=FP32)


def tuned(framework: str = "unsloth", lora: Lora = ALL, **plan: Any) -> Training:
    model = replace(wb.load("llama-3.1-8b"), tuning=Tuning(lora))
    return wb.train(model, wb.Plan.under(framework, sequence=T, **plan), "1xRTX-4090")


def kept(training: Training) -> int:
    """Bytes that one of the equal layers keeps."""
    tape = training.tape
    span = max(tape.spans, key=lambda found: found.count)
    found = {id(k.storage): k for o in tape.operations[span.start : span.end] for k in o.keeps}
    tables = {id(table) for table in tape.tables.values()}
    return sum(int(tensor.storage.bytes) for key, tensor in found.items() if key not in tables)


def test_a_layer_keeps_what_the_functions_save() -> None:
    """LoRA_QKV: X. Attention: q, k, v, its result and a number per row and head. LoRA_W: that result. RMSNorm: X and a
    number per row, twice. LoRA_MLP: X, e and g.
    """
    halves = H + (H + KV + KV + H) + 2 * H + (H + 2 * F)
    assert kept(tuned()) == T * (2 * halves + 4 * HEADS + 2 * 4)


def test_peft_keeps_more() -> None:
    assert kept(tuned("hf-flash")) > 2 * kept(tuned())


@pytest.mark.parametrize("lora", [Lora(16, dora=True, dtype=FP32), Lora(16, dropout=0.1, dtype=FP32)])
def test_dora_and_dropout_run_as_in_peft(lora: Lora) -> None:
    assert kept(tuned(lora=lora)) > 2 * kept(tuned())


def test_a_network_with_fewer_adapters_runs_written_out() -> None:
    some = kept(tuned(lora=Lora(16, ("gate_proj", "up_proj", "q_proj", "k_proj", "v_proj", "o_proj"), dtype=FP32)))
    assert some == kept(tuned()) + 2 * T * F  # the activation; nothing keeps the product, which no adapter reads


@pytest.mark.parametrize(("tokens", "parts"), [(512, 1), (8371, 1), (8372, 4), (33_487, 4), (33_488, 8)])
def test_the_loss_has_logits_of_a_part_alone(tokens: int, parts: int) -> None:
    """fp32 logits of 4 GiB are 8,371 positions; more are four parts, or eight, of at most that."""
    training = replace(tuned(), plan=replace(tuned().plan, sequence=tokens))
    loss = training.tape.operations[-1]
    logits, gradient = loss.scratch  # the head is frozen
    assert int(logits.bytes) == int(gradient.bytes) == 2 * -(-tokens // parts) * VOCABULARY
    assert [tensor.name for tensor in loss.keeps] == ["gradient of hidden states"]


def test_inputs_of_layers_that_are_recomputed_can_go_to_the_host() -> None:
    whole = Recompute(Method.UNIFORM)
    away = tuned(recompute=whole, offload=Offload(activations=(LAYERS,))).worst.peak_allocated
    here = tuned(recompute=whole).worst.peak_allocated
    assert 0 < here - away <= 32 * T * H * 2


PUBLISHED = {"rtx-3060": 21_848, "rtx-4090": 78_475, "a100-40gb": 153_977, "l40s": 191_728, "a100-80gb": 342_733}
"""Longest contexts on GPUs of 12, 24, 40, 48 and 80 GB by Unsloth's benchmarks (docs.unsloth.ai, basics,
unsloth-benchmarks): Llama 3.1 8B, QLoRA on all linear layers, rank 32, one sequence, inputs of layers on the host.
Nothing was read from them; they lie on one line, so that they are one measurement of a token and one of the rest."""


@pytest.mark.parametrize("device", PUBLISHED)
def test_published_contexts(device: str) -> None:
    model, storage = wb.load("llama-3.1-8b"), named_storage("nf4", DATA_TYPES["bf16"])[0]
    model = replace(model, tuning=Tuning(Lora(32, dtype=FP32), storage=storage))
    plan = wb.Plan.under(
        "unsloth",
        sequence=8192,
        recompute=Recompute(Method.UNIFORM),
        offload=Offload(activations=(LAYERS,)),
        optimizer=OPTIMIZERS["adam8bit"],
    )
    longest = FineTuning(wb.train(model, plan, f"1x{device}")).longest
    assert longest is not None
    assert 1.05 < longest / PUBLISHED[device] < 1.25
