"""What the store tells reaches the parent by whichever worker answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edupulse.serve import told
from edupulse.serve.told import Told, telling


class Two(Collector):
    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("edupulse_up", "1 where the database answers.", 1.0)
        one = GaugeMetricFamily("edupulse_outbox_seconds", "Since.", labels=["state"])
        one.add_metric(["dead"], 12.5)
        yield one


def page_of(collector: Collector) -> bytes:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)


def scraped(folder: Path) -> bytes:
    return page_of(Told(folder))


def asked_of_a_worker(folder: Path) -> bytes:
    async def both() -> bytes:
        async with telling(lambda: page_of(Two()), folder):
            return await asyncio.to_thread(scraped, folder)

    return asyncio.run(both())


def test_the_page_of_a_worker_is_told_as_it_is(tmp_path: Path) -> None:
    assert asked_of_a_worker(tmp_path) == page_of(Two())


def test_a_worker_that_was_killed_is_passed_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(tmp_path / "0.told"))
    assert asked_of_a_worker(tmp_path) == page_of(Two())


def test_where_no_worker_answers_in_time_it_says_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert b"edupulse_up 0.0" in scraped(tmp_path)
    monkeypatch.setattr(told, "PATIENCE", 0.01)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "0.told"))
        silent.listen()
        assert b"edupulse_up 0.0" in scraped(tmp_path)


def test_a_worker_that_has_stopped_is_gone(tmp_path: Path) -> None:
    asked_of_a_worker(tmp_path)
    assert b"edupulse_up 0.0" in scraped(tmp_path)
