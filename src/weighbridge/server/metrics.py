"""Figures for Prometheus: what was asked, what came of it, how long it took, what waits."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from weighbridge import __version__
from weighbridge.server.cache import Cache
from weighbridge.server.lanes import Lanes

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one service."""

    def __init__(self, lanes: Lanes, cache: Cache) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "weighbridge_requests", "Requests by place and status.", ("place", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "weighbridge_answer_seconds",
            "From a question's arrival to its answer, by lane; cache: it was held.",
            ("lane",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.refused = Counter(
            "weighbridge_questions_refused",
            "Questions without an answer, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self.registry.register(_State(lanes, cache))

    def page(self) -> bytes:
        """All of it, in the text form."""
        return generate_latest(self.registry)


class _State(Collector):
    """What stands now."""

    def __init__(self, lanes: Lanes, cache: Cache) -> None:
        self.lanes, self.cache = lanes, cache

    def collect(self) -> Iterator[Metric]:
        for name, text in (
            ("waiting", "Questions that wait for a worker."),
            ("busy", "Workers that answer."),
            ("alive", "Workers that run."),
            ("restarts", "Workers that were lost and replaced."),
        ):
            gauge = GaugeMetricFamily(f"weighbridge_workers_{name}", text, labels=["lane"])
            for lane in (self.lanes.quick, self.lanes.slow):
                gauge.add_metric([lane.name], float(getattr(lane, name)))
            yield gauge
        yield GaugeMetricFamily("weighbridge_cache_bytes", "Bytes of answers that are kept.", float(self.cache.bytes))
        yield GaugeMetricFamily("weighbridge_cache_answers", "Answers that are kept.", float(len(self.cache)))
        info = GaugeMetricFamily("weighbridge_info", "The version that answers.", labels=["version"])
        info.add_metric([__version__], 1.0)
        yield info
