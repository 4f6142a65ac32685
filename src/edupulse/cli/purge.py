"""`edupulse purge`: remove a student for good."""

from __future__ import annotations

from typing import Annotated

import typer

from edupulse.cli import operator
from edupulse.cli.console import out
from edupulse.school.errors import Refused
from edupulse.store import purging
from edupulse.store.store import open_store


def purge(
    student: Annotated[str, typer.Argument(help="The student_id or the district's number.")],
    because: Annotated[str, typer.Option(help="Why; kept in the audit log without a name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; there is no way back.")] = False,
) -> None:
    """Remove every record, score and name of a student, under every number; a tombstone stays.

    Remove the student where the records come from first, or the next import brings them back.
    Backups made before keep what they hold until they are deleted (docs/privacy.md).
    """
    if not yes:
        raise Refused("Nothing was removed: a purge cannot be undone.", "Add --yes to do it.")
    with open_store() as store:
        key = store.resolve_student(student)
        with store.writing() as connection:
            purged = purging.purge(connection, key, by=operator.login(), because=because)
        store.vacuum()
    out.print(
        f"Removed {purged.rows:,} rows of {len(purged.students)} numbers; the audit log keeps "
        "that it was done."
    )
