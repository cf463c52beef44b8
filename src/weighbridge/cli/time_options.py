"""Options of ``train`` and ``megatron`` that ask for the time of a step and the cost of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from weighbridge.cli.options import F, price_option, suggesting
from weighbridge.cli.writing import OutFile, write
from weighbridge.errors import InputError, given
from weighbridge.estimate.costing import Costing, cost_of
from weighbridge.estimate.training import Training

OF_COST = ("price", "pue", "grid", "mtbf", "storage", "restart")
"""Options that say what a run is to be costed with."""


def time_options(function: F) -> F:
    """Every option, in the order in which help lists them."""
    out = OutFile()
    options = [
        click.option(
            "--trace", "--timeline", "trace", type=out, metavar="OUT.json", help="Trace of a step (Perfetto)."
        ),
        click.option("--gantt", type=out, metavar="OUT.svg", help="Draw the schedule of one step."),
        suggesting(
            "--tokens",
            ("100B", "1T", "15T"),
            metavar="D",
            help="Tokens of the run, such as 15T: days, dollars, energy, goodput.",
        ),
        price_option,
        click.option("--pue", metavar="TIMES", help="Power of the site over that of the GPUs, such as 1.1; 1."),
        click.option("--grid", metavar="KG", help="CO2 per kWh, such as 0.4; 0.385, the average of the US."),
        click.option("--mtbf", metavar="HOURS", help="Of one GPU between interruptions, or of one server: 6000/node."),
        click.option("--storage", metavar="RATE", help="Of checkpoints, for all GPUs together, such as 2TB/s."),
        click.option("--restart", metavar="MINUTES", help="From an interruption until ranks run again; 10."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@dataclass(frozen=True)
class Asked:
    """What is asked for of time and cost; attributes are the options of :func:`time_options`."""

    trace: Path | None
    gantt: Path | None
    tokens: str | None
    price: str | None
    pue: str | None
    grid: str | None
    mtbf: str | None
    storage: str | None
    restart: str | None

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Asked:
        """The options of time and cost, taken out of all.

        Raises:
            InputError: for options that would have no effect.
        """
        asked = cls(**{name: options.pop(name) for name in cls.__dataclass_fields__})
        epoch = any(options.get(name) is not None for name in ("samples", "lengths"))
        known = ("price",) if epoch else ()
        alone = [f"--{name}" for name in OF_COST if getattr(asked, name) is not None and name not in known]
        if alone and asked.tokens is None:
            raise InputError(f"{', '.join(alone)}: of what a run costs; add --tokens")
        return asked

    def cost(self, training: Training) -> Costing | None:
        """The cost of the run; ``None`` where no tokens are given.

        Raises:
            InputError: for numbers that cannot be, by the options' names.
        """
        if self.tokens is None:
            return None
        try:
            return cost_of(training, self.tokens, **{name: getattr(self, name) for name in OF_COST})
        except InputError as error:
            field, colon, rest = str(error).partition(": ")
            if field in (*OF_COST, "tokens"):
                raise InputError(f"--{field}{colon}{rest}") from None
            raise

    def write(self, training: Training) -> None:
        """Write the files that are asked for, each whole or not at all.

        Raises:
            InputError: for a path that cannot be written, or a picture of another form.
        """
        if self.gantt is not None and self.gantt.suffix.lower() != ".svg":
            raise InputError(f"--gantt: got {given(self.gantt.name)}; it is written as .svg")
        if self.gantt is not None and training.time is None:
            raise InputError(f"--gantt: {training.untimed}")
        if self.gantt is not None and training.time is not None:
            from weighbridge.report.gantt import gantt

            write("--gantt", self.gantt, gantt(training.time).encode())
        if self.trace is not None:
            from weighbridge.report.trace import written

            write("--trace", self.trace, written(training).encode())
