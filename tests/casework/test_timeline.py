"""The facts behind a student's features: the own ones alone, as then known, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from casework.test_access import AT, FILES, IMPORTED, staff
from casework.test_disclosures import by, log_of
from edupulse.casework.record import show, student_page, weeks_of
from edupulse.casework.timeline import Event, timeline
from edupulse.features.weekly import weekly_features
from edupulse.pipeline.intake import intake
from edupulse.school.errors import BadInput, NotFound
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.store import Store, open_store
from pipeline.small_folder import write_folder

LIVED = FILES | {
    "attendance": """student_id,date,status,fraction,reason
1,2025-09-15,unexcused,,
1,2025-09-16,excused,0.5,with Ben at the dentist
1,2025-09-17,tardy,,
1,2025-09-18,present,,""",
    "marks": """student_id,section_id,assignment_id,due_on,points,points_possible,status
1,ALG,a1,2025-09-05,8,10,
1,ALG,a2,2025-09-19,,10,missing
1,ALG,a3,2026-01-09,,10,""",
    "incidents": """incident_id,student_id,date,behavior,role,overturned
i1,1,2025-09-22,fighting,perpetrator,true
i2,1,2025-09-23,bullying,victim,false
i2,2,2025-09-23,bullying,perpetrator,false
i3,1,2025-09-24,theft,witness,false
i4,1,2025-09-25,defiance,perpetrator,false""",
    "exclusions": """incident_id,student_id,kind,begins_on,days
i1,1,out_of_school,2025-09-23,2
i4,1,in_school,2025-09-26,1""",
}


@pytest.fixture(scope="module")
def store(empty_database, tmp_path_factory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("records")
    with open_store(empty_database()) as opened:
        write_folder(folder, LIVED)
        intake(opened, csv_folder(folder), now=IMPORTED, historical=True, home=folder)
        yield opened


@pytest.fixture
def head(store: Store):
    return by(staff(store, "head"))


def told(store: Store, asking, as_of: datetime | None = None) -> tuple[Event, ...]:
    return timeline(store, asking, "1", as_of).events


def test_it_is_the_facts_in_words_the_newest_first(store: Store, head):
    assert [(str(event.on), event.text) for event in told(store, head)] == [
        ("2025-10-31", "math: final grade B."),
        ("2025-09-26", "Suspended in school for 1 day(s)."),
        ("2025-09-25", "Incident: defiance, severity 2 of 5."),
        ("2025-09-19", "math: not handed in."),
        ("2025-09-17", "Came late."),
        ("2025-09-16", "Absent, excused, 50% of the day."),
        ("2025-09-15", "Absent, unexcused."),
        ("2025-09-05", "math: 8 of 10 points."),
        ("2025-09-01", "Entered North, grade level 9."),
    ]


def test_nothing_in_it_leads_to_another_student(store: Store, head):
    """Neither where the student was a victim or a witness, nor an id that others' records share."""
    text = str(told(store, head))
    assert not any(word in text for word in ("bullying", "theft", "fighting", "i2", "i4", "a1"))


def test_free_text_is_for_those_who_see_names(store: Store, head):
    reasons = {event.details.get("reason") for event in told(store, head)}
    assert reasons == {None, "with Ben at the dentist"}
    analyst = by(staff(store, "looks"))
    assert {event.details.get("reason") for event in told(store, analyst)} == {None}


def test_what_came_to_be_known_later_is_not_told(store: Store, head):
    early = datetime(2025, 9, 16, 12, tzinfo=UTC)
    events = told(store, head, early)
    assert max(event.on for event in events) < date(2025, 9, 16)
    assert [event.kind for event in events] == ["absence", "mark", "enrollment"]


def test_nobody_may_ask_for_what_is_still_to_come(store: Store, head):
    with pytest.raises(BadInput):
        told(store, head, AT + timedelta(seconds=1))


def test_facts_come_first_and_no_strength_is_made_up_without_peers(store: Store, head):
    found = timeline(store, head, "1", None)
    assert [fact.feature for fact in found.facts][:3] == [
        "gpa_term",
        "lowest_percent",
        "failing_share",
    ]
    assert found.strengths is None
    assert {fact.typical for fact in found.facts} == {None}


@pytest.mark.parametrize("read", [student_page, weeks_of, timeline])
def test_a_student_of_others_is_not_there_and_the_attempt_is_written_down(store, head, read):
    for name in ("3", "nobody's number"):
        with pytest.raises(NotFound):
            read(store, head, name, None)
        assert log_of(store)[-1].what == "denied"


@pytest.mark.parametrize("read", [student_page, weeks_of, timeline])
def test_to_look_is_a_disclosure(store, head, read):
    before = len(log_of(store))
    read(store, head, "1", None)
    [entry] = log_of(store)[before:]
    assert (entry.what, entry.who, entry.purpose) == ("disclosed", "head", "a test")


def test_under_both_locks_the_same_is_known_as_without(store: Store, head):
    """One way from records to features: who asks changes no number."""
    shown = show(store, head, "1", None).known
    alone = store.known([store.resolve_student("1")], AT)
    assert all(shown.frames[kind].equals(alone.frames[kind]) for kind in alone.frames)
    ours, theirs = weeks_of(store, head, "1", None)[1], weekly_features(alone)
    assert ours.values.tobytes() == theirs.values.tobytes()


def test_a_page_says_how_much_is_known(store: Store, head):
    page = student_page(store, head, "1", datetime(2025, 9, 16, 12, tzinfo=UTC))
    assert (page.names.first_name, page.state) == ("Ada", "insufficient_data")
    assert page.enrolled_days == 12
    assert page.observed_through["attendance"] == date(2025, 9, 16)
    [enrollment] = page.enrollments
    assert (enrollment.school_id, enrollment.left_on) == ("N", None)


def test_one_who_was_not_enrolled_is_said_not_to_be(store: Store):
    looks = by(staff(store, "looks"))
    page = student_page(store, looks, "3", datetime(2025, 8, 1, tzinfo=UTC))
    assert (page.state, page.enrollments, page.observed_through) == ("not_enrolled", (), {})
    assert page.names.last_name is None
