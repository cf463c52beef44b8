"""How counting conventions differ: the same training step as PyTorch, Megatron-LM, PaLM and 6ND count it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from weighbridge.arithmetic import Count, total
from weighbridge.estimate.compute import EXACT, PER_OPERATION, FlopReport
from weighbridge.estimate.parameters import params
from weighbridge.kernels import Kernels
from weighbridge.models import Model
from weighbridge.tape import Pass
from weighbridge.tree import Node, every, run

CLOSED = ("palm", "6nd")
"""Conventions that are one formula for the whole model."""

CONVENTIONS = PER_OPERATION + CLOSED

MEANING = {
    EXACT: "every multiply-add that the model needs: matrices, convolutions, recurrences, visible query-key pairs",
    "torch": "what PyTorch's FlopCounterMode reports for transformers: matrix multiplies and all query-key pairs",
    "megatron": "Megatron-LM's num_floating_point_operations: no router, half of all pairs, windows ignored",
    "palm": "6 N + 12 L H Q T per token (Chowdhery et al. 2022, appendix B), N the active parameters",
    "6nd": "6 N D (Hoffmann et al. 2022, appendix F), N the active parameters, D the tokens",
}


@dataclass(frozen=True)
class Difference:
    """One convention's count of a training step.

    Attributes:
        convention: its name.
        training: forward and backward floating-point operations.
        meaning: what it counts.
    """

    convention: str
    training: Count
    meaning: str


def training_flops(model: Model, work: Pass, convention: str) -> Count:
    """Floating-point operations of one training step as a convention counts them."""
    return _training(FlopReport(model, work), convention)


def _training(report: FlopReport, convention: str) -> Count:
    if convention in PER_OPERATION:
        return report.under(convention).training
    model, work = report.model, report.work
    tokens = work.batch * work.sequence
    weighed = params(model)
    met = weighed.active + (weighed.prediction_active if work.prediction else 0)
    six_n_d = 6 * met * tokens
    return six_n_d if convention == "6nd" else six_n_d + _attention(model, work)


def _attention(model: Model, work: Pass) -> Count:
    """Forward and backward multiplies of queries with keys and of weights with values, all pairs: PaLM's 12 L H Q T."""
    report = FlopReport(model, replace(work, causal=False, kernels=Kernels()), "torch")

    def own(node: Node) -> Count:
        done = [operation.flops("torch") for operation in report.ran(node) if operation.name == "attention"]
        return total(flops.forward + flops.backward for flops in done)

    return report.tree.sum(own, run, include=every)


def differences(model: Model, work: Pass, report: FlopReport | None = None) -> list[Difference]:
    """The training step as every convention counts it; of a report that there is already, its record serves."""
    recorded = report or FlopReport(model, work)
    return [Difference(name, _training(recorded, name), MEANING[name]) for name in CONVENTIONS]
