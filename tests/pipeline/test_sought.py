"""Looking things up by name or all at once: the same records land, and a push reads few rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from psycopg import Connection

from edupulse.pipeline import desk
from edupulse.pipeline.pushing import push
from edupulse.pipeline.sought import Sought
from edupulse.school.kind import Kind
from edupulse.school.records import ATTENDANCE, KINDS, MARKS
from edupulse.store.store import Store, open_store
from edupulse.store.tables import schema_of
from pipeline.small_champion import import_frames, small_district

NOW = datetime(2025, 3, 3, 18, tzinfo=UTC)
ALWAYS_ALL, NEVER_ALL = 0, 10**9
OPEN_KINDS = [kind for kind in KINDS if not kind.sealed and schema_of(kind) == "records"]
"""Those whose contents are hashed without a key of the database's own."""
NUMBERS = pl.DataFrame({"number": [1, 2, 3, 4]})


class Numbers:
    """Reads rows, and remembers of which values it was asked."""

    def __init__(self) -> None:
        self.asked: list[Sequence[int] | None] = []

    def __call__(self, values: Sequence[int] | None) -> pl.DataFrame:
        self.asked.append(values)
        return NUMBERS if values is None else NUMBERS.filter(pl.col("number").is_in(values))


def sought(read: Numbers, *asked: list[int | None]) -> list[list[int]]:
    made = Sought(read)
    return [made.of(pl.Series(some, dtype=pl.Int64))["number"].to_list() for some in asked]


def test_each_value_is_asked_for_once_also_one_that_is_not_there():
    read = Numbers()
    assert sought(read, [2, None, 9], [9, 2, 2], [1]) == [[2], [2], [2, 1]]
    assert read.asked == [[2, 9], [1]]


def test_who_names_nobody_finds_an_empty_frame():
    read = Numbers()
    assert sought(read, [None], []) == [[], []]
    assert read.asked == [[]]


def test_who_names_many_gets_all_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("edupulse.pipeline.sought.FEW", 2)
    read = Numbers()
    assert sought(read, [1], [2, 3], [4]) == [[1], [1, 2, 3, 4], [1, 2, 3, 4]]
    assert read.asked == [[1], None]


def rows_to_push(store: Store) -> dict[str, list[dict[str, str]]]:
    """An absence that names no school of each student, and a mark of one."""
    with store.writing() as connection:
        ids = connection.execute("SELECT local_id FROM identity.student ORDER BY 1").fetchall()
        student, section = connection.execute(
            "SELECT i.local_id, s.local_id FROM records.marks JOIN identity.student i"
            " USING (student) JOIN identity.section s USING (section) ORDER BY 1, 2 LIMIT 1"
        ).fetchone()
    day = {"date": "2025-02-27", "status": "unexcused"}
    mark = {"student_id": student, "section_id": section, "assignment_id": "new",
            "due_on": "2025-02-26", "status": "scored", "points": "5",
            "points_possible": "10"}  # fmt: skip
    return {"attendance": [{"student_id": id_, **day} for (id_,) in ids], "marks": [mark]}


def versions_of(kind: Kind, connection: Connection) -> list[tuple[object, ...]]:
    """By the content of each, when it is known."""
    return connection.execute(
        f"SELECT hash, known_from, NULL FROM records.{kind.name} UNION ALL"
        f" SELECT hash, known_from, known_until FROM records.{kind.name}_past ORDER BY 1, 2, 3"
    ).fetchall()


def push_all(store: Store) -> list[dict[str, int]]:
    told = []
    for number, (kind, rows) in enumerate(rows_to_push(store).items()):
        done, _ = push(
            store,
            {"attendance": ATTENDANCE, "marks": MARKS}[kind],
            rows,
            by="a test",
            now=NOW + timedelta(minutes=number),
            number=uuid.uuid4(),
        )
        told += [{name: one[name] for name in ("kind", "new")} for one in done.report["files"]]
    return told


def test_the_same_lands_however_it_was_looked_up(
    empty_database: Callable[[], str],
    reachable_folder: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
):
    found = []
    for few in (ALWAYS_ALL, 30, NEVER_ALL):
        monkeypatch.setattr("edupulse.pipeline.sought.FEW", few)
        with open_store(empty_database()) as store:
            import_frames(store, reachable_folder() / "records", small_district())
            told = push_all(store)
            with store.writing() as connection:
                found.append((told, [versions_of(kind, connection) for kind in OPEN_KINDS]))
    assert found[0] == found[1] == found[2]
    (attendance, marks), _ = found[0]
    assert attendance["new"] > 30
    assert marks == {"kind": "marks", "new": 1}


def test_a_push_reads_what_it_names_and_no_more(
    empty_database: Callable[[], str],
    reachable_folder: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
):
    read: list[object] = []

    def watched(name: str) -> None:
        whole = getattr(desk, name)

        def reads(*asked: object) -> pl.DataFrame:
            read.append(asked[-1])
            return whole(*asked)

        monkeypatch.setattr(desk, name, reads)

    with open_store(empty_database()) as store:
        import_frames(store, reachable_folder() / "records", small_district())
        for name in ("keys_of", "enrolled_at", "current_of"):
            watched(name)
        push_all(store)
    assert None not in read
    assert any(read)
