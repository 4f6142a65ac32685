"""`edupulse restore`: bring a backup back, whole or not at all."""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from edupulse.cli import operator
from edupulse.cli.audit import AnchorsFile, anchors_in, lines_in
from edupulse.cli.console import beside, out, progress
from edupulse.school.errors import BadInput
from edupulse.store import connection
from edupulse.store.restoring import Restored, Tombstone, Wanted
from edupulse.store.restoring import restore as bring_back
from edupulse.store.settings import edupulse_home
from edupulse.store.store import open_store


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the records that are there.")
    ] = False,
    anchors: AnchorsFile = None,
    purged: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What `edupulse audit purged` printed.")
    ] = None,
) -> None:
    """Bring a backup back. Whoever was purged since is purged again, where that is still known.

    What the present audit log has beyond the backup's is kept, and what it says of purges and of
    revoked tokens is done again. Without it, give the anchors and the list of purges that you keep.
    """
    wanted = Wanted(file, replace, anchors_in(anchors), _tombstones(purged))
    engine = connection.engine()
    try:
        with progress() as told:
            done = bring_back(
                engine,
                wanted,
                edupulse_home(),
                by=operator.login(),
                told=lambda part: told("restoring", part),
            )
    finally:
        engine.dispose()
    with open_store() as store:
        store.vacuum()  # else who was purged again is still in the files
    _tell(done)


def _tell(done: Restored) -> None:
    backup = done.backup
    out.print(
        f"Restored {backup.rows:,} rows and {len(backup.checkpoints)} checkpoints as of"
        f" {backup.head.made:%Y-%m-%d %H:%M}Z."
    )
    out.print(f"Newer entries of the audit log kept: {done.newer:,}.")
    out.print(f"Students purged again: {done.purged}.")
    if done.blind:
        beside.print(
            "[bold red]Nothing here knows what happened after that.[/] Students who were purged"
            " since and tokens that were revoked since are back: purge and revoke them again."
        )


def _tombstones(path: Path | None) -> list[Tombstone]:
    try:
        parts = [line.split() for line in lines_in(path)]
        return [Tombstone(datetime.fromisoformat(at), uuid.UUID(who)) for at, who in parts]
    except ValueError:
        raise BadInput("is no list of purges.", file=str(path)) from None
