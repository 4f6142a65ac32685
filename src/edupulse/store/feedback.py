"""What educators said of a student's outcome or of a prediction: written once, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl
from psycopg import Connection

from edupulse.school.errors import BadInput


@dataclass(frozen=True)
class Feedback:
    """What `by` said of the outcome after `as_of`: did the student go off track (None: unsaid)?

    `reason` is never empty. Who disagrees with a prediction before its outcome is seen leaves
    `off_track` out.
    """

    student: int
    as_of: datetime
    off_track: bool | None
    reason: str
    by: str
    given: datetime

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise BadInput("Feedback needs a reason.", "Say what was seen, in a sentence.")


def give_feedback(connection: Connection, feedback: Feedback) -> None:
    """Write it down; what was said before stays, and the newest counts."""
    connection.execute(
        "INSERT INTO state.feedback (student, as_of, off_track, reason, by, given)"
        " VALUES (%(student)s, %(as_of)s, %(off_track)s, %(reason)s, %(by)s, %(given)s)",
        vars(feedback),
    )


def outcomes_seen(connection: Connection, until: datetime) -> pl.DataFrame:
    """Student, as_of and off_track of the outcomes that educators saw, in the order given."""
    rows = connection.execute(
        "SELECT student, as_of, off_track FROM state.feedback"
        " WHERE off_track IS NOT NULL AND given <= %s ORDER BY number",
        [until],
    ).fetchall()
    return pl.DataFrame(rows, schema=_SEEN, orient="row")


_SEEN = {"student": pl.Int32(), "as_of": pl.Datetime("us", "UTC"), "off_track": pl.Boolean()}


def disagreements(connection: Connection, since: datetime, until: datetime) -> int:
    """How often educators disagreed without naming an outcome."""
    row = connection.execute(
        "SELECT count(*) FROM state.feedback"
        " WHERE off_track IS NULL AND given > %s AND given <= %s",
        [since, until],
    ).fetchone()
    return int(row[0]) if row else 0
