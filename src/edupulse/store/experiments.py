"""Experiments: what is to be found out about two checkpoints, written down before it begins.

A row is written once, and so is its end; triggers let nobody change either. That is all there is
yet: nobody is assigned, the challenger is not scored, and no row says how it came out.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from psycopg import Connection

Measure = Literal[
    "auroc", "average_precision", "precision_5", "precision_10", "recall_5", "recall_10",
    "brier", "calibration_error", "calibration_slope", "mean_error",
    "in_time_10", "lead_days_10", "in_time_high", "lead_days_high",
    "interval_width", "coverage_off_track", "coverage_on_track", "undecided",
]  # fmt: skip
"""What an evaluation measures of a network, by its name there."""

State = Literal["planned", "running", "over"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is fixed beforehand; `ends_on` is the last day."""

    name: str
    challenger: str
    question: str
    measure: Measure
    begins_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Experiment:
    """One of the register; `champion` served when it was registered, `ended` before its last day.

    The hashes are whole. `reason` is why it was ended; empty while it was not.
    """

    id: uuid.UUID
    wanted: Wanted
    champion: str
    by: str
    registered: datetime
    ended: datetime | None
    ended_by: str | None
    reason: str

    def state_on(self, day: date) -> State:
        """By its days and its end alone: not whether anything was done."""
        if self.ended is not None or day > self.wanted.ends_on:
            return "over"
        return "planned" if day < self.wanted.begins_on else "running"


def add(
    connection: Connection,
    id_: uuid.UUID,
    wanted: Wanted,
    champion: str,
    *,
    by: str,
    now: datetime,
) -> None:
    """Write one down; the same id again is the same experiment."""
    connection.execute(
        "INSERT INTO state.experiments (id, name, challenger, question, measure, begins_on,"
        " ends_on, champion, by, registered) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (id_, wanted.name, wanted.challenger, wanted.question, wanted.measure, wanted.begins_on,
         wanted.ends_on, champion, by, now),
    )  # fmt: skip


def experiment(connection: Connection, id_: uuid.UUID) -> Experiment | None:
    """The one of that id; None where there is none."""
    row = connection.execute(f"{_SELECT} WHERE e.id = %s", [id_]).fetchone()
    return None if row is None else _experiment(row)


def listed(
    connection: Connection, *, after: tuple[datetime, uuid.UUID] | None, limit: int
) -> list[Experiment]:
    """Experiments, the newest first; after one of the list."""
    registered, id_ = after or (None, None)
    rows = connection.execute(
        f"{_SELECT} WHERE %(registered)s::timestamptz IS NULL"
        " OR (e.registered, e.id) < (%(registered)s, %(id)s::uuid)"
        " ORDER BY e.registered DESC, e.id DESC LIMIT %(limit)s",
        {"registered": registered, "id": id_, "limit": limit},
    ).fetchall()
    return [_experiment(row) for row in rows]


def end(connection: Connection, id_: uuid.UUID, reason: str, *, by: str, now: datetime) -> bool:
    """End one before its last day; False where it was ended already."""
    done = connection.execute(
        "INSERT INTO state.experiment_ends (experiment, ended, by, reason) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (id_, now, by, reason),
    )
    return done.rowcount == 1


_SELECT = """
    SELECT e.id, e.name, e.challenger, e.question, e.measure, e.begins_on, e.ends_on, e.champion,
        e.by, e.registered, n.ended, n.by, coalesce(n.reason, '')
    FROM state.experiments e LEFT JOIN state.experiment_ends n ON n.experiment = e.id
"""


def _experiment(row: tuple[Any, ...]) -> Experiment:
    return Experiment(row[0], Wanted(*row[1:7]), *row[7:])
