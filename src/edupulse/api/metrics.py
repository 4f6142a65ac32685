"""What Prometheus reads: of requests, by route, and of the store; never anything of a student."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edupulse.school.errors import DatabaseDown
from edupulse.store.checkpoints import champion
from edupulse.store.freshness import freshness, said_by_band
from edupulse.store.store import Store
from edupulse.store.syncs import all_synced

REQUESTS = Counter("edupulse_requests", "Requests answered.", ["method", "route", "status"])
LATENCY = Histogram(
    "edupulse_request_seconds",
    "Time from a request to its answer.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
LOCKS_DIFFER = Counter(
    "edupulse_locks_differ",
    "Times that access and the database disagreed on what a viewer sees; what only one of them"
    " allows is not shown.",
)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request; `route` is the path's pattern, so that there are few of them."""
    REQUESTS.labels(method if method in _METHODS else "other", route, str(status)).inc()
    LATENCY.labels(route).observe(seconds)


class DistrictCollector(Collector):
    """What the store tells at each scrape: freshness by school, syncs, the model's age, answers."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self.store, self.clock = store, clock

    def collect(self) -> Iterator[Metric]:
        """The gauges as of now. Without a database there is only `edupulse_up 0`."""
        up = GaugeMetricFamily("edupulse_up", "1 where the database answers.")
        try:
            families = self._families(self.clock())
        except DatabaseDown:
            families = []
        up.add_metric([], 1.0 if families else 0.0)
        yield up
        yield from families

    def _families(self, now: datetime) -> list[Metric]:
        with self.store.writing() as connection:
            fresh, synced = freshness(connection), all_synced(connection)
            said, serving = said_by_band(connection), champion(connection)
        days = _gauge("edupulse_days_since_observed", "Since the last day observed.", "school kind")
        for one in fresh:
            passed = (now.date() - one.observed_through).days
            days.add_metric([one.school_id, one.kind], passed)
        since = _gauge("edupulse_seconds_since_sync", "Since a source was read.", "source")
        for source in synced:
            since.add_metric([source.source], (now - source.finished).total_seconds())
        answers = _gauge("edupulse_answers_stored", "Answers stored.", "method band")
        for method, band, count in said:
            answers.add_metric([method, band], count)
        age = _gauge("edupulse_model_age_seconds", "Since what serves was made.", "checkpoint")
        if serving is not None:
            age.add_metric([serving.hash], (now - serving.created).total_seconds())
        return [days, since, answers, age]


def _gauge(name: str, what: str, labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, labels=labels.split())
