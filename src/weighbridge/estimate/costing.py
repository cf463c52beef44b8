"""From a training step and what the user says of prices and the site to the cost of a run; defaults have sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from weighbridge.errors import InputError, given
from weighbridge.estimate.checkpoint import checkpoint_bytes
from weighbridge.estimate.parameters import params
from weighbridge.estimate.run_cost import RunCost
from weighbridge.estimate.time.draw import mean_watts
from weighbridge.estimate.time.power import ENERGY
from weighbridge.estimate.time.step import StepTime
from weighbridge.estimate.training import Training
from weighbridge.formats.amounts import PRICE, amount
from weighbridge.traced import plain

LLAMA_GPUS, LLAMA_DAYS, LLAMA_INTERRUPTIONS = 16_384, 54, 419

MTBF = LLAMA_GPUS * LLAMA_DAYS * 24 / LLAMA_INTERRUPTIONS
"""GPU hours between two unexpected interruptions."""

MTBF_SOURCE = "Llama 3 (2024), table 5: 419 unexpected interruptions in 54 days on 16,384 H100"

STORAGE = 2e12 / LLAMA_GPUS
"""Bytes per second of storage for each GPU."""

STORAGE_SOURCE = "Llama 3 (2024), section 3.3.1: 2 TB/s sustained, for 16,384 GPUs; the same for each GPU here"

RESTART = 600.0
"""Seconds from an interruption until its cause is found and ranks run again."""

RESTART_SOURCE = "MegaScale (Jiang et al. 2024), section 6.3: under 10 minutes on average to detect and diagnose"

GRID = 0.385
"""Kilograms of CO2 per kWh."""

GRID_SOURCE = "Touvron et al. 2023, LLaMA, section 6: average of the United States"

OWN = "given"
"""The source of what the user says."""


@dataclass(frozen=True)
class Costing:
    """The cost of a run, and where each assumption comes from.

    Attributes:
        run: the figures.
        sources: of every assumption, by the field of :class:`RunCost`; ``given`` for the user's own.
    """

    run: RunCost
    sources: dict[str, str]

    @cached_property
    def explainable(self) -> tuple[str, ...]:
        """The figures that have a derivation."""
        return self.run.explainable


def cost_of(
    training: Training,
    tokens: float | str,
    price: float | str | None = None,
    *,
    pue: float | str | None = None,
    grid: float | str | None = None,
    mtbf: float | str | None = None,
    storage: float | str | None = None,
    restart: float | str | None = None,
) -> Costing:
    """What training on so many tokens takes. Numbers may be written as people do: ``"15T"``.

    Args:
        training: the step.
        tokens: to train on.
        price: dollars per GPU and hour; the catalogue's if ``None``.
        pue: power of the whole site over that of the GPUs; 1, the GPUs alone, if ``None``.
        grid: kilograms of CO2 per kWh.
        mtbf: hours between interruptions of one GPU (``50000``) or one server (``"6000/node"``).
        storage: bytes per second for all GPUs together: ``"2TB/s"``.
        restart: minutes from an interruption until ranks run again.

    Raises:
        InputError: for a step without a cluster, and numbers that cannot be.
    """
    time = training.time
    if time is None:
        raise InputError(f"tokens: what a run costs depends on how long a step takes, and {training.untimed}")
    count = round(amount(tokens, "tokens", 1, 1e18, "tokens", "15T"))
    assumed = _Assumed(training, time)
    run = RunCost(
        tokens=count,
        tokens_per_step=int(plain(time.tokens)),
        step_seconds=time.step_seconds,
        gpus=int(plain(training.plan.gpus)),
        parameters=params(training.model).total,
        price_per_gpu_hour=assumed.price(price),
        mean_watts=mean_watts(time),
        pue=assumed.number(
            "pue", pue, 1.0, "the GPUs alone; give the site's own", 1, 10, "times the power of the GPUs", "1.1"
        ),
        grid_kg_per_kwh=assumed.number(
            "grid", grid, GRID, GRID_SOURCE, 0, 10, "kilograms of CO2 per kWh", "0.4", "grid_kg_per_kwh"
        ),
        mtbf_gpu_hours=assumed.mtbf(mtbf),
        checkpoint_bytes=checkpoint_bytes(training),
        storage_bytes_per_second=assumed.storage(storage),
        restart_seconds=60
        * assumed.number(
            "restart", restart, RESTART / 60, RESTART_SOURCE, 0, 10_000, "minutes", "10", "restart_seconds"
        ),
    )
    run.check()
    return Costing(run, assumed.sources)


RATE = re.compile(r"(.*?)\s*B(?:ytes)?/s", re.IGNORECASE)

PER = re.compile(r"(.*?)\s*/\s*(gpu|device|node|server)")


class _Assumed:
    """What the user says, or else what is published, with sources."""

    def __init__(self, training: Training, time: StepTime) -> None:
        self.training = training
        self.device = time.cluster.device
        self.gpus = int(plain(training.plan.gpus))
        limit = self.device.tdp_watts
        watts = f"no power of {self.device.title} is known"
        if limit and self.device.architecture in ENERGY:
            watts = f"of {limit:,} W at most, from what kernels draw"
        elif limit:
            watts = "its limit; what kernels draw is not known"
        self.sources = {"mean_watts": watts}

    def number(
        self, name: str, value: Any, default: float, source: str, least: float, most: float, unit: str, example: str,
        field: str = "",
    ) -> float:  # fmt: skip
        """A number within bounds, or the default."""
        self.sources[field or name] = source if value is None else OWN
        return default if value is None else amount(value, name, least, most, unit, example)

    def price(self, value: Any) -> float | None:
        """Dollars per GPU and hour."""
        known = self.device.price_per_hour
        if value is None and known is None:
            self.sources["price_per_gpu_hour"] = f"no price of {self.device.title} is known"
            return None
        source = self.device.sources.get("price_per_hour", "")
        return self.number("price", value, known or 0.0, source, *PRICE, "price_per_gpu_hour")

    def mtbf(self, value: Any) -> float:
        """Hours of one GPU between interruptions; those of a server are shared by its GPUs, each of which stops it."""
        found = PER.fullmatch(value.strip().lower()) if isinstance(value, str) else None
        text = found[1] if found else value
        node = found is not None and found[2] in ("node", "server")
        hours = self.number(
            "mtbf", text, MTBF, MTBF_SOURCE, 1, 1e9, "hours of a GPU (or of a server: 6000/node)", "50000",
            "mtbf_gpu_hours",
        )  # fmt: skip
        assert self.training.cluster is not None
        return hours * self.training.cluster.gpus_per_node if node else hours

    def storage(self, value: Any) -> float:
        """Bytes per second."""
        found = RATE.fullmatch(value.strip()) if isinstance(value, str) else None
        if isinstance(value, str) and not found and "/" in value:
            raise InputError(f"storage: got {given(value)}; expected bytes per second such as 2TB/s")
        return self.number(
            "storage", found[1] if found else value, STORAGE * self.gpus, STORAGE_SOURCE, 1e6, 1e16,
            "bytes per second", "2TB/s", "storage_bytes_per_second",
        )  # fmt: skip
