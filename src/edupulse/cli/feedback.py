"""`edupulse feedback`: what an educator saw, or why one disagrees."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from edupulse.cli.console import out
from edupulse.cli.models import login
from edupulse.cli.options import instant
from edupulse.store.feedback import Feedback, give_feedback
from edupulse.store.store import open_store


class Seen(StrEnum):
    """What became of the student."""

    OFF_TRACK = "off-track"
    ON_TRACK = "on-track"


def feedback(
    student: Annotated[str, typer.Argument(help="The student_id or the district's number.")],
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="DATE", help="The day of the score in question.")
    ],
    reason: Annotated[str, typer.Option(help="What was seen, or why you disagree.")],
    outcome: Annotated[
        Seen | None,
        typer.Option(help="What became of the student. Default: you only disagree."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who says so. Default: your login.")] = None,
) -> None:
    """Tell what became of a student after a score, or why a score seems wrong.

    An outcome that was seen is the label from which the next training learns, in place of what
    the records say, once its horizon has closed; every evaluation counts such labels. Wrong
    records are better corrected where they are kept, and imported again.
    """
    off_track = None if outcome is None else outcome is Seen.OFF_TRACK
    with open_store() as store:
        key, day = store.resolve_student(student), instant(store, as_of)
        said = Feedback(key, day, off_track, reason, login(by), datetime.now(UTC))
        with store.writing() as connection:
            give_feedback(connection, said)
    out.print("Written down.")
