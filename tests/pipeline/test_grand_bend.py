"""Grand Bend, the Ed-Fi Alliance's fictional district, from XML to features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from edupulse.features.catalog import NAMES
from edupulse.features.weekly import weekly_features
from edupulse.pipeline.import_report import ImportReport
from edupulse.pipeline.intake import intake
from edupulse.school.records import ATTENDANCE, INCIDENTS
from edupulse.sources.csv_folder import csv_folder
from edupulse.sources.edfi.delivery import MADE
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.folder import edfi_folder
from edupulse.sources.mapping import EVERY, WEEKDAYS, DistrictMapping, SchoolDays
from edupulse.store.store import Store, open_store
from pipeline.small_folder import write_folder

NOW = datetime(2022, 6, 30, 12, tzinfo=UTC)
RECORDS_ALL = {
    "timezone": "America/Chicago",
    **{f"records_{what}": "true" for what in ("excuse", "tardies", "partial_days", "gradebook")},
    "records_incidents": "true",
}
SEVERITIES = {"State Offense": "4", "School Violation": "2", "School Code of Conduct": "2"}
"""Made up for the test: Grand Bend's descriptors do not say how grave they are."""

CLOSED = [date(2021, 9, 6), *(date(2021, 11, day) for day in (24, 25, 26)), date(2022, 1, 17)]
SPRING_BREAK = [date(2022, 3, day) for day in range(14, 19)]
FALL = SchoolDays((EVERY,), date(2021, 8, 23), date(2021, 12, 17), WEEKDAYS[:5], frozenset(CLOSED))
SPRING = SchoolDays(
    (EVERY,), date(2022, 1, 4), date(2022, 5, 27), WEEKDAYS[:5], frozenset(CLOSED + SPRING_BREAK)
)
"""Made up too, with as many days in fall as the sessions count: the XML has two in all."""

SAID = DistrictMapping(
    schools={EVERY: RECORDS_ALL}, calendar=(FALL, SPRING), common={"behaviors": SEVERITIES}
)


@pytest.fixture(scope="module")
def xml(interop_data: Path) -> Path:
    return interop_data / "edfi"


@pytest.fixture(scope="module")
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(store: Store, xml: Path, tmp_path_factory: pytest.TempPathFactory) -> ImportReport:
    """The import of all of Grand Bend; then enrollments, which it has not, from a CSV file."""
    home = tmp_path_factory.mktemp("home")
    delivery = edfi_folder(xml, Words(SAID))
    done = intake(store, delivery, now=NOW, home=home)
    delivery.close()
    supplement = write_folder(tmp_path_factory.mktemp("csv"), lacking(students_with_events(store)))
    intake(store, csv_folder(supplement), now=NOW, historical=True, home=home)
    return done


def lacking(events: dict[str, set[str]]) -> dict[str, str]:
    """An enrollment for each student with an event, at the school where it was."""
    enrolled = [
        f"{student},{school},9,2021-08-23"
        for school in sorted(events)
        for student in sorted(events[school])
    ]
    return {
        "enrollments": "\n".join(["student_id,school_id,grade_level,entered_on", *enrolled]),
    }


def students_with_events(store: Store) -> dict[str, set[str]]:
    """School to the students of whom it has attendance or an incident."""
    query = """
        SELECT s.local_id, i.local_id
        FROM (SELECT school, student FROM records.attendance
              UNION SELECT school, student FROM records.incidents) r
        JOIN identity.school s USING (school) JOIN identity.student i USING (student)"""
    found: dict[str, set[str]] = {}
    with store.engine.connect() as connection:
        for school, student in connection.exec_driver_sql(query):
            found.setdefault(school, set()).add(student)
    return found


def count(store: Store, query: str) -> Counter[str]:
    with store.engine.connect() as connection:
        return Counter(dict(connection.exec_driver_sql(query).all()))


def test_what_came_in_is_what_the_files_hold(store: Store, report: ImportReport) -> None:
    came = {file.kind: (file.read, file.new, file.rejected) for file in report.files}
    assert came == {
        "schools": (3, 3, 0),
        "calendar": (3 * (117 + 144), 3 * (117 + 144), 0),
        "terms": (18, 18, 0),
        "students": (960, 960, 0),
        "sections": (532, 532, 0),
        "attendance": (1917 + 66, 1916, 1),
        "marks": (250, 250, 0),
        "incidents": (21 + 2, 21, 0),
        "exclusions": (25, 21, 0),
    }


def test_every_event_is_accounted_for(report: ImportReport) -> None:
    """What was read is new, or rejected, or told by another record, as a note says."""
    told_elsewhere = {
        "attendance": "events of a student's day and status that are told by one record (66)",
        "incidents": "further behaviors or roles of a student in one incident: "
        "the gravest is kept (2)",
        "exclusions": "of the same student and first day as another: "
        "the same days, told by one record (4)",
    }
    for file in report.files:
        missing = file.read - file.new - file.rejected
        if file.kind in told_elsewhere:
            assert told_elsewhere[file.kind].endswith(f"({missing})")
            assert any(note.endswith(told_elsewhere[file.kind]) for note in report.notes)
        else:
            assert missing == 0
    [bad] = report.rejected_for
    assert (bad.file, bad.field, bad.rows) == ("StudentSchoolAttendance.xml", "fraction", 1)
    assert "EventDuration" in bad.reason


def test_each_element_of_the_files_is_told(report: ImportReport, xml: Path) -> None:
    """By an independent count: it is read as a record, or named in a note with its number."""
    elements = Counter(
        element.tag.rpartition("}")[2]
        for path in xml.rglob("*.xml")
        for element in ElementTree.parse(path).getroot()  # noqa: S314  (the Alliance's own)
    )
    as_records = {of.element for made in MADE.values() for of in made.of}
    for element, number in elements.items():
        if element not in as_records:
            assert any(
                n.startswith(f"{element}: ") and n.endswith(f" ({number:,})") for n in report.notes
            )
    read = {file.kind: file.read for file in report.files if file.kind != "calendar"}
    for kind, number in read.items():
        assert number == sum(elements[of.element] for of in MADE[kind].of)


def test_elements_out_of_scope_are_listed_with_their_number(report: ImportReport) -> None:
    listed = [note for note in report.notes if "out of scope" in note]
    assert "StudentMigrantEducationProgramAssociation: out of scope: not read (275)" in listed
    assert "StaffDisciplineIncidentAssociation: out of scope: not read (21)" in listed


def test_sessions_that_count_other_days_are_told(report: ImportReport) -> None:
    """In fall the three schools have the 81 days that their sessions count; in spring not 88."""
    [told] = [note for note in report.notes if "TotalInstructionalDays" in note]
    assert told.endswith("(3)")


def test_statuses_are_those_of_the_xml(store: Store, report: ImportReport) -> None:
    words = ["present", "excused", "unexcused", "absent", "tardy"]
    found = count(store, "SELECT status, count(*) FROM records.attendance GROUP BY 1")
    assert {words[int(at)]: n for at, n in found.items()} == {
        "excused": 1077,
        "unexcused": 773,
        "tardy": 66,
    }


def test_a_district_that_says_what_partial_means_gets_all_events(xml: Path) -> None:
    own = Words(DistrictMapping(tables={"edfi": {"attendance": {"Partial": "absent"}}}))
    delivery = edfi_folder(xml / "StudentSchoolAttendance.xml", own)
    [batch] = delivery.batches(ATTENDANCE)
    delivery.close()
    assert batch.frame.height == 1917
    assert delivery.ledger.rejections.height == 0


def test_unmapped_behaviors_are_listed_with_a_mapping_to_fill_in(xml: Path) -> None:
    delivery = edfi_folder(xml / "StudentDiscipline.xml")
    [batch] = delivery.batches(INCIDENTS)
    delivery.close()
    assert batch.frame["severity"].null_count() == 21
    assert delivery.words.unmapped == {
        ("behaviors", "Other"): 1,
        ("behaviors", "School Code of Conduct"): 7,
        ("behaviors", "School Violation"): 4,
        ("behaviors", "State Offense"): 11,
    }


def test_features_come_out_and_what_cannot_be_computed_is_not_observed(
    store: Store, report: ImportReport
) -> None:
    as_of = datetime(2022, 5, 20, tzinfo=UTC)
    events = students_with_events(store)
    students = [store.resolve_student(n) for n in sorted(set().union(*events.values()))]
    weekly = weekly_features(store.known(students, as_of))
    last = dict(zip(NAMES, weekly.values[:, -1, :].T, strict=True))
    observed = {name for name, values in last.items() if np.isfinite(values).any()}
    assert {"attendance_rate_d20", "absence_rate_ytd", "tardy_rate_d20"} <= observed
    assert {"incident_rate_d45", "severity_load_d60", "exclusion_days_ytd"} <= observed
    assert not observed & {"gpa_change_prev", "percent_slope_w8"}
    assert np.nanmin(last["absence_rate_ytd"]) >= 0
    assert np.nanmax(last["exclusion_days_ytd"]) == 5  # of actions 19, 20 and 21


def test_a_students_absences_are_those_of_the_xml(store: Store, report: ImportReport) -> None:
    frame = store.known([store.resolve_student("604822")], NOW).frames["attendance"]
    days = frame.filter(pl.col("status").cast(pl.String) == "excused")["date"]
    assert {date(2021, 8, 31), date(2021, 11, 9)} <= set(days)


def test_the_same_files_again_change_nothing(
    store: Store, report: ImportReport, xml: Path, tmp_path: Path
) -> None:
    delivery = edfi_folder(xml, Words(SAID))
    again = intake(store, delivery, now=NOW, home=tmp_path)
    delivery.close()
    assert not again.changed
