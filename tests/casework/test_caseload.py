"""Whom a viewer may see, in pages; both locks hold, and each student shown is written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from casework.test_access import AT, FILES, IMPORTED, staff
from casework.test_disclosures import by, log_of
from edupulse.casework.access import Part, Sight, Viewer
from edupulse.casework.caseload import Names, caseload, roster
from edupulse.casework.worklist import own_week
from edupulse.pipeline.intake import intake
from edupulse.school.errors import NotFound
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.store import Store, open_store
from pipeline.small_folder import write_folder

MERGED = {**FILES, "student_ids": "old_student_id,student_id\n0,1"}


@pytest.fixture(scope="module")
def store(empty_database, tmp_path_factory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("records")
    with open_store(empty_database()) as opened:
        write_folder(folder, MERGED)
        intake(opened, csv_folder(folder), now=IMPORTED, home=folder)
        yield opened


def numbers(store: Store, items) -> set[str]:
    ids = {store.student_ids([key])[key]: n for n in "123" for key in [store.resolve_student(n)]}
    return {ids[one.student_id] for one in items}


def test_a_viewer_is_listed_the_own_students_with_names_and_parts(store: Store):
    head = by(staff(store, "head"))
    [seat], more = roster(store, head, None, 10)
    assert (seat.names, seat.school_id, more) == (Names("1", "Ada", "A"), "N", False)
    [permitted], _ = caseload(store, head, None, 10)
    assert permitted.student_id == seat.student_id
    assert permitted.parts == set(Part)


def test_an_analyst_is_listed_everyone_without_a_name(store: Store):
    seats, _ = roster(store, by(staff(store, "looks")), None, 10)
    assert numbers(store, seats) == {"1", "2", "3"}
    assert {seat.names for seat in seats} == {Names()}


def test_a_guardian_is_listed_the_own_children_and_no_scores(store: Store):
    [seat], _ = roster(store, by(Viewer("g1", guardian="g1")), None, 10)
    assert seat.names.first_name == "Ada"
    [permitted], _ = caseload(store, by(Viewer("g1", guardian="g1")), None, 10)
    assert permitted.parts == {Part.NAMES, Part.FACTS, Part.DISCLOSURES}
    assert own_week(store, by(Viewer("g1", guardian="g1")), 10).students == 0


def test_who_is_nobody_is_listed_nobody(store: Store):
    nobody = by(Viewer("nobody"))
    assert roster(store, nobody, None, 10) == caseload(store, nobody, None, 10) == ([], False)


def test_a_number_that_is_no_more_is_not_listed_beside_the_one_that_took_its_place(store: Store):
    assert numbers(store, caseload(store, by(staff(store, "looks")), None, 10)[0]) == set("123")


def test_pages_of_one_give_everyone_once_in_the_order_of_ids(store: Store):
    asking = by(staff(store, "looks"))
    for lists in (roster, caseload):
        listed, after, more = [], None, True
        while more:
            page, more = lists(store, asking, after, 1)
            listed += page
            after = page[-1].student_id
        assert listed == lists(store, asking, None, 10)[0]
        assert [one.student_id for one in listed] == sorted({one.student_id for one in listed})


def test_a_school_and_a_grade_level_narrow_the_roster(store: Store):
    asking = by(staff(store, "looks"))
    assert numbers(store, roster(store, asking, None, 10, school="S")[0]) == {"2", "3"}
    assert roster(store, asking, None, 10, grade_level=10) == ([], False)
    with pytest.raises(NotFound):
        roster(store, asking, None, 10, school="no such school")


def test_each_student_on_a_page_is_one_disclosure_and_no_other(store: Store):
    before = len(log_of(store))
    page, _ = roster(store, by(staff(store, "looks")), None, 2)
    entries = log_of(store)[before:]
    assert [entry.student for entry in entries] == [seat.student_id for seat in page]
    assert {entry.body for entry in entries} == {'{"parts": ["facts"]}'}


def test_the_second_lock_holds_where_the_first_was_left_open(store: Store):
    head = by(staff(store, "head"))
    open_door = replace(head, sight=Sight(everyone=frozenset(Part)))
    assert roster(store, open_door, None, 10) == roster(store, head, None, 10)
    assert numbers(store, caseload(store, open_door, None, 10)[0]) == {"1"}
    looks = by(staff(store, "looks"))
    named = replace(looks, sight=Sight(everyone=frozenset(Part)))
    assert {seat.names for seat in roster(store, named, None, 10)[0]} == {Names()}


def test_the_day_of_the_asking_decides(store: Store):
    head = by(staff(store, "head"))
    in_summer = replace(head, at=AT.replace(month=8))
    assert roster(store, in_summer, None, 10) == ([], False)
