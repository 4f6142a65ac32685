"""`edupulse purge`: remove a student for good, or all that was kept long enough."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from edupulse.cli import operator
from edupulse.cli.console import beside, out, progress
from edupulse.school.errors import BadInput, NotReady, Refused
from edupulse.store import purging, retention
from edupulse.store.answers import forget_shared
from edupulse.store.audit import Entry, What, append
from edupulse.store.retention import RetentionSettings
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store, open_store

AT_ONCE = 200
"""Students of one transaction: a purge that is killed has done so much, and goes on later."""


def purge(
    student: Annotated[
        str | None, typer.Argument(help="The student_id or the district's number.")
    ] = None,
    due: Annotated[
        bool, typer.Option("--due", help="All that was kept as long as it should be.")
    ] = False,
    because: Annotated[
        str | None, typer.Option(help="Why; kept in the audit log without a name.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; there is no way back.")] = False,
) -> None:
    """Remove every record, score and name of a student, under every number; a tombstone stays.

    Remove the student where the records come from first, or the next import brings them back.
    With --due: everybody who left EDUPULSE_KEEP_YEARS (5) years ago, and what imports left behind
    EDUPULSE_KEEP_IMPORT_DAYS (90) days ago; without --yes it lists them alone.
    Backups made before keep what they hold until they are deleted (docs/privacy.md).
    """
    if due == (student is not None):
        raise BadInput("Say whom to purge: a student, or --due.", "See edupulse purge --help.")
    with open_store() as store:
        if student is None:
            _purge_due(store, because or "kept as long as it should be", yes=yes)
        else:
            _purge_one(store, student, because, yes=yes)


def _purge_one(store: Store, student: str, because: str | None, *, yes: bool) -> None:
    if because is None:
        raise BadInput("A purge needs a reason.", 'Add --because "…", without a name.')
    if not yes:
        raise Refused("Nothing was removed: a purge cannot be undone.", "Add --yes to do it.")
    key = store.resolve_student(student)
    with store.writing() as connection:
        purged = purging.purge(connection, key, by=operator.login(), because=because)
    store.vacuum()
    _forget(purged.students)
    out.print(
        f"Removed {purged.rows:,} rows of {len(purged.students)} numbers; the audit log keeps "
        "that it was done."
    )


def _forget(students: Iterable[UUID]) -> None:
    if not forget_shared(students):
        raise NotReady(
            "The records are gone; the cache did not answer, and may hold sealed ones for a day.",
            "Let REDIS_URL's server remove them: FLUSHDB empties it, and costs only time.",
        )


def _purge_due(store: Store, because: str, *, yes: bool) -> None:
    now, keep, home = datetime.now(UTC), RetentionSettings(), edupulse_home()
    with store.writing() as connection:
        students = retention.due(connection, now, keep.years)
    folders = retention.leftovers(home, now, keep.import_days)
    out.print(f"Students who left {keep.years} years ago or longer: {len(students):,}.")
    out.print(f"What imports left behind {keep.import_days} days ago: {len(folders):,} folders.")
    if not yes:
        ids = store.student_ids(key for whole in students for key in whole)
        for id_ in ids.values():
            typer.echo(str(id_))
        beside.print("Nothing was removed; add --yes to do it.")
        return
    with progress() as told:
        for start in range(0, len(students), AT_ONCE):
            keys = [key for whole in students[start : start + AT_ONCE] for key in whole]
            with store.writing() as connection:
                purged = purging.purge_all(connection, keys, by=operator.login(), because=because)
            _forget(purged.students)
            told("removing students", (start + AT_ONCE) / len(students))
    if folders:
        retention.remove(folders)
        entry = Entry(What.PURGED, operator.login(), because, body={"imports": len(folders)})
        with store.writing() as connection:
            append(connection, [entry])
    store.vacuum()
    out.print("Removed; the audit log keeps that it was done.")
