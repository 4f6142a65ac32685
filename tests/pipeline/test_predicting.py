"""What is read for an answer is all that can count for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edupulse.features.reference import first_day
from edupulse.panel.panel import panel_of
from edupulse.store import histories
from edupulse.store.store import Store, open_store
from pipeline.small_champion import import_frames, small_district

AT = datetime(2025, 2, 20, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        import_frames(opened, reachable_folder() / "records", small_district())
        yield opened


@pytest.mark.parametrize(("days", "bites"), [(0, False), (700, True), (1000, True), (1250, True)])
def test_records_of_long_ago_are_not_read_and_change_no_bit(store: Store, days: int, bites: bool):
    as_of = AT + timedelta(days=days)
    students = store.students_at(AT)
    with store.snapshot() as reading:
        schools = histories.schools(reading)
    read = store.answer(histories.history_of(students, schools, first_day(as_of))).at(as_of)
    known = store.known(students, as_of)
    assert (sum(map(len, read.columns.values())) < sum(map(len, known.columns.values()))) is bites
    assert len(read.columns["enrollments"]) == len(known.columns["enrollments"])
    mine, whole = panel_of(read), panel_of(known)
    for field in fields(mine.windows):
        np.testing.assert_array_equal(
            getattr(mine.windows, field.name), getattr(whole.windows, field.name)
        )
    np.testing.assert_array_equal(mine.enrolled_days, whole.enrolled_days)
    assert mine.states() == whole.states()


def test_the_first_day_is_that_of_the_instant_in_utc():
    late = AT.replace(hour=20)
    assert first_day(late.astimezone(ZoneInfo("Asia/Tokyo"))) == first_day(late)
