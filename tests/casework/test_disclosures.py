"""Whatever is opened or refused stands in the log, and a stranger learns nothing (law 13)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import Connection

from casework.test_access import AT, FILES, IMPORTED, staff
from edupulse.casework.access import Part, Viewer
from edupulse.casework.disclosures import Asking, open_record, open_records, seen_by
from edupulse.pipeline.intake import intake
from edupulse.school.errors import NotFound
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.audit import Written, verify, written
from edupulse.store.store import Store, open_store
from pipeline.small_folder import write_folder


@pytest.fixture
def store(empty_database, tmp_path: Path) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        write_folder(tmp_path, FILES)
        intake(opened, csv_folder(tmp_path), now=IMPORTED, home=tmp_path)
        yield opened


def log_of(store: Store) -> list[Written]:
    with store.writing() as connection:
        return list(written(connection))


def by(viewer: Viewer) -> Asking:
    return Asking(viewer, AT, "a test")


def test_an_opened_record_is_a_disclosure(store: Store):
    student = open_record(store, by(staff(store, "counsels")), "1", [Part.FACTS, Part.NAMES])
    entry = log_of(store)[-1]
    assert (entry.what, entry.who, entry.purpose) == ("disclosed", "counsels", "a test")
    assert entry.student == store.student_ids([student])[student]
    assert entry.body == '{"parts": ["facts", "names"]}'


def test_a_student_of_others_and_one_who_is_not_there_give_one_answer_and_are_written_down(
    store: Store,
):
    asking, said = by(staff(store, "counsels")), []
    for name in ("3", "no such number"):
        with pytest.raises(NotFound) as refusal:
            open_record(store, asking, name, [Part.FACTS])
        said.append((str(refusal.value), refusal.value.to_do))
    assert said[0] == said[1]
    log = log_of(store)
    assert [entry.what for entry in log] == ["denied", "denied"]
    cai = store.resolve_student("3")
    assert log[0].student == store.student_ids([cai])[cai]
    assert "no such number" not in log[1].body


def test_to_refuse_takes_as_many_questions_for_somebody_as_for_nobody(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    asking, asked = by(staff(store, "counsels")), []
    ask = Connection.execute
    monkeypatch.setattr(
        Connection, "execute", lambda own, query, *more, **named: (
            asked.append(str(query)), ask(own, query, *more, **named))[1]
    )  # fmt: skip
    questions = []
    for name in ("3", "no such number"):
        asked.clear()
        with pytest.raises(NotFound):
            open_record(store, asking, name, [Part.FACTS])
        questions.append(list(asked))
    assert len(questions[0]) > 2
    assert questions[0] == questions[1]


def test_a_part_that_is_not_the_viewers_is_as_little_there(store: Store):
    with pytest.raises(NotFound):
        open_record(store, by(staff(store, "looks")), "1", [Part.FACTS, Part.NAMES])


def test_of_many_the_permitted_are_opened_each_with_an_entry(store: Store):
    keys = [store.resolve_student(number) for number in "321"]
    head = by(staff(store, "head"))
    assert open_records(store, head, keys, [Part.FACTS]) == [keys[2]]
    assert [entry.what for entry in log_of(store)] == ["disclosed"]


def test_a_family_learns_who_looked_and_strangers_do_not(store: Store):
    open_record(store, by(staff(store, "counsels")), "1", [Part.FACTS])
    guardian = by(Viewer("g1", guardian="g1"))
    found, more = seen_by(store, guardian, "1", before=None, most=2)
    assert ([entry.who for entry in found], more) == (["g1", "counsels"], False)
    with pytest.raises(NotFound):
        seen_by(store, by(staff(store, "counsels")), "1", before=None, most=2)
    assert verify(log_of(store)).whole
