"""Deployments side by side: models, formats of weights and devices, each as :func:`deploy` would serve it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from weighbridge.errors import InputError
from weighbridge.estimate.inference.deployment import PUBLISHED, Deployment, check_known, deploy
from weighbridge.estimate.inference.supported import untimed
from weighbridge.estimate.parameters import as_model
from weighbridge.formats.cluster import load_cluster
from weighbridge.hardware.cluster import Cluster
from weighbridge.models import Model

MOST = 200
"""Deployments in one comparison."""


@dataclass(frozen=True, eq=False)
class Compared:
    """One deployment of a comparison.

    Attributes:
        model: the model's name.
        cluster: what it runs on.
        stored: how weights are stored.
        found: the deployment; ``None`` where it cannot be.
        reason: why it cannot be, or why it is not timed, in words; empty where it is.
    """

    model: str
    cluster: Cluster
    stored: str
    found: Deployment | None
    reason: str = ""

    @property
    def timed(self) -> bool:
        """Whether there are times: it fits, and its device is known well enough."""
        return self.found is not None and not self.reason and self.found.inference.memory.fits is not False


def compare_deployments(
    models: Sequence[Model | str],
    clusters: Sequence[Cluster | str],
    stored: Sequence[str] = (PUBLISHED,),
    **fields: Any,
) -> tuple[Compared, ...]:
    """Every model on every cluster with weights in every format; what cannot be says why.

    Args:
        models: loaded models, names or paths.
        clusters: what they run on.
        stored: formats of weights: see :func:`weighbridge.estimate.inference.deployment.deploy`.
        fields: what else ``deploy`` takes, the same for all.

    Raises:
        InputError: for names that are none, or more than :data:`MOST` deployments.
    """
    count = len(models) * len(clusters) * len(stored)
    if count > MOST:
        raise InputError(f"deployments: got {count:,} (models x clusters x formats); allowed is at most {MOST:,}")
    for name in stored:
        check_known(name)
    loaded = [as_model(model) for model in models]
    machines = [load_cluster(each) if isinstance(each, str) else each for each in clusters]
    return tuple(_compared(m, c, name, fields) for m in loaded for c in machines for name in stored)


def _compared(model: Model, cluster: Cluster, name: str, fields: dict[str, Any]) -> Compared:
    try:
        found = deploy(model, cluster, quantisation=name, **fields)
    except InputError as error:
        return Compared(model.name, cluster, name, None, str(error))
    return Compared(model.name, cluster, found.stored, found, untimed(found.inference))
