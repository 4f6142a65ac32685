"""`edupulse import`: a source's records into the database, and what became of its rows."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from edupulse.cli.console import out, progress
from edupulse.pipeline.import_report import ImportReport
from edupulse.pipeline.intake import intake
from edupulse.pipeline.opening import Origin, Speaks, opened
from edupulse.school.errors import BadInput
from edupulse.sources.web import Credentials
from edupulse.store.store import open_store

MOST_SHOWN = 10
KEY, SECRET = "EDUPULSE_SOURCE_KEY", "EDUPULSE_SOURCE_SECRET"
"""Environment variables with the client credentials of a service."""

TOKEN_URL = "EDUPULSE_SOURCE_TOKEN_URL"  # noqa: S105  (the name of a variable)
"""And with the address where a OneRoster service signs in by OAuth 2."""


def import_records(
    place: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|URL",
            help="The folder with the files (see docs/csv.md), or the address of an Ed-Fi or "
            f"OneRoster API, whose key and secret are in {KEY} and {SECRET} (and of OneRoster by "
            f"OAuth 2 the token's address in {TOKEN_URL}).",
        ),
    ],
    speaks: Annotated[
        Speaks,
        typer.Option(
            "--from",
            help="What it holds: CSV files, Ed-Fi (a folder of bulk XML, one such file, or the "
            "address of an API), OneRoster (a folder or zip of CSV, or the address of an API), "
            "or OULAD.",
        ),
    ] = Speaks.CSV,
    mapping: Annotated[
        Path | None,
        typer.Option(help="The district's mapping (TOML): what its codes mean (docs/mapping.md)."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Of an API: only what changed since; what an earlier import said to give.",
        ),
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
    if snapshot and since is not None:
        raise BadInput("What changed is not all there is.", "Leave --snapshot or --since out.")
    origin = Origin(speaks, place, mapping)
    if origin.is_service:
        origin = signed(origin)
    with (
        progress() as told,
        opened(origin, since, told) as delivery,
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
    if delivery.through is not None:
        out.print(f"Next time, for what changed since: --since {delivery.through}")


def signed(origin: Origin) -> Origin:
    """With what signs in, from the environment: what stands in a command line others can see."""
    token_url = os.environ.get(TOKEN_URL)
    return replace(origin, credentials=_credentials(), token_url=token_url)


def _credentials() -> Credentials:
    key, secret = os.environ.get(KEY), os.environ.get(SECRET)
    if not key or not secret:
        raise BadInput(f"{KEY} and {SECRET} are not set.", "Set them to what the service gave you.")
    return Credentials(key, secret)


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
        out.print(f"rejected: {escape(str(bad))}")
    for note in report.notes:
        out.print(f"note: {escape(note)}")
    if not report.changed:
        out.print("Nothing was new.")
    out.print(f"The report and the rejected rows are in {escape(str(report.folder))}")
