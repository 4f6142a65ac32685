"""A version grows with what it follows, in the same transaction, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from psycopg import Connection

from edupulse.pipeline.intake import intake
from edupulse.school.knowledge import READ_KINDS
from edupulse.school.records import ATTENDANCE, KIND_BY_NAME, STUDENT_KINDS
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import tokens
from edupulse.store.asking import Asker
from edupulse.store.checkpoints import promote, register
from edupulse.store.merge import merge
from edupulse.store.purging import purge
from edupulse.store.store import Store, open_store
from edupulse.store.ties import ties
from edupulse.store.tokens import SCOPES, Wanted
from edupulse.store.versions import OF_KINDS, Of, Versions, versions
from pipeline.small_folder import SMALL, write_folder

NOW = datetime(2025, 12, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
) -> Iterator[Store]:
    """The small district, of which number 4 was merged into student 2."""
    merged = {"student_ids": "old_student_id,student_id\n4,2"}
    with open_store(empty_database()) as opened:
        folder = write_folder(reachable_folder(), SMALL | merged)
        intake(opened, csv_folder(folder), now=NOW, home=folder)
        yield opened


def seen(store: Store) -> Versions:
    return store.answer(versions(range(1, 6)))


def key_of(store: Store, number: str) -> int:
    """Of that number itself: a merged one is not followed."""
    with store.writing() as connection:
        row = connection.execute(
            "SELECT student FROM identity.student WHERE local_id = %s", [number]
        ).fetchone()
    return int(row[0])


def absence(student: int, day: int) -> pl.DataFrame:
    row = {"student": student, "date": date(2025, 9, day), "status": "unexcused", "school": None,
           "fraction": None, "reason": None, "known_from": NOW, "retracted": False,
           "defaulted": False}  # fmt: skip
    schema = ATTENDANCE.schema | {
        "known_from": pl.Datetime("us", "UTC"),
        "retracted": pl.Boolean(),
        "defaulted": pl.Boolean(),
    }
    return pl.DataFrame([row], schema=schema)


def grown(before: Versions, after: Versions) -> set[str | int]:
    """What has another version, and every other version is greater."""
    named = ("reference", "rights", "registry")
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in named}
    pairs |= {key: (before.students[key], after.students[key]) for key in before.students}
    found = {name for name, (old, new) in pairs.items() if old != new}
    assert all(pairs[name][0] < pairs[name][1] for name in found)
    return found


def changes(store: Store, work: Callable[[Connection], object]) -> set[str | int]:
    before = seen(store)
    with store.writing() as connection:
        work(connection)
    return grown(before, seen(store))


def test_a_new_record_grows_the_version_of_its_student_alone(store: Store):
    ada = key_of(store, "1")
    row = absence(ada, 26)
    assert changes(store, lambda c: merge(c, ATTENDANCE, [row], now=NOW)) == {ada}
    assert changes(store, lambda c: merge(c, ATTENDANCE, [row], now=NOW)) == set()


def test_a_record_under_an_old_number_grows_the_student_who_has_it_now(store: Store):
    old, ben = key_of(store, "4"), key_of(store, "2")
    row = absence(old, 26)
    assert changes(store, lambda c: merge(c, ATTENDANCE, [row], now=NOW)) == {old, ben}


def test_nothing_grows_for_others_before_the_import_lands(store: Store):
    before = seen(store)
    with store.writing() as connection:
        merge(connection, ATTENDANCE, [absence(key_of(store, "3"), 29)], now=NOW)
        assert grown(before, seen(store)) == set()
    assert grown(before, seen(store)) == {key_of(store, "3")}


def test_the_same_folder_twice_grows_nothing_and_another_calendar_the_reference(
    store: Store, reachable_folder: Callable[[], Path]
):
    before = seen(store)
    folder = write_folder(reachable_folder(), SMALL)
    intake(store, csv_folder(folder), now=NOW, home=folder)
    assert grown(before, seen(store)) == set()
    longer = SMALL["calendar"] + "\nN,2025-12-22,true"
    folder = write_folder(reachable_folder(), {"calendar": longer})
    intake(store, csv_folder(folder), now=NOW, home=folder)
    assert grown(before, seen(store)) == {"reference"}


def test_every_kind_that_features_read_is_the_reference_or_a_students():
    read = {kind.name for kind in READ_KINDS}
    assert OF_KINDS[Of.REFERENCE] | {kind.name for kind in STUDENT_KINDS} == read
    assert all(KIND_BY_NAME[kind.name].is_by_student for kind in STUDENT_KINDS)


def test_rights_follow_every_kind_that_ties_a_person_to_students(store: Store):
    with store.snapshot() as reading:
        assert set(ties(reading, Asker(NOW)).frames) == OF_KINDS[Of.RIGHTS]


def test_rights_follow_what_the_district_says_of_families_and_a_token_that_was_revoked(
    store: Store,
):
    with store.writing() as connection:
        wanted = Wanted("a test", SCOPES, timedelta(days=1), staff=1)
        token, _ = tokens.create(connection, wanted, now=NOW, by="me")
    revoked = changes(store, lambda c: tokens.revoke(c, str(token.id), now=NOW, by="me"))
    decided = changes(
        store, lambda c: c.execute("UPDATE identity.district SET guardians_see_scores = true")
    )
    assert revoked == {"rights"}
    assert {"rights", "reference", "registry"} == decided


def test_the_registry_grows_with_what_serves(store: Store):
    def made(connection: Connection) -> None:
        register(connection, "sha256:a", created=NOW, folder="/nowhere", decision={})

    def served(connection: Connection) -> None:
        promote(connection, "sha256:a", now=NOW, by="me", because="it must")

    assert seen(store).checkpoint == ""
    assert changes(store, made) == {"registry"}
    assert changes(store, served) == {"registry"}
    assert seen(store).checkpoint == "sha256:a"


def test_a_purge_leaves_no_version_and_grows_what_others_rest_on(store: Store):
    cai, before = key_of(store, "3"), seen(store)
    with store.writing() as connection:
        purge(connection, cai, by="me", because="a parent asked")
    after = seen(store)
    assert after.students[cai] == 0
    assert (after.reference, after.rights) > (before.reference, before.rights)
    assert after.students[key_of(store, "1")] == before.students[key_of(store, "1")]
