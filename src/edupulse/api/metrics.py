"""What Prometheus reads: of requests, by route, and of the store; never anything of a student."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edupulse.school.errors import DatabaseDown
from edupulse.store import audit, webhooks
from edupulse.store.answers import Counts
from edupulse.store.checkpoints import champion
from edupulse.store.freshness import freshness, said_by_band
from edupulse.store.risks import StoredRisk
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

INSIDE = Gauge("edupulse_requests_inside", "Being answered now.", multiprocess_mode="livesum")
STREAMS = Gauge("edupulse_streams", "Streams of events, open now.", multiprocess_mode="livesum")
CONNECTIONS = Gauge(
    "edupulse_database_connections",
    "Of the pools: in use, or idle.",
    ["state"],
    multiprocess_mode="livesum",
)
RESIDENT = Gauge(
    "edupulse_worker_resident_bytes", "Memory of a worker.", multiprocess_mode="liveall"
)

BATCH = Histogram(
    "edupulse_batch_questions",
    "Questions that were answered together.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 200, 1000, 10000),
)
WAITING = Gauge(
    "edupulse_queue_requests", "Waiting for a lane.", ["lane"], multiprocess_mode="livesum"
)
CACHE = Counter("edupulse_cache_lookups", "Answers looked up: found, missed, failed.", ["result"])
ANSWERS = Counter(
    "edupulse_answers", "Questions about a student, by where the answer came from.", ["source"]
)
PREDICTIONS = Counter(
    "edupulse_predictions", "New predictions, by band or the state without one.", ["method", "band"]
)

STANDS = 60.0
"""Seconds for which the number of all stored answers stands: to count them reads them all."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request; `route` is the path's pattern, so that there are few of them."""
    REQUESTS.labels(method if method in _METHODS else "other", route, str(status)).inc()
    LATENCY.labels(route).observe(seconds)


def predicted(risks: Iterable[StoredRisk]) -> None:
    """Count new predictions."""
    for risk in risks:
        PREDICTIONS.labels(risk.method, risk.body.get("risk_category") or risk.state).inc()


@asynccontextmanager
async def sampled(
    store: Store, cache: Counts, waiting: Mapping[str, Callable[[], int]]
) -> AsyncIterator[None]:
    """Meanwhile note, every second, what is neither of one request nor in the database.

    `waiting` tells of each lane how many requests wait for it.
    """
    task = asyncio.create_task(_sample(store, cache, waiting))
    try:
        yield
    finally:
        task.cancel()


async def _sample(store: Store, cache: Counts, waiting: Mapping[str, Callable[[], int]]) -> None:
    before = Counts()
    while True:
        in_use, idle = store.connections()
        CONNECTIONS.labels("in_use").set(in_use)
        CONNECTIONS.labels("idle").set(idle)
        for lane, how_many in waiting.items():
            WAITING.labels(lane).set(how_many())
        for result, number in vars(cache).items():
            CACHE.labels(result).inc(number - getattr(before, result))
        before = replace(cache)
        if _STATM.exists():
            RESIDENT.set(int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        await asyncio.sleep(1)


_STATM = Path("/proc/self/statm")


class DistrictCollector(Collector):
    """What the store tells at a scrape: freshness, syncs, the model's age, answers, the log."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self.store, self.clock = store, clock
        self._said: list[tuple[str, str, int]] = []
        self._said_until = 0.0

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
            serving, (entries, last) = champion(connection), audit.newest(connection)
            unsent = webhooks.outbox(connection)
        days = [((f.school_id, f.kind), (now.date() - f.observed_through).days) for f in fresh]
        ages = [((one.hash,), _since(one.created, now)) for one in (serving,) if one is not None]
        return [
            _gauge("edupulse_days_since_observed", "school kind", days),
            _gauge("edupulse_seconds_since_sync", "source",
                   [((one.source,), _since(one.finished, now)) for one in synced]),
            _gauge("edupulse_answers_stored", "method band",
                   [((method, band), number) for method, band, number in self._answers()]),
            _gauge("edupulse_model_age_seconds", "checkpoint", ages),
            _gauge("edupulse_audit_entries", "", [((), entries)]),
            _gauge("edupulse_seconds_since_audit_entry", "",
                   [((), _since(one, now)) for one in (last,) if one is not None]),
            _gauge("edupulse_outbox_deliveries", "state",
                   [((state,), number) for state, number, _ in unsent]),
            _gauge("edupulse_outbox_seconds", "state",
                   [((state,), _since(oldest, now)) for state, _, oldest in unsent]),
        ]  # fmt: skip

    def _answers(self) -> list[tuple[str, str, int]]:
        if time.monotonic() >= self._said_until:
            with self.store.writing() as connection:
                self._said = said_by_band(connection)
            self._said_until = time.monotonic() + STANDS
        return self._said


TOLD = {
    "edupulse_days_since_observed": "Since the last day observed.",
    "edupulse_seconds_since_sync": "Since a source was read.",
    "edupulse_answers_stored": "Answers stored.",
    "edupulse_model_age_seconds": "Since what serves was made.",
    "edupulse_audit_entries": "Entries of the audit log.",
    "edupulse_seconds_since_audit_entry": "Since the newest of them.",
    "edupulse_outbox_deliveries": "Of webhooks: waiting, or dead after a day of trying.",
    "edupulse_outbox_seconds": "Since the oldest of them happened.",
}
"""What the store tells at each scrape."""


def _gauge(
    name: str, labels: str, values: Iterable[tuple[Sequence[str], float]]
) -> GaugeMetricFamily:
    made = GaugeMetricFamily(name, TOLD[name], labels=labels.split())
    for of, value in values:
        made.add_metric(of, value)
    return made


def _since(then: datetime, now: datetime) -> float:
    return (now - then).total_seconds()
