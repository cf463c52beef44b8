"""What power a deployment draws: from what kernels draw, by what they wait for, as shares of the device's limit."""

from __future__ import annotations

from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.timing import PassTime
from weighbridge.estimate.time.power import ATTENDING, MOVING, WAITING
from weighbridge.estimate.time.work import Bound
from weighbridge.sums import summed

DRAWN = {Bound.COMPUTE: 1.0, Bound.MEMORY: MOVING, Bound.NETWORK: WAITING, Bound.LAUNCH: WAITING}
"""Shares of the power limit: multiplies draw as much as they may, what moves memory and what waits as measured."""


def joules(run: PassTime, watts: float) -> float:
    """Of one GPU in a pass."""
    drawn = (
        span.seconds * (ATTENDING if span.name == "attention" and span.bound is Bound.COMPUTE else DRAWN[span.bound])
        for span in run.spans
    )
    host = run.seconds - summed(span.seconds for span in run.spans)
    return watts * (summed(drawn) + host * WAITING)


def energy_per_million(inference: Inference) -> dict[str, float] | None:
    """Joules of all GPUs per million tokens, "input" and "output", each by itself, without hosts and cooling; ``None``
    where no power of the device is known.
    """
    watts = None if inference.cluster is None else inference.cluster.device.tdp_watts
    if not watts:
        return None
    serving = inference.serving
    gpus = serving.tensor  # of one replica; stages take turns
    return {
        "input": 1e6 * gpus * joules(inference.prefill, watts) / serving.prompt,
        "output": 1e6 * gpus * joules(inference.decode, watts) / (serving.sequences * serving.tokens_per_pass),
    }
