"""Packed rows: the same records as a frame of each kind's own columns, of any students and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from edupulse.school.fields import Day, Field, Flag, Milli, Ref, Text, Whole, Word
from edupulse.school.kind import Kind
from edupulse.school.records import STUDENT_KINDS
from edupulse.store import unpacking
from edupulse.store.histories import history, known
from edupulse.store.merge import merge
from edupulse.store.packed import Since, records_of
from edupulse.store.reading import When, among
from edupulse.store.rows import key_stand_ins
from edupulse.store.store import Store, open_store

START = datetime(2026, 1, 1, tzinfo=UTC)
STUDENTS = np.array([2, 3, 5, 70_000], np.int32)
VERSION = {"known_from": pl.Datetime("us", "UTC"), "retracted": pl.Boolean()}
TIMES = (When(), When(until=START + timedelta(days=3)), When(at=START + timedelta(days=3)))


@pytest.fixture(scope="module")
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    """A store with random records of five students, each of some versions."""
    rng = np.random.default_rng(11)
    with open_store(empty_database()) as opened:
        for kind in STUDENT_KINDS:
            rows = [_row(kind, rng) for _ in range(200)]
            rows += [{**row, **_when(rng)} for row in rows]
            frame = pl.DataFrame(rows, schema={**kind.schema, **VERSION})
            once = frame.unique([*kind.key_columns, "known_from"], keep="first")
            with opened.writing() as connection:
                merge(connection, kind, [once.with_columns(defaulted=pl.lit(False))], now=START)
        yield opened


def _row(kind: Kind, rng: np.random.Generator) -> dict[str, Any]:
    never_null = set(kind.key_columns) - set(key_stand_ins(kind))
    of_fields = {
        field.column: _value(field, rng)
        for field in kind.fields
        if field.column in never_null or field.required or rng.random() < 0.6
    }
    return dict.fromkeys(kind.schema) | of_fields | _when(rng)


def _when(rng: np.random.Generator) -> dict[str, Any]:
    instant = START + timedelta(days=int(rng.integers(6)), microseconds=int(rng.integers(9)))
    return {"known_from": instant, "retracted": bool(rng.random() < 0.2)}


def _value(field: Field, rng: np.random.Generator) -> Any:
    match field.type:
        case Ref("student"):
            return int(rng.choice([2, 3, 4, 5, 70_000]))
        case Ref():
            return int(rng.integers(1, 2**31 - 1))
        case Text():
            return str(rng.choice(["a", "zwölf", "𝔘", "x" * 100]))
        case Day():
            return date.fromordinal(int(rng.integers(date(1900, 1, 1).toordinal(), 740_000)))
        case Flag():
            return bool(rng.random() < 0.5)
        case Word(words):
            return str(rng.choice(words))
        case Whole(low, high):
            return int(rng.integers(low, high + 1))
        case Milli(low, high):
            return int(rng.integers(int(low * 1000), int(high * 1000) + 1))


@pytest.mark.parametrize("when", TIMES)
@pytest.mark.parametrize("students", [STUDENTS, STUDENTS[1:2], STUDENTS[:0]])
def test_packed_records_are_those_that_a_frame_has(store, when, students):
    with store.snapshot() as reading:
        found = reading.answer(records_of(students, when))
        for kind in STUDENT_KINDS:
            wanted = reading.versions(kind, among("student", students), when)
            mine = found[kind.name].frame(kind.version_schema)
            assert mine.height == wanted.height
            assert in_order(mine).equals(in_order(wanted))
            assert mine["student"].is_sorted()


@pytest.mark.parametrize("when", TIMES)
def test_of_what_happened_before_a_day_enrollments_are_read_and_all_of_some_students(store, when):
    since = date(1990, 5, 1)
    whole = store.answer(records_of(STUDENTS, when))
    found = store.answer(records_of(STUDENTS, when, Since(since, STUDENTS[:1])))
    for kind in STUDENT_KINDS:
        wanted = whole[kind.name].frame(kind.version_schema)
        if kind.name != "enrollments":
            assert not wanted.filter(pl.col(kind.occurred_on) < since).is_empty()
            all_of = pl.col("student") == STUDENTS[0]
            wanted = wanted.filter((pl.col(kind.occurred_on) >= since) | all_of)
        assert in_order(found[kind.name].frame(kind.version_schema)).equals(in_order(wanted))
        assert not wanted.is_empty()


def test_a_statement_that_is_prepared_sees_what_came_since(store):
    nobody = np.array([6], np.int32)
    with store.snapshot() as reading:
        assert not any(map(len, reading.answer(records_of(nobody, When())).values()))
    with store.writing() as connection:
        for kind in STUDENT_KINDS:
            connection.execute(f"UPDATE records.{kind.name} SET student = 6 WHERE student = 4")
    with store.snapshot() as reading:
        assert all(map(len, reading.answer(records_of(nobody, When())).values()))


def test_students_read_a_few_at_a_time_are_those_read_at_once(store, monkeypatch):
    instant = START + timedelta(days=3)
    with store.snapshot() as reading:
        whole, held = history(reading, STUDENTS), known(reading, STUDENTS, instant)
        monkeypatch.setattr("edupulse.store.histories.AT_A_TIME", 1)
        parts, held_parts = history(reading, STUDENTS), known(reading, STUDENTS, instant)
    for kind in STUDENT_KINDS:
        assert in_order(parts.frames[kind.name]).equals(in_order(whole.frames[kind.name]))
        for found in (held_parts, whole.at(instant)):
            assert in_order(found.frame(kind)).equals(in_order(held.frame(kind)))


def test_what_loads_the_loops_loads_all_that_records_need(store):
    unpacking.load_loops()
    with store.snapshot() as reading:
        for students in (STUDENTS, STUDENTS[:0]):
            for columns in reading.answer(records_of(students, When())).values():
                assert [len(columns.words(name)) for name in columns.texts] == [
                    len(columns) for _ in columns.texts
                ]
    assert {len(loop.signatures) for loop in (unpacking._taken, unpacking._distinct)} == {1}


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """A student's records come in any order."""
    return frame.sort(frame.columns)
