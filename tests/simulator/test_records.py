"""The files are what csv.md says, and no row is impossible."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from edupulse.school.fields import Milli, Whole, Word
from edupulse.school.records import KIND_BY_NAME, KINDS
from edupulse.simulator import District
from simulator.recorded import newest

EVENTS = {
    "attendance": "date",
    "marks": "due_on",
    "course_grades": "posted_on",
    "incidents": "date",
    "exclusions": "begins_on",
    "enrollments": "entered_on",
    "section_students": "entered_on",
}


def test_every_kind_of_record_is_there(small: District) -> None:
    assert set(small.frames) == {kind.name for kind in KINDS}
    assert all(frame.height for frame in small.frames.values())


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_columns_are_those_of_the_kind_and_required_cells_are_filled(
    small: District, kind: str
) -> None:
    frame = small.frames[kind]
    allowed = {field.name for field in KIND_BY_NAME[kind].fields} | {"known_at", "retracted"}
    assert set(frame.columns) <= allowed
    for field in KIND_BY_NAME[kind].fields:
        if field.required:
            assert frame[field.name].null_count() == 0


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_words_and_numbers_are_within_their_bounds(small: District, kind: str) -> None:
    for field in KIND_BY_NAME[kind].fields:
        if field.name not in small.frames[kind].columns:
            continue
        column = small.frames[kind][field.name].drop_nulls()
        if isinstance(field.type, Word):
            assert set(column.unique()) <= set(field.type.words)
        if isinstance(field.type, Whole | Milli) and column.len():
            assert field.type.low <= column.min()
            assert column.max() <= field.type.high


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_versions_of_one_record_differ_in_when_they_were_known(small: District, kind: str) -> None:
    frame = small.frames[kind]
    key = [*KIND_BY_NAME[kind].key, *(["known_at"] if "known_at" in frame.columns else [])]
    assert frame.select(key).is_duplicated().sum() == 0


@pytest.mark.parametrize(("kind", "event"), EVENTS.items())
def test_nothing_is_known_before_it_happened(small: District, kind: str, event: str) -> None:
    known = small.frames[kind]["known_at"]
    if known.dtype != pl.Date:
        known = known.dt.convert_time_zone("America/Chicago").dt.date()
    assert (known >= small.frames[kind][event]).all()


def test_there_are_late_entries_corrections_and_retractions(small: District) -> None:
    attendance, marks = small.frames["attendance"], small.frames["marks"]
    assert (attendance["known_at"] > attendance["date"]).any()
    assert attendance["retracted"].any()
    assert newest("marks", marks).height < marks.height
    assert small.frames["incidents"]["overturned"].any()


def test_attendance_is_on_school_days_of_enrolled_students(small: District) -> None:
    frames = small.frames
    open_days = newest("calendar", frames["calendar"]).filter("instructional")
    rows = frames["attendance"].join(open_days, on=["school_id", "date"], how="anti")
    assert rows.height == 0
    merged = dict(frames["student_ids"].iter_rows())
    stays = newest("enrollments", frames["enrollments"])
    within = (
        frames["attendance"]
        .with_columns(pl.col("student_id").replace(merged))
        .join(stays, on=["student_id", "school_id"])
        .filter(pl.col("date").is_between("entered_on", pl.col("left_on").fill_null(date.max)))
    )
    assert within.height == frames["attendance"].height


def test_marks_and_course_grades_belong_to_seats_in_sections(small: District) -> None:
    seats = newest("section_students", small.frames["section_students"])
    marks = small.frames["marks"]
    seated = marks.join(seats, on=["student_id", "section_id"]).filter(
        pl.col("due_on").is_between("entered_on", "left_on")
    )
    assert seated.height == marks.height
    grades = small.frames["course_grades"]
    assert grades.join(seats, on=["student_id", "section_id"], how="anti").height == 0


def test_a_student_is_enrolled_in_one_school_at_a_time(small: District) -> None:
    stays = newest("enrollments", small.frames["enrollments"]).sort("student_id", "entered_on")
    after = stays.with_columns(pl.col("left_on").shift(1).over("student_id").alias("before"))
    assert (after["entered_on"] > after["before"]).drop_nulls().all()


def test_schools_leave_out_what_they_do_not_record(small: District) -> None:
    schools = small.frames["schools"]
    for flag, kind, rows in (
        ("records_tardies", "attendance", pl.col("status") == "tardy"),
        ("records_excuse", "attendance", pl.col("status").is_in(["excused", "unexcused"])),
        ("records_partial_days", "attendance", pl.col("fraction").is_between(0.001, 0.999)),
        ("records_incidents", "incidents", pl.lit(True)),
    ):
        silent = schools.filter(~pl.col(flag))
        written = small.frames[kind].filter(rows)
        assert silent.height > 0
        assert written.height > 0
        assert written.join(silent, on="school_id", how="semi").height == 0


def test_no_attendance_is_written_while_the_system_is_down(small: District) -> None:
    coverage = small.frames["coverage"].filter(kind="attendance")
    assert coverage.height > small.frames["schools"].height
    rows = small.frames["attendance"].join(coverage, on="school_id")
    covered = rows.filter(pl.col("date").is_between("observed_from", "observed_through"))
    assert covered.height == small.frames["attendance"].height


def test_one_school_writes_every_day_and_the_others_exceptions(small: District) -> None:
    by_school = (
        small.frames["attendance"]
        .group_by("school_id")
        .agg((pl.col("status") == "present").any().alias("present"))
    )
    every = small.frames["schools"].filter(attendance_recording="all")["school_id"]
    assert set(by_school.filter("present")["school_id"]) == set(every)


def test_snow_days_are_second_versions_known_on_the_day(small: District) -> None:
    calendar = small.frames["calendar"]
    snow = calendar.filter(pl.col("known_at") == pl.col("date"))
    assert not snow["instructional"].any()
    assert (
        calendar.filter("instructional").join(snow, on=["school_id", "date"]).height == snow.height
    )


def test_every_mover_has_an_exit_and_an_entry(small: District) -> None:
    stays = newest("enrollments", small.frames["enrollments"]).sort("student_id", "entered_on")
    exits = set(stays["exit_type"].drop_nulls().unique())
    assert {"promoted", "graduated", "transferred", "dropped_out"} <= exits
    moved = stays.filter(pl.col("school_id").n_unique().over("student_id") > 1)
    assert moved.height > 0


def test_incident_instants_are_on_the_local_day(small: District) -> None:
    first = small.frames["incidents"].row(0, named=True)
    assert isinstance(first["known_at"], datetime)
    local = first["known_at"].astimezone(ZoneInfo("America/Chicago"))
    assert local.date() >= first["date"]
