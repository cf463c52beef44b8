"""Conventions: Megatron-LM's own function on the same models, PaLM and 6ND by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.compute import FlopReport, flops, forward_pass
from weighbridge.estimate.conventions import CONVENTIONS, differences, training_flops
from weighbridge.estimate.parameters import params
from weighbridge.formats import load

MEGATRON = [
    ("llama-3.1-8b", 4096, 2, False, 395_257_250_316_288),
    ("gpt2", 1024, 8, False, 6_535_702_904_832),
    ("mixtral-8x7b", 4096, 1, False, 326_477_644_038_144),
    ("qwen1.5-moe-a2.7b", 2048, 1, False, 30_418_032_132_096),
    ("deepseek-v3", 4096, 1, False, 1_023_230_173_249_536),
    ("deepseek-v3", 4096, 1, True, 1_064_931_126_411_264),
    ("qwen3-next-80b-a3b", 4096, 1, False, 93_141_734_522_880),
    ("nemotron-3-nano-30b-a3b", 4096, 1, False, 88_777_175_334_912),
    ("mamba-codestral-7b", 4096, 1, False, 181_419_418_583_040),
]
"""Model, sequence, batch, with multi-token prediction or not, and what num_floating_point_operations returned for the
same arguments (Megatron-LM at d98e8a64dd, megatron/training/training.py, padded vocabulary = vocabulary)."""


@pytest.mark.parametrize(("name", "sequence", "batch", "prediction", "expected"), MEGATRON)
def test_megatron_counts_what_megatron_counts(
    name: str, sequence: int, batch: int, prediction: bool, expected: int
) -> None:
    work = forward_pass(sequence, batch, prediction=prediction)
    assert FlopReport(load(name), work, "megatron").training == expected


def test_6nd_and_palm_by_hand() -> None:
    model, work = load("llama-3.1-8b"), forward_pass(2048, 3)
    tokens = 3 * 2048
    assert training_flops(model, work, "6nd") == 6 * 8_030_261_248 * tokens
    assert training_flops(model, work, "palm") == (6 * 8_030_261_248 + 12 * 32 * 32 * 128 * 2048) * tokens


def test_6nd_takes_active_parameters() -> None:
    model = load("mixtral-8x7b")
    assert training_flops(model, forward_pass(1), "6nd") == 6 * params(model).active


def test_palm_does_not_depend_on_the_mask() -> None:
    model, work = load("gemma-2-2b"), forward_pass(8192)
    assert training_flops(model, work, "palm") == training_flops(model, replace(work, causal=False), "palm")


def test_every_convention_is_compared_and_explained() -> None:
    found = differences(load("gpt2"), forward_pass(512))
    assert [difference.convention for difference in found] == list(CONVENTIONS)
    assert all(difference.meaning for difference in found)


def test_conventions_of_one_formula_have_no_figures_per_module() -> None:
    with pytest.raises(InputError, match='convention: got "6nd"; allowed: exact, torch, megatron'):
        flops("gpt2", convention="6nd")
