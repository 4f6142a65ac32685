"""Which referrals count, and on which days one could have happened: by hand, and by oracle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from builders import District, weekdays
from edupulse.pipeline.auditing import audit_records
from edupulse.pipeline.referrals import referral_rows, referrals_of
from edupulse.school.errors import NotReady
from edupulse.school.knowledge import Known
from edupulse.store.store import open_store
from pipeline.small_champion import NOW, import_frames, small_district

SEPTEMBER = weekdays("2025-09-01", "2025-09-30")  # 22 days
END = "2025-09-30"


def one_school(**fields: object) -> District:
    return District().school(1, SEPTEMBER, **fields).term(1, "Q1", "2025-09-01", END)


def counted(district: District, as_of: str = END, student: int = 1) -> list[tuple[int, int]]:
    """Days and referrals of each row of a student."""
    rows = referral_rows(district.known(as_of, (student,)))
    return rows.select("days", "count").rows()


def incident(district: District, day: str, number: str = "i", **fields: object) -> District:
    return district.add(
        "incidents", incident_id=number, student=1, date=day, behavior="defiance", **fields
    )


def test_days_are_those_at_school_within_the_enrollment() -> None:
    assert counted(one_school().enrolled(1, 1, "2025-09-01")) == [(22, 0)]
    assert counted(one_school().enrolled(1, 1, "2025-09-15", "2025-09-19")) == [(5, 0)]
    assert counted(one_school().enrolled(1, 1, "2025-09-01"), as_of="2025-09-05") == [(5, 0)]


def test_a_day_absent_does_not_count_and_half_a_day_does() -> None:
    district = one_school().enrolled(1, 1, "2025-09-01")
    for day, status, fraction in (
        ("2025-09-02", "unexcused", None),
        ("2025-09-03", "excused", 1),
        ("2025-09-04", "excused", 0.5),
        ("2025-09-05", "tardy", None),
    ):
        district.add("attendance", student=1, date=day, status=status, fraction=fraction)
    assert counted(district) == [(20, 0)]


def test_days_excluded_from_school_do_not_count() -> None:
    district = incident(one_school().enrolled(1, 1, "2025-09-01"), "2025-09-08", school=1)
    exclusion = {"incident_id": "i", "student": 1, "days": 3}
    inside = {"kind": "in_school", "begins_on": "2025-09-22"}
    outside = {"kind": "out_of_school", "begins_on": "2025-09-11"}  # Thursday, Friday, Monday
    district.add("exclusions", **exclusion, **inside).add("exclusions", **exclusion, **outside)
    assert counted(district) == [(19, 1)]


def test_only_what_the_student_did_and_what_stood_counts() -> None:
    district = one_school().enrolled(1, 1, "2025-09-01")
    for number, (day, fields) in enumerate(
        [
            ("2025-09-03", {}),
            ("2025-09-03", {"role": "perpetrator", "school": 1}),
            ("2025-09-04", {"role": "victim"}),
            ("2025-09-05", {"role": "witness"}),
            ("2025-09-08", {"overturned": True}),
            ("2025-09-09", {"school": 2}),
            ("2025-09-13", {}),
            ("2025-08-28", {}),
        ]
    ):
        incident(district, day, f"i{number}", **fields)
    assert counted(district) == [(22, 2)]


def test_who_was_referred_was_there() -> None:
    district = incident(one_school().enrolled(1, 1, "2025-09-01"), "2025-09-03")
    district.add("attendance", student=1, date="2025-09-03", status="unexcused")
    assert counted(district) == [(22, 1)]


def test_what_no_school_recorded_is_not_nothing() -> None:
    silent = {"records_incidents": False}
    assert counted(one_school(**silent).enrolled(1, 1, "2025-09-01")) == []
    uncovered = one_school(covered=("attendance",)).enrolled(1, 1, "2025-09-01")
    assert counted(uncovered) == []
    late = one_school(since=date(2025, 9, 22)).enrolled(1, 1, "2025-09-01")
    assert counted(incident(late, "2025-09-03")) == [(7, 0)]


def test_two_enrollments_on_one_day_are_one_day_at_the_later_school() -> None:
    district = one_school().school(2, SEPTEMBER).term(2, "Q1", "2025-09-01", END)
    district.enrolled(1, 1, "2025-09-01").enrolled(1, 2, "2025-09-15")
    district.enrolled(1, 2, "2025-09-01", primary=False)
    rows = referral_rows(district.known(END, (1,)))
    assert rows.select("school", "days").rows() == [(1, 10), (2, 12)]


def test_each_school_year_and_grade_level_is_a_stratum_of_its_own() -> None:
    days = [*weekdays("2024-09-02", "2024-09-06"), *SEPTEMBER]
    district = District().school(1, days).term(1, "Q1", "2025-09-01", END)
    district.term(1, "Q0", "2024-09-02", "2024-09-06")
    district.enrolled(1, 1, "2024-09-02", "2024-09-06", grade_level=8)
    district.enrolled(1, 1, "2025-09-01").enrolled(2, 1, "2025-09-01")
    rows = referral_rows(district.known(END, (1, 2)))
    assert rows.select("student", "year", "grade_level", "days").rows() == [
        (1, 0, 8, 5),
        (1, 1, 9, 22),
        (2, 1, 9, 22),
    ]
    assert referrals_of(rows).stratum.tolist() == [0, 1, 1]


def test_what_is_counted_of_a_real_import_is_what_a_plain_count_gives(
    empty_database: Callable[[], str], tmp_path: Path
) -> None:
    with open_store(empty_database()) as store:
        import_frames(store, tmp_path / "csv", small_district())
        students = store.ever_enrolled(NOW)
        known = store.known(students, NOW)
        audit = audit_records(store, NOW)
    rows = referral_rows(known)
    plain = plainly(known)
    assert plain["days"].sum() > 10_000
    assert plain["count"].sum() > 20
    by = ("student", "school", "grade_level")
    ours = rows.group_by(by).agg(pl.col("days", "count").sum()).sort(by)
    assert ours.rows() == plain.rows()
    assert (audit.days, audit.referrals) == (plain["days"].sum(), plain["count"].sum())
    assert {one.grouping for one in audit.ratios} >= {"race_ethnicity", "sex", "low_income"}


def plainly(known: Known) -> pl.DataFrame:
    """The same count, student by student and day by day."""
    frames = {name: frame.rows(named=True) for name, frame in known.frames.items()}
    recording = {row["school"] for row in frames["schools"] if row["records_incidents"]}
    covered = [row for row in frames["coverage"] if row["kind"] == "incidents"]
    held: dict[int, list[date]] = {}
    for row in sorted(frames["calendar"], key=lambda row: row["date"]):
        if row["instructional"]:
            held.setdefault(row["school"], []).append(row["date"])
    gone = {
        (row["student"], row["date"])
        for row in frames["attendance"]
        if row["status"] in ("excused", "unexcused", "absent") and row["fraction"] in (None, 1000)
    }
    incidents = {(row["student"], row["incident_id"]): row for row in frames["incidents"]}
    for row in frames["exclusions"]:
        if row["kind"] != "in_school":
            school = incidents[row["student"], row["incident_id"]]["school"]
            days = [day for day in held[school] if day >= row["begins_on"]]
            gone |= {(row["student"], day) for day in days[: -(-row["days"] // 1000)]}
    happened: dict[tuple[int, date], int] = {}
    for row in frames["incidents"]:
        if row["role"] == "perpetrator" and not row["overturned"]:
            at = (row["student"], row["date"])
            happened[at] = happened.get(at, 0) + 1
    totals: dict[tuple[int, int, int], list[int]] = {}
    for stay in frames["enrollments"]:
        last = stay["left_on"] or date(2100, 1, 1)
        for day in held[stay["school"]]:
            at = (stay["student"], day)
            there = stay["entered_on"] <= day <= last and (at not in gone or at in happened)
            if there and _recorded(stay["school"], day, recording, covered):
                total = totals.setdefault((at[0], stay["school"], stay["grade_level"]), [0, 0])
                total[0] += 1
                total[1] += happened.get(at, 0)
    rows = [(*key, *total) for key, total in sorted(totals.items())]
    return pl.DataFrame(
        rows, schema=["student", "school", "grade_level", "days", "count"], orient="row"
    )


def _recorded(school: int, day: date, recording: set[int], covered: list[dict[str, Any]]) -> bool:
    return school in recording and any(
        row["school"] == school and row["observed_from"] <= day <= row["observed_through"]
        for row in covered
    )


def test_without_groups_or_incidents_it_says_what_to_import(
    empty_database: Callable[[], str], tmp_path: Path
) -> None:
    frames = small_district(students=10)
    with open_store(empty_database()) as store:
        with pytest.raises(NotReady, match="No school has recorded incidents"):
            audit_records(store, NOW)
        without = {name: rows for name, rows in frames.items() if name != "demographics"}
        import_frames(store, tmp_path / "csv", without)
        with pytest.raises(NotReady, match="No group is on record"):
            audit_records(store, NOW - timedelta(days=1))
