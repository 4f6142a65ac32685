"""`edupulse monitor`: does what serves still mean what it says, and is it time to learn again?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from edupulse.cli.console import out, progress
from edupulse.cli.evaluation_table import evaluation_tables
from edupulse.cli.options import AsOf, instant
from edupulse.pipeline.monitoring import Watch, watch
from edupulse.store.store import open_store


def monitor(
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Give everything as JSON.")] = False,
) -> None:
    """Judge what serves on the outcomes that closed since it learned, and look for drift.

    Names the reasons to learn again, which `edupulse retrain` acts on. Changes nothing; what was
    seen is kept, and the service tells it (`GET /evaluation`).
    """
    with open_store() as store, progress() as told:
        seen = watch(store, instant(store, as_of), told=told)
    if as_json:
        typer.echo(json.dumps(asdict(seen), default=str, indent=1))
    else:
        show(seen)


def show(seen: Watch) -> None:
    """Print what was seen and the reasons found."""
    out.print(f"{seen.closed:,} outcomes closed since the checkpoint that serves learned.")
    if seen.live is not None:
        out.print(evaluation_tables(seen.live))
    if seen.compared:
        out.print(f"Features compared by school: {seen.compared}.")
    for school, name, index in seen.moved[:10]:
        out.print(f"  moved: {escape(name)} at school {escape(school)} (index {index:.2f})")
    for trigger in seen.triggers:
        name = trigger.name.replace("_", " ")
        out.print(f"[bold]Reason to learn again[/]: {name}: {escape(trigger.reason)}")
    if not seen.triggers:
        out.print("No reason to learn again.")
