"""Bands that changed, as streams tell them: in an order in which nothing can come in behind.

Transactions commit in another order than they drew their numbers. So an event is told once no
transaction is open any more that began to write before it, in the order of these transactions:
whatever is written later stands after it. A position in this order holds for one database alone.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from edupulse.school.errors import BadInput
from edupulse.store.line import Line

LAST = "Last-Event-ID"

MOST = 100
"""Events that are read at a time, after one position."""


class Position(NamedTuple):
    """Before it lies what was told: the transaction that wrote an event, and the event's number."""

    xid: int
    number: int


NOWHERE = Position(2**63 - 1, 0)
"""After all events: who asks from here is only told where the present end is."""


class Mark(NamedTuple):
    """A position and the epoch of its database: what a stream gives as the id of an event."""

    epoch: str
    position: Position

    def __str__(self) -> str:
        return f"{self.epoch}-{self.position.xid}-{self.position.number}"

    @classmethod
    def read(cls, text: str) -> Mark:
        """Raises BadInput for what no stream ever gave."""
        found = re.fullmatch(r"([0-9a-f]{8})-([0-9]{1,18})-([0-9]{1,18})", text)
        if found is None:
            raise BadInput(
                "this is no id of an event.",
                "Give the id of the last event as the stream gave it, or none.",
                field=LAST,
            )
        return cls(found[1], Position(int(found[2]), int(found[3])))


@dataclass(frozen=True, slots=True)
class BandChanged:
    """One event; `body` is what webhooks are told too."""

    position: Position
    student: int
    body: Mapping[str, Any]

    @property
    def student_id(self) -> uuid.UUID:
        """The student's UUID."""
        return uuid.UUID(self.body["student_id"])


@dataclass(frozen=True, slots=True)
class News:
    """What there is after each of some positions, at most MOST after each, in their order.

    `upto`: everything before it can be told now. No transaction has begun yet from `unborn` on.
    """

    epoch: str
    upto: Position
    unborn: int
    events: Mapping[Position, Sequence[BandChanged]]

    def after(self, position: Position) -> tuple[Sequence[BandChanged], Position]:
        """What comes next, and the position after it."""
        found = self.events.get(position, ())
        end = found[-1].position if len(found) == MOST else max(self.upto, position)
        return found, end

    def require(self, mark: Mark) -> None:
        """Raises BadInput for a mark that this database cannot have given."""
        if mark.epoch != self.epoch or mark.position.xid > self.unborn:
            raise BadInput(
                "this id is of another database, or of one that was restored since.",
                "Begin without it, and read the worklist anew.",
                field=LAST,
            )


async def news_by(line: Line, positions: Sequence[Position]) -> News:
    """What there is after these positions, by a line that asks QUESTION."""
    asked = sorted(set(positions))
    xids, numbers = (_array(column) for column in zip(*asked, strict=True))
    epoch, upto, unborn, told = (value or b"" for value in await line.ask(xids, numbers))
    events = defaultdict(list)
    for place, xid, number, student, body in json.loads(told):
        events[asked[place - 1]].append(BandChanged(Position(xid, number), student, body))
    return News(epoch.decode(), Position(int(upto), 0), int(unborn), events)


def _array(numbers: Sequence[int]) -> bytes:
    return b"{%s}" % ",".join(map(str, numbers)).encode()


QUESTION = f"""
    SELECT h.epoch, h.upto, h.unborn, (
        SELECT coalesce(json_agg(json_build_array(p.place, e.xid, e.number, e.student, e.body)
            ORDER BY p.place, e.xid, e.number), '[]')
        FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY p (xid, number, place),
        LATERAL (
            SELECT xid, number, student, body FROM state.events
            WHERE name = 'risk.band_changed' AND (xid, number) > (p.xid, p.number) AND xid < h.upto
            ORDER BY xid, number LIMIT {MOST}
        ) e
    )
    FROM (
        SELECT state.events_epoch() AS epoch, pg_snapshot_xmin(s)::text::bigint AS upto,
            pg_snapshot_xmax(s)::text::bigint AS unborn
        FROM pg_current_snapshot() s
    ) h
"""  # noqa: S608  (a number of our own)
"""What there is after the positions of two arrays, as a statement of PostgreSQL's own."""
