"""`edupulse carry-out`: one import or training that was asked for over the API; hidden."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated

import typer

from edupulse.cli.console import out
from edupulse.pipeline.running import carry_out as carry_out_now
from edupulse.store.store import open_store


def carry_out(
    run: Annotated[uuid.UUID, typer.Argument(help="The run's id; it must be waiting.")],
) -> None:
    """Carry out an import or a training that waits. The service starts this by itself."""
    with open_store() as store:
        out.print(carry_out_now(store, run, lambda: datetime.now(UTC)))
