"""An Ed-Fi API read whole once and then by its changes holds what a whole reading would bring."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from edupulse.pipeline.import_report import ImportReport
from edupulse.pipeline.intake import intake
from edupulse.sources.edfi.api import edfi_api
from edupulse.store.store import Store, open_store
from edupulse.store.tables import metadata
from sources.edfi.interchange import (
    OTHER_SECTION,
    SECTION,
    Content,
    day,
    in_section,
    period,
    uri,
)
from sources.edfi.ods import CREDENTIALS, Ods, serving

NOW = datetime(2025, 12, 1, 12, tzinfo=UTC)
EVENTS = "studentSchoolAttendanceEvents"
BEHAVIORS = "studentDisciplineIncidentBehaviorAssociations"
STUDENTS = [str(n) for n in range(5)]


@pytest.fixture(scope="module")
def database(empty_database: Callable[[], str]) -> str:
    return empty_database()


@pytest.fixture
def stores(database: str) -> Callable[[], Iterator[Store]]:
    """Opens the database without any row."""

    @contextmanager
    def opened() -> Iterator[Store]:
        with open_store(database) as store:
            with store.engine.begin() as connection:
                for table in reversed(metadata.sorted_tables):
                    connection.execute(table.delete())
            yield store

    return opened


def take(store: Store, ods: Ods, home: Path, *, since: int | None, now: datetime) -> ImportReport:
    return take_keeping(store, ods, home, since=since, now=now, kept=None)[0]


def take_keeping(
    store: Store,
    ods: Ods,
    home: Path,
    *,
    since: int | None,
    now: datetime,
    kept: bytes | None,
    size: int = 4,
) -> tuple[ImportReport, bytes | None]:
    with serving(ods) as service:
        delivery = edfi_api(service, CREDENTIALS, since=since, kept=kept, size=size)
    report = intake(store, delivery, now=now, home=home)
    delivery.close()
    return report, delivery.keeps


KINDS = {
    "attendance": "student, school, date, status, fraction",
    "enrollments": "student, school, entered_on, left_on, grade_level, exit_type",
    "incidents": "incident_id, student, behavior, role",
    "exclusions": "incident_id, student, begins_on, kind, days",
    "marks": "student, section, assignment_id, due_on, points",
}


def held(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """What the store holds now, by the district's own ids."""
    names = {
        noun: f"(SELECT local_id FROM identity.{noun} i WHERE i.{noun} = r.{noun})"
        for noun in ("student", "school", "section")
    }
    found = {}
    with store.engine.connect() as connection:
        for kind, columns in KINDS.items():
            wanted = ", ".join(names.get(column, column) for column in columns.split(", "))
            query = f"SELECT {wanted} FROM records.{kind} r WHERE NOT retracted"
            rows = connection.exec_driver_sql(query).all()
            found[kind] = sorted((tuple(row) for row in rows), key=str)
    return found


def base() -> Ods:
    ods = Ods(cursor=False)
    ods.put("schools", {"schoolId": 1, "nameOfInstitution": "One"})
    ods.put("students", *({"studentUniqueId": n} for n in STUDENTS))
    offering = {k: SECTION[k] for k in ("localCourseCode", "schoolId", "schoolYear", "sessionName")}
    ods.put("sections", {"sectionIdentifier": "ALG", "courseOfferingReference": offering})
    for student in STUDENTS:
        ods.put("studentSchoolAssociations", stay(student))
        for section in (SECTION, OTHER_SECTION):
            ods.put("studentSectionAssociations", in_section_of(student, section))
    for n in range(3):
        ods.put(
            "disciplineIncidents",
            {
                "incidentIdentifier": str(n),
                "schoolReference": {"schoolId": 1},
                "incidentDate": f"2025-10-0{n + 1}",
            },
        )
        ods.put("gradebookEntries", entry(n))
    return ods


def stay(student: str, **more: object) -> Content:
    return {
        "id": f"stay-{student}",
        "studentReference": {"studentUniqueId": student},
        "schoolReference": {"schoolId": 1},
        "entryDate": "2025-09-01",
        "entryGradeLevelDescriptor": uri("GradeLevel", "Ninth grade"),
        **more,
    }


def entry(n: int, due: str = "2025-09-10") -> Content:
    key = {"gradebookEntryIdentifier": f"a{n}", "namespace": "uri://x"}
    return {"id": f"entry-{n}", **key, "sectionReference": SECTION, "dueDate": due}


def in_section_of(student: str, section: Content) -> Content:
    own = {"studentReference": {"studentUniqueId": student}}
    return {"id": f"{student} in {section['sectionIdentifier']}", **in_section(section), **own}


class Life:
    """Changes an ODS at random, as a district's staff would."""

    def __init__(self, ods: Ods, seed: int) -> None:
        self.acts = [
            self.attendance,
            self.missed_section,
            self.behavior,
            self.action,
            self.mark,
            self.stay,
        ]
        self.ods, self.random = ods, random.Random(seed)  # noqa: S311  (no secret)

    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.random.choice(self.acts)()

    def _held(self, path: str, identifier: str) -> bool:
        return any(h.content["id"] == identifier for h in self.ods.held.get(path, []))

    def _put_or_delete(self, path: str, content: Content, key: Content) -> None:
        if self._held(path, str(content["id"])) and self.random.random() < 0.6:
            self.ods.delete(path, str(content["id"]), key)
        else:
            self.ods.put(path, content)

    def attendance(self) -> None:
        student, on = self.random.choice(STUDENTS), f"2025-09-0{self.random.randint(1, 3)}"
        what = self.random.choice(["Excused Absence", "Unexcused Absence", "Tardy", "Partial"])
        part = self.random.choice([0.25, 0.5, None])
        content = {"id": f"{student}-{on}-{what}", **day(on, what, student, eventDuration=part)}
        key = {"studentUniqueId": student, "schoolId": 1, "eventDate": on}
        key["attendanceEventCategoryDescriptor"] = uri("AttendanceEventCategory", what)
        self._put_or_delete(EVENTS, content, key)

    def missed_section(self) -> None:
        student, on = self.random.choice(STUDENTS), f"2025-09-0{self.random.randint(1, 4)}"
        section = self.random.choice([SECTION, OTHER_SECTION])
        what = self.random.choice(["Unexcused Absence", "Tardy"])
        content = {
            "id": f"{student}-{on}-{what}-{section['sectionIdentifier']}",
            **period(on, what, section, student),
        }
        key = {**section, "studentUniqueId": student, "eventDate": on}
        key["attendanceEventCategoryDescriptor"] = uri("AttendanceEventCategory", what)
        self._put_or_delete("studentSectionAttendanceEvents", content, key)

    def behavior(self) -> None:
        student, incident = self.random.choice(STUDENTS), str(self.random.randint(0, 2))
        what = self.random.choice(["Fighting", "Phone use", "Theft"])
        key = {
            "studentUniqueId": student,
            "incidentIdentifier": incident,
            "schoolId": 1,
            "behaviorDescriptor": uri("Behavior", what),
        }
        content = {
            "id": f"{student}-{incident}-{what}",
            "studentReference": {"studentUniqueId": student},
            "disciplineIncidentReference": {"incidentIdentifier": incident, "schoolId": 1},
            "behaviorDescriptor": uri("Behavior", what),
        }
        self._put_or_delete(BEHAVIORS, content, key)

    def action(self) -> None:
        student, number = self.random.choice(STUDENTS), str(self.random.randint(0, 2))
        on = f"2025-10-0{number}" if number != "0" else "2025-10-09"
        what = self.random.choice(["In School Suspension", "Community Service", "Expulsion"])
        reference = "studentDisciplineIncidentBehaviorAssociation"
        content = {
            "id": f"{student}-{number}",
            "disciplineActionIdentifier": number,
            "disciplineDate": on,
            "disciplines": [{"disciplineDescriptor": uri("Discipline", what)}],
            "studentReference": {"studentUniqueId": student},
            "responsibilitySchoolReference": {"schoolId": 1},
            f"{reference}s": [
                {f"{reference}Reference": {"incidentIdentifier": "1", "schoolId": 1}}
            ],
            "disciplineActionLength": self.random.randint(1, 3),
        }
        key = {
            "disciplineActionIdentifier": number,
            "disciplineDate": on,
            "studentUniqueId": student,
        }
        self._put_or_delete("disciplineActions", content, key)

    def mark(self) -> None:
        student = self.random.choice(STUDENTS)
        if self.random.random() < 0.2:
            n = self.random.randint(0, 4)
            self.ods.put("gradebookEntries", entry(n, f"2025-09-1{self.random.randint(1, 5)}"))
            return
        n = self.random.choice(
            [n for n in range(5) if self._held("gradebookEntries", f"entry-{n}")]
        )
        key = {"gradebookEntryIdentifier": f"a{n}", "namespace": "uri://x"}
        content = {
            "id": f"{student}-a{n}",
            "gradebookEntryReference": key,
            "studentReference": {"studentUniqueId": student},
            "pointsEarned": self.random.randint(0, 9),
        }
        self._put_or_delete("studentGradebookEntries", content, {**key, "studentUniqueId": student})

    def stay(self) -> None:
        how = self.random.choice(["Dropout", "No show", None])
        left = {
            "exitWithdrawDate": "2025-11-03",
            "exitWithdrawTypeDescriptor": uri("ExitWithdrawType", how),
        }
        student = self.random.choice(STUDENTS)
        self.ods.put("studentSchoolAssociations", stay(student, **(left if how else {})))


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_changes_lead_where_a_whole_reading_leads(
    stores: Callable[[], Iterator[Store]], tmp_path: Path, seed: int, keeps: bool
) -> None:
    ods = base()
    life = Life(ods, seed)
    life.go_on(25)
    with stores() as store:
        _, kept = take_keeping(store, ods, tmp_path, since=None, now=NOW, kept=None)
        for night in range(1, 4):
            before, now = ods.version, NOW + timedelta(days=night)
            life.go_on(12)
            given = kept if keeps else None
            _, kept = take_keeping(store, ods, tmp_path, since=before, now=now, kept=given)
        by_changes = held(store)
    with stores() as store:
        take(store, ods, tmp_path, since=None, now=NOW)
        assert by_changes == held(store)
    assert all(by_changes.values())


def test_a_deletion_is_known_from_the_night_it_was_read(
    stores: Callable[[], Iterator[Store]], tmp_path: Path
) -> None:
    ods = base()
    ods.put(EVENTS, {"id": "e", **day("2025-09-01", "Tardy", "1")})
    with stores() as store:
        take(store, ods, tmp_path, since=None, now=NOW)
        before = ods.version
        ods.delete(EVENTS, "e", {"studentUniqueId": "1", "schoolId": 1, "eventDate": "2025-09-01"})
        report = take(store, ods, tmp_path, since=before, now=NOW + timedelta(days=1))
        student = [store.resolve_student("1")]

        def known(at: datetime) -> pl.DataFrame:
            return store.known(student, at).frames["attendance"]

        assert known(NOW + timedelta(hours=23)).height == 1
        assert known(NOW + timedelta(days=1)).height == 0
        assert {f.kind: f.retracted for f in report.files if f.retracted} == {"attendance": 1}


def test_the_same_changes_again_change_nothing(
    stores: Callable[[], Iterator[Store]], tmp_path: Path
) -> None:
    ods = base()
    life = Life(ods, 9)
    life.go_on(10)
    with stores() as store:
        take(store, ods, tmp_path, since=None, now=NOW)
        before = ods.version
        life.go_on(15)
        take(store, ods, tmp_path, since=before, now=NOW + timedelta(days=1))
        state = held(store)
        again = take(store, ods, tmp_path, since=before, now=NOW + timedelta(days=2))
        assert held(store) == state
        assert not again.changed


def mark(student: str, n: int, points: int) -> Content:
    key = {"gradebookEntryIdentifier": f"a{n}", "namespace": "uri://x"}
    return {
        "id": f"{student}-a{n}",
        "gradebookEntryReference": key,
        "studentReference": {"studentUniqueId": student},
        "pointsEarned": points,
    }


def test_a_night_asks_no_more_for_more_new_entries(
    stores: Callable[[], Iterator[Store]], tmp_path: Path
) -> None:
    """Of a changed entry the marks are asked for; a changed mark of an old entry asks nothing."""
    counts = []
    for many in (1, 40):
        ods = base()
        for student in STUDENTS:
            ods.put("studentGradebookEntries", *(mark(student, n, n) for n in range(3)))
        with stores() as store:
            _, kept = take_keeping(store, ods, tmp_path, since=None, now=NOW, kept=None)
            before = ods.version
            for n in range(10, 10 + many):
                ods.put("gradebookEntries", entry(n))
                ods.put("studentGradebookEntries", *(mark(who, n, 5) for who in STUDENTS))
            ods.put("gradebookEntries", entry(0, "2025-09-20"))
            ods.put("studentGradebookEntries", mark("1", 1, 9))
            ods.asked.clear()
            now = NOW + timedelta(days=1)
            take_keeping(store, ods, tmp_path, since=before, now=now, kept=kept, size=500)
            counts.append(len(ods.asked))
            asked = [path for path in ods.asked if "gradebookEntryIdentifier" in path]
            assert [("a0" in path, "studentG" in path) for path in asked] == [(True, True)]
            by_changes = held(store)["marks"]
        with stores() as store:
            take(store, ods, tmp_path, since=None, now=NOW)
            assert by_changes == held(store)["marks"]
            assert len(by_changes) == 5 * (3 + many)
    assert counts[0] == counts[1]


def test_marks_that_were_read_before_their_entry_come_with_it(
    stores: Callable[[], Iterator[Store]], tmp_path: Path
) -> None:
    ods = base()
    ods.put("studentGradebookEntries", mark("1", 7, 5))
    with stores() as store:
        _, kept = take_keeping(store, ods, tmp_path, since=None, now=NOW, kept=None)
        assert not held(store)["marks"]
        before = ods.version
        ods.put("gradebookEntries", entry(7))
        now = NOW + timedelta(days=1)
        take_keeping(store, ods, tmp_path, since=before, now=now, kept=kept)
        assert [points for *_, points in held(store)["marks"]] == [5_000]
