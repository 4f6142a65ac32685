"""`edupulse worklist`: the few students to see this week."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from edupulse.casework.worklist import this_week
from edupulse.cli import operator
from edupulse.cli.console import out
from edupulse.cli.options import AsOf, instant
from edupulse.cli.risk_table import BAND_STYLES
from edupulse.cli.score import names_of
from edupulse.store.store import open_store


def worklist(
    capacity: Annotated[int, typer.Option("--top", min=1, help="How many can be seen.")] = 10,
    school: Annotated[
        str | None, typer.Option(help="The district's id of one school. Default: all.")
    ] = None,
    as_of: AsOf = None,
) -> None:
    """List the few students to see this week, from the scores that `edupulse score` stored.

    How many can be seen changes nobody's band. A band here waits for a second week before it
    changes, unless the risk jumped.
    """
    with open_store() as store:
        entries = this_week(store, instant(store, as_of), capacity, school)
        shown = [entry.student for entry in entries]
        operator.show(store, shown, operator.WHOLE, "edupulse worklist")
        names = names_of(store, shown)
    table = Table(box=SIMPLE_HEAD)
    for column in ("#", "number", "student", "band", "risk"):
        table.add_column(column, no_wrap=True)
    for place, entry in enumerate(entries, 1):
        number, name = names[entry.student]
        band = f"[{BAND_STYLES[entry.band]}]{entry.band}[/]"
        table.add_row(str(place), escape(number), escape(name), band, f"{entry.risk:.0%}")
    out.print(table)
