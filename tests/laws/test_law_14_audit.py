"""Law 14: any edit, deletion or reordering in the audit log is found; by an anchor a cut tail."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edupulse.school.errors import BadInput
from edupulse.store.asking import ROLE
from edupulse.store.audit import (
    Anchor,
    Entry,
    What,
    Written,
    append,
    chained,
    end_of,
    verify,
    written,
)
from edupulse.store.store import Store, open_store

TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=8)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
STUDENT = uuid.UUID(int=7)


@st.composite
def logs(draw: st.DrawFn) -> list[Written]:
    count = draw(st.integers(2, 8))
    log: list[Written] = []
    for number in range(1, count + 1):
        entry = Written(
            number,
            BEGIN + timedelta(microseconds=draw(st.integers(0, 10**12))),
            draw(TEXTS),
            draw(TEXTS),
            draw(TEXTS),
            draw(st.sampled_from([None, STUDENT])),
            draw(TEXTS),
            b"",
        )
        log.append(replace(entry, hash=chained(log[-1].hash if log else b"", entry)))
    return log


CHANGES: dict[str, Callable[[Written], Written]] = {
    "at": lambda entry: replace(entry, at=entry.at + timedelta(microseconds=1)),
    "what": lambda entry: replace(entry, what=entry.what + "!"),
    "who": lambda entry: replace(entry, who=entry.who + "!"),
    "purpose": lambda entry: replace(entry, purpose=entry.purpose + "!"),
    "student": lambda entry: replace(entry, student=None if entry.student else STUDENT),
    "body": lambda entry: replace(entry, body=entry.body + " "),
    "moved text": lambda entry: replace(entry, who=entry.who + entry.purpose + "-", purpose=""),
    "hash": lambda entry: replace(entry, hash=bytes(32)),
}


@given(logs())
def test_an_untouched_log_is_whole(log: list[Written]):
    anchors = [Anchor(entry.number, entry.hash.hex()) for entry in log]
    assert verify(log, anchors).whole
    assert verify(log).end == anchors[-1]


@given(logs(), st.data())
def test_any_edit_is_found_where_it_is(log: list[Written], data: st.DataObject):
    place = data.draw(st.integers(0, len(log) - 1))
    change = CHANGES[data.draw(st.sampled_from(sorted(CHANGES)))]
    log[place] = change(log[place])
    verdict = verify(log)
    assert not verdict.whole
    assert verdict.entries == place


@given(logs(), st.data())
def test_any_deletion_before_the_end_any_swap_and_any_repetition_is_found(
    log: list[Written], data: st.DataObject
):
    place = data.draw(st.integers(0, len(log) - 2))
    assert not verify(log[:place] + log[place + 1 :]).whole
    swapped = [*log[:place], log[place + 1], log[place], *log[place + 2 :]]
    assert not verify(swapped).whole
    assert not verify([*log[: place + 1], *log[place:]]).whole
    renumbered = [replace(e, number=n) for n, e in enumerate(swapped, 1)]
    assert not verify(renumbered).whole


@given(logs(), st.data())
def test_a_cut_tail_and_a_log_rewritten_with_good_hashes_are_found_by_an_anchor(
    log: list[Written], data: st.DataObject
):
    anchor = Anchor(log[-1].number, log[-1].hash.hex())
    length = data.draw(st.integers(0, len(log) - 1))
    assert verify(log[:length]).whole, "by itself a shorter log is whole"
    assert not verify(log[:length], [anchor]).whole
    place = data.draw(st.integers(0, len(log) - 1))
    log[place] = replace(log[place], body=log[place].body + " ")
    for n in range(place, len(log)):
        log[n] = replace(log[n], hash=chained(log[n - 1].hash if n else b"", log[n]))
    assert verify(log).whole
    assert not verify(log, [anchor]).whole


@pytest.fixture(scope="module")
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        yield opened


def entries(count: int, who: str = "a test") -> list[Entry]:
    body = {"as_of": "2026-03-01", "text": 'quotes " and ü, 🏫'}
    return [Entry(What.DISCLOSED, who, "law 14", STUDENT, {**body, "n": n}) for n in range(count)]


def log_of(store: Store) -> list[Written]:
    with store.writing() as connection:
        return list(written(connection))


def test_writers_at_the_same_time_keep_one_chain(store: Store):
    def write(who: str) -> None:
        for n in range(15):
            with store.writing() as connection:
                append(connection, entries(1 + n % 3, who))

    threads = [threading.Thread(target=write, args=[f"writer {n}"]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = log_of(store)
    assert verify(log).whole
    assert len(log) == 4 * 30
    assert {entry.who for entry in log} == {f"writer {n}" for n in range(4)}


def append_and_fail(store: Store) -> None:
    with store.writing() as connection:
        append(connection, entries(3))
        connection.execute("SELECT 1 / 0")


def as_service(store: Store, query: str) -> None:
    with store.writing() as connection:
        connection.execute(f"SET LOCAL ROLE {ROLE}")
        connection.execute(query.encode())


def test_what_was_undone_leaves_no_gap(store: Store):
    before = len(log_of(store))
    with pytest.raises(psycopg.Error):
        append_and_fail(store)
    with store.writing() as connection:
        append(connection, entries(1))
        assert end_of(connection).number == before + 1
    assert verify(log_of(store)).whole


@pytest.mark.parametrize(
    "query",
    ["UPDATE state.audit SET who = 'x'", "DELETE FROM state.audit", "TRUNCATE state.audit"],
)
def test_not_even_the_owner_changes_it_by_accident_and_the_service_cannot(store: Store, query: str):
    with store.writing() as connection:
        append(connection, entries(1))
    with pytest.raises(psycopg.errors.RaiseException), store.writing() as connection:
        connection.execute(query.encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_service(store, query)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE state.audit SET who = 'nobody' WHERE number = 2",
        "UPDATE state.audit SET at = at + interval '1 microsecond' WHERE number = 2",
        """UPDATE state.audit SET body = '{"n": 5}' WHERE number = 2""",
        "UPDATE state.audit SET student = NULL WHERE number = 2",
        "DELETE FROM state.audit WHERE number = 2",
        "DELETE FROM state.audit WHERE number = 1",
        "UPDATE state.audit SET number = 1000 + number WHERE number = 2",
        "DELETE FROM state.audit WHERE number = (SELECT max(number) FROM state.audit)",
        "DELETE FROM state.audit",
    ],
)
def test_an_owner_who_switches_the_guard_off_is_found(store: Store, tampering: str):
    with store.writing() as connection:
        append(connection, entries(3))
        anchor = end_of(connection)
    assert verify(log_of(store), [anchor]).whole
    with store.writing() as connection:
        connection.execute("ALTER TABLE state.audit DISABLE TRIGGER USER")
        connection.execute(tampering.encode())
        assert not verify(written(connection), [anchor]).whole
        connection.rollback()


def test_an_anchor_is_read_as_it_was_printed_and_nonsense_is_refused(store: Store):
    with store.writing() as connection:
        anchor = end_of(connection)
    assert Anchor.read(str(anchor)) == anchor
    for nonsense in ("", "7", "7:xyz", f"-1:{'0' * 64}"):
        with pytest.raises(BadInput):
            Anchor.read(nonsense)


def test_an_entry_without_who_or_why_is_refused():
    with pytest.raises(BadInput):
        Entry(What.DISCLOSED, "someone", " ")
