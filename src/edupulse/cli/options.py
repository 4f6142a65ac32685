"""Options that several commands share, and how their words become values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from edupulse.panel.definition import OutcomeDefinition
from edupulse.pipeline.judging import Parts, Truth
from edupulse.pipeline.material import instants_of
from edupulse.pipeline.truth import truth_in
from edupulse.school.errors import BadInput
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store

AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="DATE",
        help="From whose knowledge: a date (its end, at the school) or a timestamp. Default: now.",
    ),
]
TruthFolder = Annotated[
    Path | None,
    typer.Option(
        "--truth",
        metavar="FOLDER",
        help="A folder that `edupulse simulate` wrote: also report the bound of its known truth.",
    ),
]


def instant(store: Store, text: str | None) -> datetime:
    """The as-of instant of an option; a bare date is its end at the schools of the database."""
    now = datetime.now(UTC)
    if text is None:
        return now
    try:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return _timestamp(text).astimezone(UTC)
        return instants_of(store.known(np.zeros(0, np.int32), now), [day])[0]
    except OverflowError:
        raise BadInput(
            f"{text} is too far away.", "Name a day of the district's records."
        ) from None


def checkpoints_folder() -> Path:
    """Where checkpoints are kept."""
    return edupulse_home() / "checkpoints"


def truth_reader(
    folder: Path | None, store: Store, definition: OutcomeDefinition, now: datetime
) -> Callable[[Parts], Truth | None] | None:
    """Reads the truth of a simulated district, where one is named."""
    return None if folder is None else truth_in(folder, store, definition, now)


def _timestamp(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"{text} is no date.", "Write it as 2026-03-16, or 2026-03-16T06:00:00Z."
        ) from None
    if found.tzinfo is None:
        raise BadInput(f"{text} has no time zone.", "Write it as 2026-03-16T06:00:00Z.")
    return found
