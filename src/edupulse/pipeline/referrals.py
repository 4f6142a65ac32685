"""Who was referred how often, and on how many days they could have been: what the audit counts.

A referral is an incident in which the student was the perpetrator and which was not overturned. A
day on which it could happen is an instructional day of the student's school, within the coverage
of incidents, on which the student was there: neither absent all day nor excluded from school.
"""

from __future__ import annotations

import polars as pl

from edupulse.model.fairness.recording import Referrals
from edupulse.panel.attended import ABSENCES, OUT_OF_SCHOOL
from edupulse.school.calendar import Calendar, calendar_of, epoch_days
from edupulse.school.knowledge import Known

STRATUM = ("school", "year", "grade_level")
"""What differs between schools, years and grade levels is no difference between groups."""

_ON_A_DAY = ("student", "day")


def referral_rows(known: Known) -> pl.DataFrame:
    """One row a student, school, school year and grade level in which the student was there.

    `days` are those on which a referral could happen, `count` the referrals; `year` is the place of
    the school year in the school's calendar.
    """
    calendar = calendar_of(*(known.frames[name] for name in ("schools", "calendar", "terms")))
    days = _days_at_school(known, _recorded_days(known, calendar))
    counted = _incidents(known, days)
    there = days.join(_away(known, calendar), on=_ON_A_DAY, how="anti")
    there = pl.concat([there, days.join(counted, on=_ON_A_DAY, how="semi")]).unique(_ON_A_DAY)
    return (
        there.join(counted, on=_ON_A_DAY, how="left")
        .group_by("student", *STRATUM)
        .agg(days=pl.len().cast(pl.Int64), count=pl.col("count").sum().cast(pl.Int64))
        .sort("student", *STRATUM)
    )


def referrals_of(rows: pl.DataFrame) -> Referrals:
    """The rows as the audit reads them, each compared within its stratum alone."""
    stratum = rows.select(pl.struct(STRATUM).rank("dense").cast(pl.Int64) - 1).to_series()
    return Referrals(
        student=rows["student"].to_numpy(),
        stratum=stratum.to_numpy(),
        count=rows["count"].to_numpy(),
        days=rows["days"].to_numpy(),
    )


def _recorded_days(known: Known, calendar: Calendar) -> pl.DataFrame:
    """The days on which each school was held and recorded incidents, with its school year."""
    last = pl.DataFrame(
        [(school, day) for school, day in known.last_days().items()],
        schema={"school": pl.Int32, "today": pl.Date},
        orient="row",
    )
    recording = known.frames["schools"].filter("records_incidents").select("school")
    covered = known.frames["coverage"].filter(kind="incidents")
    held = (
        known.frames["calendar"]
        .filter("instructional")
        .join(recording, on="school", how="semi")
        .join(last, on="school")
        .filter(pl.col("date") <= pl.col("today"))
        .join(covered.drop("kind"), on="school")
        .filter(pl.col("date").is_between("observed_from", "observed_through"))
        .select("school", day=pl.col("date").cast(pl.Int32))
        .unique()
    )
    rows = calendar.row(held["school"].to_numpy())
    year = calendar.year_of(rows, held["day"].to_numpy())
    return held.with_columns(year=pl.Series(year, dtype=pl.Int32))


def _days_at_school(known: Known, recorded: pl.DataFrame) -> pl.DataFrame:
    """The recorded days of each student's primary enrollment; of several the last entered."""
    enrollments = known.frames["enrollments"].filter(pl.col("primary").fill_null(value=True))
    return (
        enrollments.select(
            "student",
            "school",
            "grade_level",
            begins=pl.Series(epoch_days(enrollments["entered_on"])),
            ends=pl.Series(epoch_days(enrollments["left_on"])),
        )
        .join_where(
            recorded.rename({"school": "of_school"}),
            pl.col("school") == pl.col("of_school"),
            pl.col("day") >= pl.col("begins"),
            pl.col("day") <= pl.col("ends"),
        )
        .sort("student", "day", "begins", pl.col("school") * -1)
        .unique(_ON_A_DAY, keep="last", maintain_order=True)
        .select("student", "day", "school", "year", "grade_level")
    )


def _incidents(known: Known, days: pl.DataFrame) -> pl.DataFrame:
    """How many referrals each student got on each recorded day, at the school of that day."""
    return (
        known.frames["incidents"]
        .filter(
            pl.col("role").cast(pl.String).fill_null("perpetrator") == "perpetrator",
            ~pl.col("overturned").fill_null(value=False),
        )
        .select("student", day=pl.col("date").cast(pl.Int32), at=pl.col("school"))
        .join(days, on=_ON_A_DAY)
        .filter(pl.col("at").fill_null(pl.col("school")) == pl.col("school"))
        .group_by(_ON_A_DAY)
        .agg(count=pl.len())
    )


def _away(known: Known, calendar: Calendar) -> pl.DataFrame:
    """The days on which a student was absent all day, or excluded from school."""
    absent = (
        known.frames["attendance"]
        .filter(
            pl.col("status").cast(pl.String).is_in(ABSENCES),
            pl.col("fraction").fill_null(1_000) >= 1_000,
        )
        .select("student", day=pl.col("date").cast(pl.Int32))
    )
    return pl.concat([absent, _excluded(known, calendar)])


def _excluded(known: Known, calendar: Calendar) -> pl.DataFrame:
    sent_home = (
        known.frames["exclusions"]
        .filter(
            pl.col("kind").cast(pl.String).is_in(OUT_OF_SCHOOL),
            pl.col("days").fill_null(_LONGEST * 1_000) > 0,
        )
        .join(
            known.frames["incidents"].select("student", "incident_id", "school"),
            on=("student", "incident_id"),
        )
        .drop_nulls("school")
    )
    begins = epoch_days(sent_home["begins_on"])
    count = ((sent_home["days"] + 999) // 1_000).to_numpy()
    through = calendar.nth_after(calendar.row(sent_home["school"].to_numpy()), begins - 1, count)
    return (
        sent_home.select("student", begins=pl.Series(begins), through=pl.Series(through))
        .with_columns(through=pl.min_horizontal("through", pl.col("begins") + _LONGEST))
        .select("student", day=pl.int_ranges("begins", pl.col("through") + 1, dtype=pl.Int32))
        .explode("day")
    )


_LONGEST = 400
"""Days of the calendar after which an exclusion without an end is no longer counted."""
