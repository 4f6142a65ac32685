"""How long things are kept, and what has been kept long enough."""

from __future__ import annotations

import shutil
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

from psycopg import Connection
from pydantic import Field
from pydantic_settings import BaseSettings


class RetentionSettings(BaseSettings):
    """Read from the environment: EDUPULSE_KEEP_YEARS, EDUPULSE_KEEP_IMPORT_DAYS.

    `years`: how long a student's records stay after the last day of the last enrollment.
    `import_days`: how long reports, rejected rows and cut off readings of imports stay.
    """

    years: int = Field(default=5, ge=1, le=100, validation_alias="EDUPULSE_KEEP_YEARS")
    import_days: int = Field(default=90, ge=1, validation_alias="EDUPULSE_KEEP_IMPORT_DAYS")

    model_config = {"env_ignore_empty": True}


def due(connection: Connection, now: datetime, years: int) -> list[list[int]]:
    """The students whose time has ended: for each one all keys that merges made one.

    All enrollments under all numbers must have ended so long ago, on the district's calendar. Who
    has an open enrollment, or none at all, is never due: when he or she left is not known.
    """
    ended: set[int] = set()
    enrolled: set[int] = set()
    for student, over in connection.execute(_ENDED, {"now": now, "years": years}).fetchall():
        enrolled.add(student)
        if over:
            ended.add(student)
    groups = _merged(connection)
    wholes = {min(groups.get(student, {student})) for student in ended}
    found = (sorted(groups.get(first, {first})) for first in sorted(wholes))
    return [whole for whole in found if enrolled & set(whole) <= ended]


_ENDED = """
    SELECT e.student, bool_and(coalesce(
        (e.left_on + make_interval(years => %(years)s))::date
            <= (%(now)s::timestamptz AT TIME ZONE d.timezone)::date, false))
    FROM records.enrollments e CROSS JOIN identity.district d
    WHERE NOT e.retracted GROUP BY e.student
"""


def _merged(connection: Connection) -> dict[int, set[int]]:
    """Key to all keys that any merge, then or now, made one with it."""
    groups: dict[int, set[int]] = defaultdict(set)
    merges = connection.execute(
        "SELECT old_student_id, student FROM records.student_ids"
        " UNION SELECT old_student_id, student FROM records.student_ids_past"
    ).fetchall()
    for old, new in merges:
        whole = (groups[old] or {old}) | (groups[new] or {new})
        groups.update(dict.fromkeys(whole, whole))
    return groups


def leftovers(home: Path, now: datetime, days: int) -> list[Path]:
    """What imports left behind longer ago: their reports, and readings that were cut off."""
    before = (now - timedelta(days=days)).timestamp()
    folders = [folder for room in ("imports", "reading") for folder in (home / room).glob("*/")]
    return sorted(folder for folder in folders if folder.stat().st_mtime < before)


def remove(folders: list[Path]) -> None:
    """Delete folders with all that is in them."""
    for folder in folders:
        shutil.rmtree(folder)
