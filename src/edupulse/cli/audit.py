"""`edupulse audit`: the log of who saw and did what, and whether it was touched."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from edupulse.casework.access import Part, Viewer
from edupulse.casework.disclosures import Asking, disclose
from edupulse.cli.console import out
from edupulse.cli.operator import login
from edupulse.school.errors import BadInput
from edupulse.store import audit as log
from edupulse.store.audit import Anchor
from edupulse.store.restoring import tombstones
from edupulse.store.store import open_store

audit = typer.Typer(
    help="The log of who saw and did what, and whether it was touched.", no_args_is_help=True
)

AnchorsFile = Annotated[
    Path | None,
    typer.Option("--anchors", metavar="FILE", help="A file with an anchor on each line."),
]


@audit.command()
def verify(
    anchors: AnchorsFile = None,
    anchor: Annotated[
        list[str] | None, typer.Option(help="An anchor that was printed before; may be repeated.")
    ] = None,
) -> None:
    """Follow the log's chain of hashes. Ends with 1 if anything was edited, deleted or moved.

    A tail that was cut off, or a log that was rewritten whole, is found only by an anchor that was
    kept elsewhere: give those you have.
    """
    kept = [*(Anchor.read(text) for text in anchor or []), *anchors_in(anchors)]
    with open_store() as store, store.writing() as connection:
        verdict = log.verify(log.written(connection), kept)
    if not verdict.whole:
        out.print(f"[bold red]The log was touched.[/] {escape(verdict.broken)}")
        out.print(f"The {verdict.entries:,} entries before it hold.")
        raise typer.Exit(1)
    by = f" and passes through {len(kept)} anchors" if kept else "; no anchor was given"
    out.print(f"{verdict.entries:,} entries, whole{by}. Its end: {verdict.end}")


@audit.command("anchor")
def anchor_(
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append it to this file instead.")
    ] = None,
) -> None:
    """Print the log's end: kept elsewhere, it proves later that nothing before it was changed."""
    with open_store() as store, store.writing() as connection:
        end = log.end_of(connection)
    if to is None:
        typer.echo(str(end))
    else:
        with to.open("a", encoding="utf-8") as file:
            file.write(f"{end}\n")


@audit.command()
def disclosures(
    student: Annotated[str, typer.Argument(help="The student_id or the district's number.")],
) -> None:
    """List who saw a student's record, when and why, the newest first. To ask is written down."""
    with open_store() as store:
        key = store.resolve_student(student)
        asking = Asking(Viewer(login()), datetime.now(UTC), "a list of disclosures")
        disclose(store, asking, [key], [Part.DISCLOSURES])
        with store.writing() as connection:
            found = log.of_student(connection, store.student_ids([key])[key])
    table = Table(box=SIMPLE_HEAD)
    for column in ("when", "what", "by", "why"):
        table.add_column(column, no_wrap=column != "why")
    for entry in found:
        when = f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
        table.add_row(when, entry.what, escape(entry.who), escape(entry.purpose))
    out.print(table)


@audit.command()
def purged() -> None:
    """List who was purged and when, by UUID: kept elsewhere, a restore purges them again."""
    with open_store() as store, store.writing() as connection:
        found = tombstones(connection)
    for one in found:
        typer.echo(str(one))


def anchors_in(path: Path | None) -> list[Anchor]:
    """The anchors of a file, one a line; none without a file."""
    return [Anchor.read(line) for line in lines_in(path)]


def lines_in(path: Path | None) -> list[str]:
    """The lines of a file that hold something; none without a file. Raises BadInput."""
    if path is None:
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}.", file=str(path)) from None
    return [line for line in text.splitlines() if line.strip()]
