"""What power a deployment draws: from what kernels draw, by what they wait for, as shares of the device's limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import Count, ratio
from weighbridge.estimate.explainable import Explainable
from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.rates import MILLION
from weighbridge.estimate.inference.timing import PassTime
from weighbridge.estimate.time.power import ATTENDING, MOVING, WAITING
from weighbridge.estimate.time.work import Bound
from weighbridge.sums import summed
from weighbridge.traced import Label, named

DRAWS = {Bound.COMPUTE: "multiplying", Bound.MEMORY: "moving", Bound.NETWORK: "waiting", Bound.LAUNCH: "waiting"}
"""What a GPU does while it waits for something: multiplies draw as much as they may, the rest as measured."""


@dataclass(frozen=True)
class Drawn:
    """Seconds of one GPU in a pass, by what they draw.

    Attributes:
        name: of the pass.
        multiplying: seconds of multiplies, which draw as much as they may.
        attending: seconds of fused attention over a prompt.
        moving: seconds of kernels that move memory.
        waiting: seconds in which messages or the host are waited for.
    """

    name: str
    multiplying: float
    attending: float
    moving: float
    waiting: float

    def symbol_of(self, field: str) -> str:
        """What formulas call a field."""
        return f"{self.name}_{field}_seconds"

    @property
    def at_the_limit(self) -> float:
        """Seconds at the power limit that draw as much."""
        drawn = self.multiplying + ATTENDING * self.attending + MOVING * self.moving + WAITING * self.waiting
        note = "that draw as much: each kind of kernel draws its share of the power limit, as measured"
        return named(drawn, Label(f"{self.name}_seconds_at_the_limit", "seconds", note))


@dataclass(frozen=True)
class Energy(Explainable):
    """Energy of the GPUs that serve.

    Attributes:
        watts: power limit of a GPU.
        gpus: of one replica that run at once; stages take turns.
        prompt: tokens of a prompt.
        sequences: of one replica at once.
        tokens_per_pass: that a sequence is given by one pass.
        prefill: the pass of one prompt.
        decode: the pass of one token of every sequence.
    """

    figures: ClassVar[tuple[str, ...]] = ("joules_per_million_input", "joules_per_million_output")

    watts: float
    gpus: Count
    prompt: Count
    sequences: Count
    tokens_per_pass: float
    prefill: Drawn
    decode: Drawn

    @property
    def joules_per_million_input(self) -> float:
        """Joules of all GPUs per million tokens of prompts."""
        label = Label("joules_per_million_input", "joules", "of the GPUs, without hosts, network and cooling")
        return named(ratio(MILLION * self.gpus * self.watts * self.prefill.at_the_limit, self.prompt), label)

    @property
    def joules_per_million_output(self) -> float:
        """Joules of all GPUs per million tokens of answers."""
        label = Label("joules_per_million_output", "joules", "of the GPUs, without hosts, network and cooling")
        made = self.sequences * self.tokens_per_pass
        return named(ratio(MILLION * self.gpus * self.watts * self.decode.at_the_limit, made), label)


def drawn(run: PassTime, name: str) -> Drawn:
    """What a pass draws, kernel by kernel."""
    found = dict.fromkeys(("multiplying", "attending", "moving", "waiting"), 0.0)
    for span in run.spans:
        attends = span.name == "attention" and span.bound is Bound.COMPUTE
        found["attending" if attends else DRAWS[span.bound]] += span.seconds
    found["waiting"] += run.seconds - summed(span.seconds for span in run.spans)
    return Drawn(name, **found)


def energy(inference: Inference) -> Energy | None:
    """What the GPUs draw, prompts and answers each by themselves; ``None`` where no power of the device is known."""
    watts = None if inference.cluster is None else inference.cluster.device.tdp_watts
    if not watts:
        return None
    serving = inference.serving
    return Energy(
        watts=watts,
        gpus=int(serving.tensor),
        prompt=int(serving.prompt),
        sequences=int(serving.sequences),
        tokens_per_pass=serving.tokens_per_pass,
        prefill=drawn(inference.prefill, "prefill"),
        decode=drawn(inference.decode, "decode"),
    )


def energy_per_million(inference: Inference) -> dict[str, float] | None:
    """Joules of all GPUs per million tokens, "input" and "output", each by itself, without hosts and cooling; ``None``
    where no power of the device is known.
    """
    found = energy(inference)
    if found is None:
        return None
    return {"input": found.joules_per_million_input, "output": found.joules_per_million_output}
