"""What Prometheus reads of the store: freshness by school, syncs, answers; nothing of students."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from edupulse.api.metrics import DistrictCollector
from edupulse.pipeline.intake import intake
from edupulse.pipeline.scoring import score
from edupulse.school.errors import DatabaseDown
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.store import Store, open_store
from edupulse.store.syncs import Synced, note_sync
from pipeline.small_folder import small, write_folder

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def store(empty_database: Callable[[], str], tmp_path: Path) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        folder = write_folder(tmp_path / "csv", small())
        intake(opened, csv_folder(folder), now=NOW, home=tmp_path)
        yield opened


def scraped(store: Store) -> list[str]:
    registry = CollectorRegistry()
    registry.register(DistrictCollector(store, lambda: NOW))
    return generate_latest(registry).decode().splitlines()


def test_freshness_by_school_syncs_and_answers_are_told(store: Store) -> None:
    with store.writing() as connection:
        done = datetime(2026, 1, 5, 3, tzinfo=UTC)
        note_sync(connection, Synced("sis", "7", done, done, uuid.uuid4()))
    score(store, datetime(2025, 10, 20, 12, tzinfo=UTC))
    lines = scraped(store)
    assert "edupulse_up 1.0" in lines
    assert 'edupulse_days_since_observed{kind="attendance",school="N"} ' in "\n".join(lines)
    assert 'edupulse_seconds_since_sync{source="sis"} 32400.0' in lines
    assert any(line.startswith("edupulse_answers_stored{") for line in lines)
    assert "edupulse_audit_entries 1.0" in lines
    assert any(line.startswith("edupulse_seconds_since_audit_entry ") for line in lines)


def test_nothing_of_a_student_is_in_it(store: Store) -> None:
    text = "\n".join(scraped(store))
    names = store.student_names([1, 2, 3])
    for column in ("student_id", "first_name", "last_name"):
        assert not any(f'"{value}"' in text for value in names[column].drop_nulls().to_list())


def test_without_a_database_it_says_down() -> None:
    class Gone:
        @contextmanager
        def writing(self) -> Iterator[None]:
            raise DatabaseDown("gone")
            yield

    assert scraped(Gone())[-1] == "edupulse_up 0.0"
