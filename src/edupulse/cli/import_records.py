"""`edupulse import`: a folder of records into the database, and what became of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from edupulse.cli.console import out, progress
from edupulse.pipeline.import_report import ImportReport
from edupulse.pipeline.intake import intake
from edupulse.school.errors import BadInput
from edupulse.sources.csv_folder import csv_folder
from edupulse.sources.delivery import Delivery, Progress
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.folder import edfi_folder
from edupulse.sources.mapping import read_mapping
from edupulse.sources.oulad import oulad
from edupulse.store.store import open_store

MOST_SHOWN = 10


class Source(StrEnum):
    """What the folder holds."""

    CSV = "csv"
    EDFI = "edfi"
    OULAD = "oulad"


def import_records(
    folder: Annotated[Path, typer.Argument(help="The folder with the files (see docs/csv.md).")],
    source: Annotated[
        Source,
        typer.Option(
            "--from", help="What it holds: CSV files, Ed-Fi bulk XML (or one such file), or OULAD."
        ),
    ] = Source.CSV,
    mapping: Annotated[
        Path | None,
        typer.Option(help="The district's mapping (TOML): what its codes mean (docs/mapping.md)."),
    ] = None,
    snapshot: Annotated[
        bool, typer.Option(help="The files are complete: retract what is not there any more.")
    ] = False,
    historical: Annotated[
        bool | None,
        typer.Option(
            "--historical/--current",
            help="Rows without known_at: known from their own dates, or from now. "
            "Default: their own dates in the first import alone.",
        ),
    ] = None,
    limit: Annotated[
        float, typer.Option(min=0, max=1, help="Share of bad rows in a file that is too many.")
    ] = 0.05,
) -> None:
    """Import records: all of them or, when too many rows are bad, none; twice is once."""
    with (
        progress() as told,
        _delivery(source, folder, mapping, told) as delivery,
        open_store() as store,
    ):
        report = intake(
            store,
            delivery,
            now=datetime.now(UTC),
            historical=historical,
            snapshot=snapshot,
            limit=limit,
            progress=told,
        )
    show(report)


@contextmanager
def _delivery(
    source: Source, folder: Path, mapping: Path | None, told: Progress
) -> Iterator[Delivery]:
    """The records of a source; what it laid down on the way is removed at the end."""
    if mapping is not None and source in (Source.CSV, Source.OULAD):
        raise BadInput(
            "These files say everything in our words.", "Leave --mapping out.", file=str(mapping)
        )
    said = read_mapping(mapping) if mapping else None
    match source:
        case Source.CSV:
            yield csv_folder(folder)
        case Source.OULAD:
            yield oulad(folder)
        case Source.EDFI:
            delivery = edfi_folder(folder, Words(said), progress=told)
            try:
                yield delivery
            finally:
                delivery.close()


def show(report: ImportReport) -> None:
    """Print what an import did."""
    table = Table(title=f"Import of {escape(report.source)} ({report.mode})", title_justify="left")
    table.add_column("file")
    counts = ("read", "new", "revised", "unchanged", "retracted", "rejected", "conflicts")
    for name in counts:
        table.add_column(name, justify="right")
    for file in report.files:
        table.add_row(file.kind, *(f"{getattr(file, name):,}" for name in counts))
    out.print(table)
    for bad in report.rejected_for[:MOST_SHOWN]:
        where = f"{bad.file}, {bad.field}" if bad.field else bad.file
        out.print(f"rejected: {bad.rows:,} x {escape(where)}: {escape(bad.reason)}")
    for note in report.notes:
        out.print(f"note: {escape(note)}")
    if not report.changed:
        out.print("Nothing was new.")
    out.print(f"The report and the rejected rows are in {escape(str(report.folder))}")
