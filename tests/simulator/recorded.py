"""What a reader makes of the files of a district: its newest versions, and its outcomes."""

from __future__ import annotations

from datetime import date

import polars as pl

from edupulse.school.records import KIND_BY_NAME

CORE = ("ela", "math", "science", "social_studies")


def newest(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The newest version of each record, without the retracted and the superseded."""
    current = frame.sort("known_at").unique(KIND_BY_NAME[name].key, keep="last")
    return current.filter(~pl.col("retracted")) if "retracted" in frame.columns else current


class Recorded:
    """The files as plain Python tables, for slow and plain questions about single students."""

    def __init__(self, frames: dict[str, pl.DataFrame]) -> None:
        """Read the newest versions of all that outcomes need."""
        merged = dict(frames["student_ids"].iter_rows())
        self.open: dict[str, list[date]] = {}
        calendar = newest("calendar", frames["calendar"]).filter("instructional").sort("date")
        for school, day in calendar.select("school_id", "date").iter_rows():
            self.open.setdefault(school, []).append(day)
        self.coverage = frames["coverage"].filter(kind="attendance").rows(named=True)
        self.missed: dict[tuple[str, date], float] = {}
        absent = newest("attendance", frames["attendance"]).filter(
            pl.col("status").is_in(["excused", "unexcused", "absent"])
        )
        for row in absent.iter_rows(named=True):
            student = merged.get(row["student_id"], row["student_id"])
            key = (student, row["date"])
            self.missed[key] = min(1.0, self.missed.get(key, 0.0) + row["fraction"])
        self.stays = newest("enrollments", frames["enrollments"]).rows(named=True)
        self.exclusions = (
            frames["exclusions"].filter(pl.col("kind") != "in_school").rows(named=True)
        )
        self.terms = frames["terms"].rows(named=True)
        self.finals = self._finals(frames)

    @staticmethod
    def _finals(frames: dict[str, pl.DataFrame]) -> list[dict[str, object]]:
        grades = newest("course_grades", frames["course_grades"]).filter(kind="final")
        sced = {"01": "ela", "02": "math", "03": "science", "04": "social_studies"}
        subject = pl.coalesce(
            "subject",
            pl.col("sced_code").str.slice(0, 2).replace_strict(sced, default="other"),
        )
        return (
            grades.join(
                frames["sections"].select("section_id", "school_id", subject=subject),
                on="section_id",
            )
            .join(frames["schools"].select("school_id", "passing_percent"), on="school_id")
            .join(
                frames["terms"].select("school_id", "term_id", "ends_on"),
                on=["school_id", "term_id"],
            )
            .filter(pl.col("subject").is_in(CORE))
            .with_columns(
                passing=pl.coalesce(
                    pl.col("percent") >= pl.col("passing_percent"), pl.col("code") != "F"
                )
            )
            .rows(named=True)
        )

    def outcome(self, student: str, school: str, as_of: date) -> dict[str, bool | None]:
        """The parts of the outcome of one student, as outcomes.md defines them."""
        year_end = date(as_of.year + (as_of.month >= 7), 7, 1)
        days = [d for d in self.open[school] if as_of < d < year_end][:65]
        window = days[5:]
        stay = next(
            s
            for s in self.stays
            if s["student_id"] == student
            and s["entered_on"] <= as_of
            and (s["left_on"] is None or s["left_on"] > as_of)
        )
        excluded = self._excluded(student, school)
        observed = [
            d for d in window if d <= stay["left_on"] and self._up(school, d) and d not in excluded
        ]
        missed = sum(self.missed.get((student, d), 0.0) for d in observed)
        chronic = len(observed) >= 20 and missed >= 0.1 * len(observed)
        early, within = stay["left_on"] < window[0], stay["left_on"] <= window[-1]
        dropped = stay["exit_type"] == "dropped_out" and within and not early
        failed = any(
            f["student_id"] == student
            and f["school_id"] == school
            and not f["passing"]
            and window[0] <= f["ends_on"] <= window[-1]
            for f in self.finals
        )
        lost = early or (within and stay["exit_type"] == "transferred")
        known = not lost and (dropped or len(observed) >= 20)
        return {
            "known": known,
            "chronic_absence": chronic,
            "course_failure": failed,
            "withdrawal": dropped,
        }

    def _up(self, school: str, day: date) -> bool:
        return any(
            c["school_id"] == school and c["observed_from"] <= day <= c["observed_through"]
            for c in self.coverage
        )

    def _excluded(self, student: str, school: str) -> set[date]:
        found: set[date] = set()
        for row in self.exclusions:
            if row["student_id"] == student:
                found |= set([d for d in self.open[school] if d >= row["begins_on"]][: row["days"]])
        return found
