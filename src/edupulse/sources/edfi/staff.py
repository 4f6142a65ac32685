"""Staff and what they teach, from Ed-Fi: who may see whom rests on these.

An assignment or a section that ended before its session did is taken back; what is unknown opens
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import SECTION_STAFF, STAFF
from edupulse.sources.delivery import Ledger
from edupulse.sources.edfi import resources
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.keys import school_year, section_id
from edupulse.sources.edfi.people import session_ends
from edupulse.sources.edfi.spool import Spool
from edupulse.sources.words import IGNORE

ROLES = ("district_admin", "school_admin", "teacher", "counselor", "analyst")
"""Of several roles of a person at one school the first of these is kept."""


def staff(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """A person at each school (or in the district) of a current assignment, else without a role."""
    persons = spool.whole(resources.STAFF)
    placed = _placed(spool, words)
    ended = pl.col("deleted") | _ended(pl.col("ends"), _last_day(spool))
    current = placed.filter(~ended, pl.col("role").is_in(ROLES))
    rank = pl.col("role").replace_strict({role: n for n, role in enumerate(ROLES)})
    one = current.sort("staff", "school_id", rank, nulls_last=True).unique(
        ["staff", "school_id"], keep="first", maintain_order=True
    )
    ledger.note(
        STAFF, "Staff", "further roles at one school: left out", current.height - one.height
    )
    ledger.note(STAFF, "Staff", "assignments that have ended", placed.filter(ended).height)
    alive = persons.filter(~pl.col("deleted"))
    rows = alive.join(one.select("staff", "role", "school_id"), on="staff", how="left").select(
        "file",
        "line",
        "role",
        "school_id",
        "email",
        "login",
        staff_id="staff",
        name=pl.concat_str("first_name", "last_name", separator=" ", ignore_nulls=True),
    )
    left = placed.filter(ended, pl.col("school_id").is_not_null()).select("staff", "school_id")
    gone = pl.concat([left, persons.filter("deleted").select("staff")], how="diagonal")
    lost = gone.unique().select("school_id", staff_id="staff", deleted=pl.lit(True))
    yield pl.concat([rows.sort("staff_id", "school_id"), lost], how="diagonal")


def _placed(spool: Spool, words: Words) -> pl.DataFrame:
    """Assignments with our word for the role, and the school where it is one."""
    found = spool.whole(resources.STAFF_ASSIGNMENT)
    schools = spool.live(resources.SCHOOL)["school"].implode()
    at_school = pl.when(pl.col("organization").is_in(schools)).then("organization")
    roles = words.of("staff_roles", found["role"]).replace(IGNORE, None)
    return found.with_columns(role=roles, school_id=at_school)


def section_staff(spool: Spool, _: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """Who teaches a section, to the end of its session."""
    found = spool.whole(resources.STAFF_SECTION)
    dated = found.with_columns(school_year(pl.col("year")), section_id=section_id(found)).join(
        session_ends(spool), on=["school", "year", "session"], how="left", maintain_order="left"
    )
    early = _ended(pl.col("ends"), pl.col("session_ends"))
    ended = dated.filter(early, ~pl.col("deleted"))
    ledger.note(SECTION_STAFF, "StaffSectionAssociation", "ended before its session", ended.height)
    yield dated.select(
        "file", "line", "section_id", staff_id="staff", deleted=pl.col("deleted") | early
    )


def _ended(ends: pl.Expr, session: pl.Expr) -> pl.Expr:
    """Does it end before the session does? With an end, and a session that nobody knows: yes."""
    return ends.is_not_null() & ~(ends >= session).fill_null(value=False)


def _last_day(spool: Spool) -> pl.Expr:
    """The last day of all sessions; ISO dates as text stand in the order of days."""
    return pl.lit(session_ends(spool)["session_ends"].max(), pl.String)
