"""Seconds of kernels and messages on a cluster; what is asked again is not computed again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from types import NoneType
from typing import Any

from weighbridge.hardware.cluster import Cluster
from weighbridge.hardware.collectives import Collectives, collectives
from weighbridge.hardware.speeds import Speeds, speeds

MOST = 10_000
"""Answers that are kept for a cluster."""

NUMBERS = frozenset({int, float, str, bool, NoneType})
"""What is looked up; traced numbers and arrays are worked out each time."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A cluster's speeds, and what was asked of them.

    Attributes:
        speeds: the device's kernels.
        links: the cluster's messages.
        answers: what was answered, by the question.
    """

    speeds: Speeds
    links: Collectives
    answers: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)

    def once(self, ask: Callable[..., Any], *sizes: Any, **options: Any) -> Any:
        """What a method of the speeds or the messages answers.

        Args:
            ask: the method.
            sizes: its arguments.
            options: those that have names.
        """
        if not (NUMBERS.issuperset(map(type, sizes)) and NUMBERS.issuperset(map(type, options.values()))):
            return ask(*sizes, **options)
        key = (ask.__name__, sizes, *options.items())
        if key not in self.answers:
            if len(self.answers) >= MOST:
                self.answers.clear()
            self.answers[key] = ask(*sizes, **options)
        return self.answers[key]


@lru_cache(maxsize=8)
def asked(cluster: Cluster) -> Asked:
    """What a cluster was asked."""
    return Asked(speeds(cluster.device), collectives(cluster))
