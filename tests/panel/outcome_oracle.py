"""The outcome of one student, day by day, in plain Python: slow, and none of the code it checks."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

from edupulse.panel.definition import OutcomeDefinition
from panel.districts import District

CORE = {"ela", "math", "science", "social_studies"}
Told = tuple[bool, bool, int, date | None] | None
"""Off track, course grades posted, severity, the day it came; None where it cannot be told."""


def tell(  # noqa: C901 - one student's story, in the order of outcomes.md
    district: District, student: int, school: int, as_of: date, d: OutcomeDefinition
) -> Told:
    def of(kind: str) -> list[dict]:
        return district.rows.get(kind, [])

    def mine(kind: str) -> list[dict]:
        return [row for row in of(kind) if row["student"] == student]

    @cache
    def held(at: int) -> list[date]:
        return sorted(r["date"] for r in of("calendar") if r["school"] == at and r["instructional"])

    def last_held(at: int, day: date) -> date | None:
        return max((h for h in held(at) if h <= day), default=None)

    years: dict[int, list[dict]] = {}
    for term in of("terms"):
        if term["school"] == school:
            years.setdefault(term["school_year"], []).append(term)
    begun = [y for y in years.values() if min(t["begins_on"] for t in y) <= as_of]
    if not begun:
        return None
    year = max(begun, key=lambda y: min(t["begins_on"] for t in y))
    year_ends = max(t["ends_on"] for t in year)
    after = [h for h in held(school) if h > as_of]
    through = None if d.horizon_days is None else d.gap_days + d.horizon_days
    window = [h for h in after[d.gap_days : through] if h <= year_ends]
    if not window:
        return None
    first, last = window[0], window[-1]

    def school_on(day: date) -> int | None:
        there = [
            e
            for e in mine("enrollments")
            if e["entered_on"] <= day and (e["left_on"] is None or day <= e["left_on"])
        ]
        there.sort(key=lambda e: (not e["primary"], -e["entered_on"].toordinal(), e["school"]))
        return there[0]["school"] if there else None

    def observed(day: date, at: int) -> bool:
        covered = any(
            c["school"] == at
            and c["kind"] == "attendance"
            and c["observed_from"] <= day <= c["observed_through"]
            for c in of("coverage")
        )
        every_day = next(s for s in of("schools") if s["school"] == at)["attendance_recording"]
        noted = any(a["date"] == day and a["school"] in (at, None) for a in mine("attendance"))
        return covered and (every_day == "exceptions" or noted)

    def missed(day: date, at: int) -> int:
        parts = [
            1000 if a["fraction"] is None else a["fraction"]
            for a in mine("attendance")
            if a["date"] == day
            and a["school"] in (at, None)
            and a["status"] in ("excused", "unexcused", "absent")
        ]
        return min(1000, sum(parts))

    def sent_home(day: date) -> bool:
        for x in mine("exclusions"):
            if x["kind"] == "in_school" or day < x["begins_on"]:
                continue
            since = [h for h in held(school) if x["begins_on"] <= h < day]
            if x["days"] is None or len(since) * 1000 < x["days"]:
                return True
        return False

    days = absent = enrolled_days = 0
    missed_by: list[tuple[date, int]] = []
    day = first
    while day <= last:
        at = school_on(day)
        if at is not None and day in held(at):
            enrolled_days += 1
            if observed(day, at) and not sent_home(day):
                days += 1
                absent += missed(day, at)
                missed_by.append((day, absent))
        day += timedelta(days=1)

    def failed() -> list[date]:
        found: list[date] = []
        for grade in mine("course_grades"):
            section = next(s for s in of("sections") if s["section"] == grade["section"])
            if grade["kind"] != "final" or (d.core_only and section["subject"] not in CORE):
                continue
            term_id = grade["term_id"] or section["term_id"]
            terms = [
                t
                for t in of("terms")
                if t["school"] == section["school"] and t["term_id"] == term_id and t["grading"]
            ]
            ended = [last_held(t["school"], t["ends_on"]) for t in terms]
            ended = [e for e in ended if e is not None and first <= e <= last]
            if not ended:
                continue
            passing = [
                s["passing"]
                for s in of("scales")
                if s["school"] == section["school"] and s["code"] == grade["code"]
            ]
            if passing:
                if not passing[0]:
                    found += ended
            elif grade["percent"] is not None and grade["percent"] < 60_000:
                found += ended
        return found

    spells = [c for c in of("coverage") if c["school"] == school and c["kind"] == "course_grades"]
    ends = [
        last_held(school, t["ends_on"])
        for t in of("terms")
        if t["school"] == school and t["grading"]
    ]
    ends = [e for e in ends if e is not None and first <= e <= last]
    closes = last + timedelta(days=d.closes_after)
    in_parts = "course_failure" in d.parts
    posted = in_parts and bool(spells) and bool(ends)
    stale = posted and not all(
        any(c["observed_from"] <= closes and c["observed_through"] >= e for c in spells)
        for e in ends
    )

    stays = [e for e in mine("enrollments") if e["primary"]] or mine("enrollments")
    stays = [
        e
        for e in stays
        if e["entered_on"] <= max(last, as_of) and (e["left_on"] is None or e["left_on"] >= as_of)
    ]
    if not any(e["entered_on"] <= as_of for e in stays):
        return None
    exits = [
        e["left_on"]
        for e in stays
        if e["exit_type"] == "dropped_out"
        and e["left_on"] is not None
        and first <= e["left_on"] <= last
    ]
    dropped = bool(exits)
    final = max(stays, key=lambda e: (e["left_on"] or date.max, e["entered_on"], -e["school"]))
    gone = final["left_on"]
    stayed = gone is None or gone >= last
    finished = final["exit_type"] in ("promoted", "graduated") and gone and gone >= first

    uses_absence = "chronic_absence" in d.parts
    enough = (days if uses_absence else enrolled_days) >= max(d.min_days, 1)
    withdrawal = dropped and "withdrawal" in d.parts
    if not withdrawal and (dropped or stale or not enough or not (stayed or finished)):
        return None
    chronic = uses_absence and enough and absent * 1000 >= d.chronic_share * days * 1000
    severe = uses_absence and enough and absent * 1000 >= d.severe_share * days * 1000
    failures = failed() if posted else []
    failure = bool(failures)
    came = [day for day, so_far in missed_by if chronic and so_far >= d.chronic_share * days][:1]
    came += failures + (exits if withdrawal else [])
    if withdrawal or (chronic and failure and severe):
        severity = 3
    elif (chronic and failure) or severe:
        severity = 2
    else:
        severity = int(chronic or failure)
    off_track = bool(chronic or failure or withdrawal)
    return off_track, posted, severity, min(came, default=None)
