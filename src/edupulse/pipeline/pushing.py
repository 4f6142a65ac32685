"""Takes records that somebody pushes, through the one way in: all good rows, or none at all."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from edupulse.pipeline.intake import intake
from edupulse.school.errors import ImportRefused, Place
from edupulse.school.kind import Kind
from edupulse.sources.pushed import Pushed, Row
from edupulse.store.imports import Landed, landed
from edupulse.store.store import Store

PATIENCE = timedelta(seconds=20)
"""How long a push waits for an import that runs."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out: its place (the first is 1), which field, and why; no value."""

    row: int
    field: str | None
    reason: str

    @property
    def place(self) -> Place:
        """As a problem names it."""
        where = ".".join(filter(None, ("records", str(self.row), self.field)))
        return {"where": where, "what": self.reason}


def push(
    store: Store,
    kind: Kind,
    rows: Sequence[Row],
    *,
    by: str,
    now: datetime,
    number: uuid.UUID,
    historical: bool = False,
) -> tuple[Landed, list[Rejected]]:
    """Import rows of one kind as the import `number`; what landed, and the rows left out.

    The same import again changes nothing, and its first report is given. Raises ImportRefused,
    which names them, where too many rows are bad, NotReady while another import goes on running.
    """
    simulated = store.simulated() or False
    delivery = Pushed(kind, rows, f"pushed by {by}", simulated=simulated)
    try:
        intake(store, delivery, now=now, historical=historical, number=number, patience=PATIENCE)
    except ImportRefused as refusal:
        refused = ImportRefused(refusal.problem, "Correct them and send all of them again.")
        refused.places = [one.place for one in _rejected(delivery)]
        raise refused from None
    with store.writing() as connection:
        done = landed(connection, number)
    assert done is not None  # noqa: S101  (the intake wrote it)
    return done, _rejected(delivery)


def _rejected(delivery: Pushed) -> list[Rejected]:
    listed = delivery.ledger.rejections.sort("line", maintain_order=True)
    return [Rejected(*row) for row in listed.select("line", "field", "reason").iter_rows()]
