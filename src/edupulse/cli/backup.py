"""`edupulse backup`: everything in one encrypted file; `edupulse backup verify`: is it whole?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from edupulse.cli import operator
from edupulse.cli.console import out, progress
from edupulse.store.backup import Backup, back_up, check
from edupulse.store.store import open_store

backup = typer.Typer(help="Keep everything in one encrypted file.")


@backup.callback(invoke_without_command=True)
def make(
    context: typer.Context,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: edupulse-DATE.backup here.")
    ] = None,
) -> None:
    """Write the database and the checkpoints to one file, encrypted with the current key.

    It holds children's records: keep it on another machine, and the keys apart from it.
    """
    if context.invoked_subcommand is not None:
        return
    now = datetime.now(UTC)
    path = to or Path(f"edupulse-{now:%Y%m%dT%H%M%SZ}.backup")
    with open_store() as store, progress() as told:
        made = back_up(
            store, path, now=now, by=operator.login(), told=lambda part: told("backing up", part)
        )
    out.print(f"{path} holds {_described(made)}.")


@backup.command()
def verify(file: Annotated[Path, typer.Argument(help="The backup.")]) -> None:
    """Read a backup to its end: does it open with these keys, and is all of it there?"""
    with progress() as told:
        found = check(file, lambda part: told("reading", part))
    out.print(f"{file} is whole: {_described(found)}, made {found.head.made:%Y-%m-%d %H:%M}Z.")
    out.print(f"Its audit log ends at {found.head.anchor}")


def _described(backup: Backup) -> str:
    tables, checkpoints = len(backup.head.tables), len(backup.checkpoints)
    return f"{backup.rows:,} rows of {tables} tables and {checkpoints} checkpoints"
