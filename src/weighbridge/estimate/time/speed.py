"""What a step's time makes of its work: tokens and FLOPs in a second, and the share of the device's rate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from weighbridge.arithmetic import Count, ratio, total
from weighbridge.errors import InputError, given
from weighbridge.traced import Label, Traced, named, symbol, trace

TERA = 1e12

PALM = "Chowdhery et al. 2022, PaLM, appendix B"

EXPLAINED = ("step_seconds", "tokens_per_second", "tokens_per_second_per_gpu", "mfu", "hfu")
"""Figures that have a derivation."""


@dataclass(frozen=True)
class Speed:
    """How fast a training step is.

    Attributes:
        step_seconds: of one step.
        tokens_per_step: of one step, on all GPUs.
        gpus: that work on it.
        model_flops: of one step, that the model needs.
        hardware_flops: the same with what is recomputed.
        peak_flops: of the device in a second, dense, in the type that activations are in.
    """

    step_seconds: float
    tokens_per_step: Count
    gpus: int
    model_flops: Count
    hardware_flops: Count
    peak_flops: int

    @property
    def tokens_per_second(self) -> float:
        """Tokens of all GPUs in a second."""
        return named(ratio(self.tokens_per_step, self.step_seconds), Label("tokens_per_second", "tokens/s"))

    @property
    def tokens_per_second_per_gpu(self) -> float:
        """Tokens of each GPU's share in a second."""
        label = Label("tokens_per_second_per_gpu", "tokens/s")
        return named(ratio(self.tokens_per_second, self.gpus), label)

    @property
    def model_tflops_per_gpu(self) -> float:
        """10**12 floating-point operations in a second on each GPU, of those that the model needs."""
        return named(self._rate(self.model_flops), Label("model_tflops_per_gpu", "TFLOP/s"))

    @property
    def hardware_tflops_per_gpu(self) -> float:
        """The same with what is recomputed."""
        return named(self._rate(self.hardware_flops), Label("hardware_tflops_per_gpu", "TFLOP/s"))

    def _rate(self, work: Count) -> float:
        return ratio(ratio(ratio(work, self.step_seconds), self.gpus), TERA)

    @property
    def mfu(self) -> float:
        """Model FLOPs utilisation, of the device's rate in the type of activations."""
        label = Label("mfu", "", "model FLOPs utilisation, of the device's rate in the type of activations", PALM)
        return named(ratio(self.model_tflops_per_gpu * TERA, self.peak_flops), label)

    @property
    def hfu(self) -> float:
        """Hardware FLOPs utilisation: with what is recomputed."""
        label = Label("hfu", "", "hardware FLOPs utilisation: with what is recomputed", PALM)
        return named(ratio(self.hardware_tflops_per_gpu * TERA, self.peak_flops), label)

    def explained(self, quantity: str, breakdown: dict[str, float]) -> Any:
        """A figure with its derivation.

        Args:
            quantity: one of :data:`EXPLAINED`.
            breakdown: seconds of the step by what they go to; they add up to it.

        Raises:
            InputError: for another figure.
        """
        if quantity not in EXPLAINED:
            raise InputError(f"quantity: got {given(quantity)}; allowed: {', '.join(EXPLAINED)}")
        parts = [symbol(name.replace(" ", "_"), spent, "seconds") for name, spent in breakdown.items()]
        label = Label("step_seconds", "seconds", "on the stage that is done last")
        step: Any = Traced(self.step_seconds, None, (total(parts),), label)  # to the last digit the step's own
        return step if quantity == "step_seconds" else getattr(replace(trace(self), step_seconds=step), quantity)
