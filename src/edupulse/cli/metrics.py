"""`edupulse metrics`: how fresh the data are and what serves, in Prometheus' words."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, generate_latest

from edupulse.api.metrics import DistrictCollector
from edupulse.store.store import open_store


def metrics() -> None:
    """Print how fresh each school's records are, when sources were read, and what serves.

    In Prometheus' text format, for its node exporter's textfile collector: run it after
    `edupulse sync`. There is nothing of any student in it.
    """
    registry = CollectorRegistry()
    with open_store() as store:
        registry.register(DistrictCollector(store, lambda: datetime.now(UTC)))
        sys.stdout.write(generate_latest(registry).decode())
