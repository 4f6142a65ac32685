"""Imports: what lands, since when it counts as known, what is left out, and that twice is once."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from edupulse.pipeline.import_report import UNDATED, ImportReport
from edupulse.pipeline.intake import intake
from edupulse.school.errors import BadInput, ImportRefused, NotFound
from edupulse.school.records import SIMULATED_MARKER
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.store import Store, open_store
from edupulse.store.tables import metadata
from pipeline.small_folder import small, write_folder

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=7)
CHICAGO = ZoneInfo("America/Chicago")

Import = Callable[..., ImportReport]


@pytest.fixture(scope="module")
def database(empty_database: Callable[[], str]) -> str:
    """One database for all tests here: to make one costs more than to empty one."""
    return empty_database()


@pytest.fixture
def fresh_store(database: str) -> Callable[[], AbstractContextManager[Store]]:
    """Opens the database without any row."""

    @contextmanager
    def opened() -> Iterator[Store]:
        with open_store(database) as store:
            with store.engine.begin() as connection:
                for table in reversed(metadata.sorted_tables):
                    connection.execute(table.delete())
            yield store

    return opened


@pytest.fixture
def store(fresh_store: Callable[[], AbstractContextManager[Store]]) -> Iterator[Store]:
    with fresh_store() as opened:
        yield opened


@pytest.fixture
def take(store: Store, tmp_path: Path) -> Import:
    """Imports the small district with some files changed, or only the files given."""
    number = iter(range(100))

    def take(only: dict[str, str] | None = None, *, now: datetime = NOW, **how: Any):
        options = {name: how.pop(name) for name in ("snapshot", "historical") if name in how}
        files = only if only is not None else small(**how)
        folder = write_folder(tmp_path / str(next(number)), files)
        return intake(store, csv_folder(folder), now=now, home=tmp_path / "home", **options)

    return take


def in_chicago(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=CHICAGO)


def known(store: Store, kind: str, as_of: datetime, *numbers: str) -> pl.DataFrame:
    keys = [store.resolve_student(number) for number in numbers or ("1", "2", "3")]
    return store.known(keys, as_of).frames[kind]


def counts(report: ImportReport) -> dict[str, tuple[int, int]]:
    return {file.kind: (file.new, file.revised) for file in report.files}


def test_the_same_folder_twice_changes_nothing(store: Store, take: Import):
    assert take().changed
    before = store.fingerprint()
    again = take(now=LATER)
    assert not again.changed
    assert all(file.unchanged == file.read for file in again.files)
    assert store.fingerprint() == before


def test_in_a_first_import_an_absence_is_known_at_the_end_of_its_day_at_its_school(
    store: Store, take: Import
):
    take()
    before_midnight = in_chicago(2025, 9, 15, 23)
    assert known(store, "attendance", before_midnight, "1").height == 0
    assert known(store, "attendance", in_chicago(2025, 9, 16, 0), "1").height == 1


def test_a_mark_is_known_five_instructional_days_after_it_was_due(store: Store, take: Import):
    take()
    assert known(store, "marks", in_chicago(2025, 9, 12, 23), "1").height == 0
    assert known(store, "marks", in_chicago(2025, 9, 13, 0), "1").height == 1


def test_an_exit_is_known_only_from_the_day_it_happened(store: Store, take: Import):
    take()
    before = known(store, "enrollments", in_chicago(2025, 9, 30), "2")
    after = known(store, "enrollments", in_chicago(2025, 10, 12), "2")
    assert before.select("left_on", "exit_type").row(0) == (None, None)
    assert after.select("left_on", "exit_type").row(0) == (date(2025, 10, 10), "transferred")


def test_an_overturned_incident_counts_until_the_import_says_so(store: Store, take: Import):
    take()
    assert known(store, "incidents", NOW - timedelta(hours=1))["overturned"].to_list() == [False]
    assert known(store, "incidents", NOW)["overturned"].to_list() == [True]


def test_rows_that_are_new_later_are_known_from_that_import(store: Store, take: Import):
    take()
    more = small()["attendance"] + "\n1,2025-09-29,excused"
    assert counts(take(attendance=more, now=LATER))["attendance"] == (1, 0)
    assert known(store, "attendance", LATER - timedelta(seconds=1), "1").height == 1
    assert known(store, "attendance", LATER, "1").height == 2


def test_a_changed_row_is_a_new_version_and_the_old_one_stays_in_the_past(
    store: Store, take: Import
):
    take()
    changed = small()["marks"].replace("2025-09-05,8,10", "2025-09-05,9,10")
    assert counts(take(marks=changed, now=LATER))["marks"] == (0, 1)
    points = [
        known(store, "marks", instant)["points"].sort().to_list()
        for instant in (LATER - timedelta(seconds=1), LATER)
    ]
    assert points == [[6_500, 8_000], [6_500, 9_000]]


def test_nothing_is_known_later_than_when_we_were_told(store: Store, take: Import):
    early = datetime(2025, 9, 8, 12, tzinfo=UTC)
    take(now=early)
    assert known(store, "marks", early, "1").height == 2


def test_a_bare_date_is_the_end_of_that_day_in_the_zone_of_the_school(store: Store, take: Import):
    take(
        attendance="student_id,date,status,known_at\n1,2025-09-15,excused,2025-09-18\n"
        "3,2025-09-15,excused,2025-09-18\n1,2025-09-16,excused,2025-09-18T10:00:00Z"
    )
    ends = {
        number: [
            instant.astimezone(zone).replace(tzinfo=None).isoformat()
            for instant in store.history([store.resolve_student(number)])
            .frames["attendance"]["known_from"]
            .sort()
        ]
        for number, zone in (("1", CHICAGO), ("3", ZoneInfo("America/New_York")))
    }
    night = "2025-09-18T23:59:59.999999"
    assert ends == {"1": ["2025-09-18T05:00:00", night], "3": [night]}


def test_attendance_goes_to_the_primary_enrollment_of_its_day(store: Store, take: Import):
    take()
    rows = known(store, "attendance", NOW, "2").sort("date")
    with store.writing() as connection:
        keys = dict(connection.execute("SELECT local_id, school FROM identity.school").fetchall())
    assert rows["school"].to_list() == [keys["N"], keys["S"]]


def test_attendance_without_an_enrollment_is_left_out_with_its_reason(take: Import):
    report = take(attendance="student_id,date,status\n1,2025-08-01,excused\n9,2025-09-15,excused")
    said = {(bad.field, bad.reason, bad.rows) for bad in report.rejected_for}
    assert said == {
        ("school_id", "empty, and no primary enrollment that day", 1),
        ("student_id", "no such student on record", 1),
    }
    assert report.folder is not None
    rows = list(csv.DictReader((report.folder / "rejected.csv").read_text().splitlines()))
    assert [(row["file"], row["line"]) for row in rows] == [
        ("attendance.csv", "2"),
        ("attendance.csv", "3"),
    ]
    written = json.loads((report.folder / "report.json").read_text())
    assert written["rejected_for"][0]["rows"] == 1


def test_a_course_grade_takes_the_term_of_its_section(store: Store, take: Import):
    report = take(
        course_grades=small()["course_grades"] + "\n3,ART,2025-10-31,70,\n1,ALG,2025-10-01,,Z"
    )
    assert known(store, "course_grades", NOW, "1")["term_id"].to_list() == ["Q1"]
    reasons = [bad.reason for bad in report.rejected_for]
    assert reasons == ["empty, and the section has no term"]
    assert any("no scale" in note for note in report.notes)


def test_too_many_bad_rows_change_nothing_at_all(store: Store, take: Import, tmp_path: Path):
    before = store.fingerprint()
    bad = "\n".join(f"X{n},2025-09-15,excused" for n in range(30))
    with pytest.raises(ImportRefused) as refusal:
        take(attendance=small()["attendance"] + "\n" + bad)
    assert store.fingerprint() == before
    with pytest.raises(NotFound):
        store.resolve_student("1")
    assert "30 of 34" in str(refusal.value)
    assert len(next(tmp_path.glob("home/imports/*/rejected.csv")).read_text().splitlines()) == 31


def test_a_few_bad_rows_stop_nothing(take: Import):
    bad = "\n".join(f"X{n},2025-09-15,excused" for n in range(19))
    report = take(attendance=small()["attendance"] + "\n" + bad)
    assert counts(report)["attendance"] == (4, 0)


def test_without_a_coverage_file_a_school_is_covered_from_its_first_to_its_last_row(
    store: Store, take: Import
):
    take()
    spans = known(store, "coverage", NOW).filter(pl.col("kind") == "attendance")
    days = spans.select("observed_from", "observed_through").rows()
    assert set(days) == {
        (date(2025, 9, 15), date(2025, 9, 16)),
        (date(2025, 9, 17), date(2025, 10, 20)),
    }
    take(attendance=small()["attendance"] + "\n1,2025-11-03,excused", now=LATER)
    longer = known(store, "coverage", LATER).filter(pl.col("kind") == "attendance")
    assert (date(2025, 9, 15), date(2025, 11, 3)) in longer.select(
        "observed_from", "observed_through"
    ).rows()


def test_a_kind_without_a_file_is_not_covered(store: Store, take: Import):
    take(incidents=None, exclusions=None)
    assert "incidents" not in known(store, "coverage", NOW)["kind"].to_list()


def test_a_snapshot_retracts_what_is_gone_within_its_school_and_dates(store: Store, take: Import):
    absences = "student_id,date,status\n" + "\n".join(
        f"1,2025-09-{day},excused" for day in (8, 15, 16, 22)
    )
    take(attendance=absences.replace("-8,", "-08,"))
    only_week = {"attendance": "student_id,date,status\n1,2025-09-15,excused\n1,2025-09-22,excused"}
    report = take(only_week, now=LATER, snapshot=True)
    assert report.files[0].retracted == 1
    left = known(store, "attendance", LATER, "1")["date"].sort().to_list()
    assert [day.day for day in left] == [8, 15, 22]
    assert known(store, "attendance", LATER - timedelta(hours=1), "1").height == 4
    assert not take(only_week, now=LATER + timedelta(days=1), snapshot=True).files[0].retracted


def test_a_snapshot_reaches_as_far_as_its_coverage_file_says(store: Store, take: Import):
    take()
    covered = "school_id,kind,observed_from,observed_through\nN,attendance,2025-09-01,2025-12-19"
    complete = {"coverage": covered, "attendance": "student_id,date,status\n3,2025-09-17,tardy"}
    take(complete, now=LATER, snapshot=True)
    assert known(store, "attendance", LATER, "1").height == 0
    assert known(store, "attendance", LATER, "2")["date"].to_list() == [date(2025, 10, 20)]


def test_a_snapshot_with_unreadable_rows_retracts_nothing_of_that_file(store: Store, take: Import):
    take()
    broken = {"attendance": "student_id,date,status\n2,2025-09-16,excused\n1,2025-09-155,unexcused"}
    report = take(broken, now=LATER, snapshot=True)
    assert report.files[0].retracted == 0
    assert any("nothing retracted" in note for note in report.notes)


def test_a_record_that_comes_back_after_its_retraction_is_known_again(store: Store, take: Import):
    take()
    gone = "student_id,date,status,retracted\n1,2025-09-15,unexcused,true"
    take({"attendance": gone}, now=LATER)
    assert known(store, "attendance", LATER, "1").height == 0
    again = LATER + timedelta(days=1)
    take(now=again)
    assert known(store, "attendance", again, "1").height == 1


def test_slices_give_the_same_state_as_the_whole(
    fresh_store: Callable[[], AbstractContextManager[Store]], tmp_path: Path
):
    lines = [
        f"1,2025-09-{day:02},{status},2025-09-{day + lag:02}T12:00:00Z,{gone}"
        for day in range(1, 20)
        for status, lag, gone in (("excused", 2, "false"), ("excused", 5, "true"))
    ]
    header = "student_id,date,status,known_at,retracted"
    states = []
    for number, slices in enumerate(([lines], [lines[20:], lines[:25]])):
        with fresh_store() as store:
            home = tmp_path / "home"
            rest = write_folder(tmp_path / f"{number}", small(attendance=None))
            intake(store, csv_folder(rest), now=NOW, home=home)
            for part, rows in enumerate(slices):
                files = {"attendance": "\n".join([header, *rows])}
                folder = write_folder(tmp_path / f"{number}-{part}", files)
                intake(store, csv_folder(folder), now=LATER, home=home)
            history = store.history([store.resolve_student("1")]).frames["attendance"]
            states.append(history.drop("student", "school").sort("date", "known_from"))
    assert states[0].equals(states[1])
    assert states[0].height == 38


def test_records_under_a_merged_number_follow_the_student(store: Store, take: Import):
    take(student_ids="old_student_id,student_id\n2,3")
    assert store.resolve_student("2") == store.resolve_student("3")
    assert known(store, "attendance", NOW, "3")["date"].n_unique() == 3
    enrolled = store.students_at(in_chicago(2025, 9, 30))
    assert enrolled.tolist() == sorted(store.resolve_student(n) for n in ("1", "3"))


def test_students_are_enrolled_by_what_was_known_and_at_their_school(store: Store, take: Import):
    take()
    at = in_chicago(2025, 10, 14)
    names = {
        school: store.student_names(store.students_at(at, school))["local_id"].to_list()
        for school in ("N", "S", None)
    }
    assert names == {"N": ["1"], "S": ["2", "3"], None: ["1", "2", "3"]}
    with pytest.raises(NotFound):
        store.students_at(at, "nowhere")


def test_a_student_has_the_same_uuid_in_every_database(
    fresh_store: Callable[[], AbstractContextManager[Store]], tmp_path: Path
):
    folder = write_folder(tmp_path / "folder", small())
    found = []
    for _ in range(2):
        with fresh_store() as store:
            intake(store, csv_folder(folder), now=NOW, home=tmp_path)
            key = store.resolve_student("2")
            found.append(store.student_names([key])["student_id"].item())
            assert store.resolve_student(found[-1]) == key
    assert found[0] == found[1]


def test_demographics_and_guardians_never_come_out_of_the_one_door(store: Store, take: Import):
    take()
    frames = store.known([store.resolve_student("1")], NOW).frames
    assert not {"demographics", "guardians", "students"} & set(frames)
    assert store.demographics([store.resolve_student("1")])["sex"].to_list() == ["female"]


def test_the_report_says_that_dates_of_knowledge_are_defaults(take: Import):
    assert UNDATED in take().notes
    assert UNDATED not in take(now=LATER).notes


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from edupulse.pipeline.intake import intake
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.store import open_store

def die(file, part):
    if "marks" in file:
        os.kill(os.getpid(), signal.SIGKILL)

with open_store(sys.argv[1]) as store:
    folder = csv_folder(Path(sys.argv[2]))
    intake(store, folder, now=datetime.now(UTC), progress=die, home=Path(sys.argv[3]))
"""


def test_an_import_that_is_killed_leaves_nothing_and_can_be_done_again(
    store: Store, database: str, tmp_path: Path
):
    folder = write_folder(tmp_path / "folder", small())
    before = store.fingerprint()
    ended = subprocess.run([sys.executable, "-c", KILLED, database, folder, tmp_path])
    assert ended.returncode == -signal.SIGKILL
    assert store.fingerprint() == before
    assert intake(store, csv_folder(folder), now=NOW, home=tmp_path).changed


def test_simulated_and_real_records_never_meet_in_one_database(store: Store, tmp_path: Path):
    assert store.simulated() is None
    real = write_folder(tmp_path / "real", small())
    simulated = write_folder(tmp_path / "simulated", small())
    (simulated / SIMULATED_MARKER).touch()
    intake(store, csv_folder(simulated), now=NOW, home=tmp_path / "home")
    before = store.fingerprint()
    with pytest.raises(BadInput, match="holds simulated records; these are real"):
        intake(store, csv_folder(real), now=LATER, home=tmp_path / "home")
    assert (store.simulated(), store.fingerprint()) == (True, before)
