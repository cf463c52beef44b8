"""What a training run takes on its cluster: days, GPU hours, dollars, energy, CO2, and what interruptions cost of it.

Every figure is a formula over the fields of :class:`RunCost`, so that it can be explained (:meth:`RunCost.explained`).
Left out: what is not GPUs in the price and in the energy (processors, network, storage, cooling beyond ``pue``), runs
that are started over for reasons of the loss, evaluation, and learning what to run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import ceil_div, exponential, maximum, power, ratio
from weighbridge.errors import InputError
from weighbridge.estimate.explainable import Explainable
from weighbridge.estimate.training_cost import SECONDS_PER_HOUR, Held
from weighbridge.traced import Label, named

DALY = "Daly 2006, A higher order estimate of the optimum checkpoint interval"

OFTEN = 20.0
"""Mean times between interruptions that a checkpoint's cycle may take; a run that needs more is never done."""


@dataclass(frozen=True)
class RunCost(Explainable):
    """A training run of so many tokens.

    Attributes:
        tokens: that it trains on.
        tokens_per_step: of one step, on all GPUs.
        step_seconds: of one step.
        gpus: that it holds.
        parameters: of the model.
        price_per_gpu_hour: dollars; ``None`` leaves dollars out.
        mean_watts: that one GPU draws on average; ``None`` leaves energy and CO2 out.
        pue: power of the whole site over that of the GPUs (power usage effectiveness).
        grid_kg_per_kwh: CO2 of the electricity.
        mtbf_gpu_hours: hours of one GPU and its share of all else between two interruptions.
        checkpoint_bytes: of one checkpoint.
        storage_bytes_per_second: that all GPUs together write and read.
        restart_seconds: from an interruption until the last checkpoint is read.
    """

    figures: ClassVar[tuple[str, ...]] = (
        "dollars",
        "dollars_per_billion_parameters",
        "gpu_hours",
        "energy_kwh",
        "co2_kg",
        "goodput",
        "days",
        "interruptions",
    )

    tokens: int
    tokens_per_step: int
    step_seconds: float
    gpus: int
    parameters: int
    price_per_gpu_hour: float | None
    mean_watts: float | None
    pue: float
    grid_kg_per_kwh: float
    mtbf_gpu_hours: float
    checkpoint_bytes: int
    storage_bytes_per_second: float
    restart_seconds: float

    @property
    def steps(self) -> int:
        """Steps, the last of them perhaps not needed whole."""
        return named(ceil_div(self.tokens, self.tokens_per_step), Label("steps", "steps"))

    @property
    def busy_seconds(self) -> float:
        """Seconds of all steps, without interruptions and checkpoints."""
        return named(self.steps * self.step_seconds, Label("busy_seconds", "seconds"))

    @property
    def mtbf_seconds(self) -> float:
        """Seconds between two interruptions of the whole run: any GPU's stops all of them."""
        label = Label("mtbf_seconds", "seconds", "any GPU's interruption stops all of them")
        return named(ratio(self.mtbf_gpu_hours * SECONDS_PER_HOUR, self.gpus), label)

    @property
    def checkpoint_seconds(self) -> float:
        """Seconds to write a checkpoint, in which training waits; reading it takes as long."""
        label = Label("checkpoint_seconds", "seconds", "training waits meanwhile")
        return named(ratio(self.checkpoint_bytes, self.storage_bytes_per_second), label)

    @property
    def checkpoint_interval(self) -> float:
        """Seconds of training between checkpoints that lose least, but at least a step."""
        write, between = self.checkpoint_seconds, self.mtbf_seconds
        share = ratio(write, 2 * between)
        longer = 1 + ratio(power(share, 0.5), 3) + ratio(share, 9)
        best = power(2 * write * between, 0.5) * longer - write
        return named(maximum(self.step_seconds, best), Label("checkpoint_interval", "seconds", "", f"{DALY}, eq. 37"))

    @property
    def recovery_seconds(self) -> float:
        """Seconds from an interruption until training goes on from the last checkpoint."""
        return named(self.restart_seconds + self.checkpoint_seconds, Label("recovery_seconds", "seconds"))

    @property
    def goodput(self) -> float:
        """Share of the time in which steps are made that count: the rest goes to writing checkpoints, to interruptions
        and to steps that are made again.
        """
        between, interval = self.mtbf_seconds, self.checkpoint_interval
        cycle = exponential(ratio(interval + self.checkpoint_seconds, between)) - 1
        whole = between * exponential(ratio(self.recovery_seconds, between)) * cycle
        return named(ratio(interval, whole), Label("goodput", "", "of the time, 0 to 1", f"{DALY}, eq. 20"))

    @property
    def seconds(self) -> float:
        """Seconds of the whole run."""
        return named(ratio(self.busy_seconds, self.goodput), Label("seconds", "seconds"))

    @property
    def interruptions(self) -> float:
        """How many are expected."""
        return named(ratio(self.seconds, self.mtbf_seconds), Label("interruptions"))

    @property
    def held(self) -> Held:
        """The GPUs and how long they are held."""
        return Held(self.seconds, self.gpus, self.price_per_gpu_hour)

    @property
    def days(self) -> float:
        """Days of the whole run."""
        return self.held.days

    @property
    def gpu_hours(self) -> float:
        """Hours of all GPUs together."""
        return self.held.gpu_hours

    @property
    def dollars(self) -> float | None:
        """What the GPUs cost; ``None`` without a price."""
        if self.price_per_gpu_hour is None:
            return None
        return named(self.gpu_hours * self.price_per_gpu_hour, Label("dollars", "dollars"))

    @property
    def dollars_per_billion_parameters(self) -> float | None:
        """The same over the model's size."""
        if self.dollars is None:
            return None
        label = Label("dollars_per_billion_parameters", "dollars per billion parameters")
        return named(ratio(self.dollars, ratio(self.parameters, 1_000_000_000)), label)

    @property
    def energy_kwh(self) -> float | None:
        """Energy of the GPUs and of what ``pue`` adds; ``None`` where their power is not known."""
        if self.mean_watts is None:
            return None
        label = Label("energy_kwh", "kWh", "", "Touvron et al. 2023, LLaMA, section 6")
        return named(ratio(self.gpu_hours * self.mean_watts * self.pue, 1000), label)

    @property
    def co2_kg(self) -> float | None:
        """CO2 of that energy, of the electricity alone."""
        return None if self.energy_kwh is None else named(self.energy_kwh * self.grid_kg_per_kwh, Label("co2_kg", "kg"))

    def check(self) -> None:
        """Refuse runs that interruptions keep from ever being done.

        Raises:
            InputError: with the figures.
        """
        between, write = self.mtbf_seconds, self.checkpoint_seconds
        if write >= 2 * between or write + self.recovery_seconds + self.step_seconds > OFTEN * between:
            often = f"interrupted every {between:,.3g} s on average"
            needs = f"a step takes {self.step_seconds:,.3g} s, writing a checkpoint {write:,.3g} s"
            recovers = f"going on after an interruption {self.recovery_seconds:,.3g} s"
            raise InputError(f"mtbf: {often}, the run would never be done: {needs}, {recovers}")
