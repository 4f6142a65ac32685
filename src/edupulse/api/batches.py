"""A long list of students, ranked over the whole of it and shown page by page.

The first page has everyone scored, some at a time, all as of one instant, and stored; every page is
read back from what was stored. So memory does not grow with the list, a later page agrees with the
first one, and what the viewer may see is decided for each page anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, TypeAdapter
from starlette.concurrency import run_in_threadpool

from edupulse.api.answering import Answering
from edupulse.api.asked import Answer, Ask
from edupulse.api.giving import may_see
from edupulse.api.instants import Instant
from edupulse.api.paging import Page, cursor_after, typed_key
from edupulse.api.problems import Problem, told_of
from edupulse.api.said import EXAMPLE, Said, said_of
from edupulse.casework.disclosures import Asking, deny, disclose, no_such_student, sight_in
from edupulse.casework.predictions import OF_PREDICTION
from edupulse.school.errors import BadInput
from edupulse.store.people import students_behind
from edupulse.store.risks import ranking, stored_risks
from edupulse.store.store import Store

MOST_IDS, MOST_WITH_FACTORS = 10_000, 50
AT_ONCE = 100
"""Students scored between two looks at what else waits."""


class Place(BaseModel):
    """One id of the list: what is said of that student, or the problem with it."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"student_id": EXAMPLE["student_id"], "rank": 1, "risk": EXAMPLE}
    ]})  # fmt: skip

    student_id: UUID = Field(description="The id, as it was asked for.")
    rank: int | None = Field(
        default=None, description="The place in the whole list, 1 for the first."
    )
    risk: Said | None = Field(default=None, description="What is said.")
    problem: Problem | None = Field(default=None, description="Why nothing is said.")


@dataclass(frozen=True)
class Wanted:
    """Different ids, as of when, and how many of the first with factors."""

    ids: tuple[UUID, ...]
    as_of: datetime | None
    explained: int

    def digest(self) -> str:
        """The same for the same ids in the same order."""
        return hashlib.sha256(b"".join(id_.bytes for id_ in self.ids)).hexdigest()[:16]


@dataclass(frozen=True)
class _Ranked:
    """An id's place in the list, and the key and id of the prediction."""

    id: UUID
    rank: int
    student: int
    student_id: UUID
    prediction: str


async def ranked(
    answering: Answering, asking: Asking, wanted: Wanted, limit: int, cursor: str | None
) -> Page[Place]:
    """One page of the list. Raises BadInput for a cursor of another list."""
    place = _place_of(cursor, wanted)
    as_of, begin = place or (wanted.as_of or asking.at, 0)
    if place is None:
        await _score(answering, asking, wanted.ids, as_of)
    ranks = await run_in_threadpool(_ranks, answering.store, asking, wanted.ids, as_of)
    places: list[_Ranked | UUID] = [*ranks, *_others(wanted.ids, ranks)]
    shown = places[begin : begin + limit]
    on_page = [one for one in shown if isinstance(one, _Ranked)]
    said = await run_in_threadpool(_said, answering.store, asking, on_page, first=place is None)
    first = [one for one in on_page if one.rank <= wanted.explained]
    said |= await _explained(answering, asking, first, said, as_of)
    end = begin + len(shown)
    more = end < len(wanted.ids)
    after = cursor_after(as_of.isoformat(), end, wanted.digest()) if more else None
    return Page(items=[_shown(one, said) for one in shown], next=after)


def told_again(store: Store, asking: Asking, told: bytes) -> bytes:
    """A page that was told before, of those whom the viewer may still see; a disclosure of each."""
    page = Page[Place].model_validate_json(told)
    found = store.answer(students_behind(one.student_id for one in page.items if one.risk))
    seen = sight_in(store, asking)
    shown = {id_: key for id_, (key, _) in found.items() if may_see(seen, key)}
    disclose(store, asking, [*shown.values()], OF_PREDICTION)
    if all(one.student_id in shown for one in page.items if one.risk):
        return told
    for id_ in {one.student_id for one in page.items if one.risk} - shown.keys():
        deny(store, asking, str(id_), found[id_][0] if id_ in found else None)
    page.items = [
        one if one.risk is None or one.student_id in shown else _shown(one.student_id, {})
        for one in page.items
    ]
    return page.model_dump_json(by_alias=True, exclude_none=True).encode()


async def _score(
    answering: Answering, asking: Asking, ids: Sequence[UUID], as_of: datetime
) -> None:
    for begin in range(0, len(ids), AT_ONCE):
        asks = [Ask(asking, id_, as_of) for id_ in ids[begin : begin + AT_ONCE]]
        await answering.ask_all(asks)


_CURSOR = TypeAdapter(tuple[Instant, NonNegativeInt, str])


def _place_of(cursor: str | None, wanted: Wanted) -> tuple[datetime, int] | None:
    key = typed_key(cursor, _CURSOR)
    if key is None:
        return None
    as_of, begin, digest = key
    if digest != wanted.digest():
        raise BadInput("this cursor is of another list.", "Send the same body.", field="cursor")
    return as_of, begin


def _ranks(store: Store, asking: Asking, ids: Sequence[UUID], as_of: datetime) -> list[_Ranked]:
    """Those whom the viewer may see, in order of their rank."""
    seen = sight_in(store, asking)
    behind = store.answer(students_behind(ids))
    found = {id_: who for id_, who in behind.items() if may_see(seen, who[0])}
    with store.writing() as connection:
        order = ranking(connection, [student for student, _ in found.values()], as_of)
    place = {student: at for at, student in enumerate(order)}
    there = [id_ for id_ in ids if id_ in found and found[id_][0] in place]
    there.sort(key=lambda id_: place[found[id_][0]])
    return [
        _Ranked(id_, rank, *found[id_], order[found[id_][0]]) for rank, id_ in enumerate(there, 1)
    ]


def _others(ids: Sequence[UUID], ranks: Sequence[_Ranked]) -> list[UUID]:
    there = {one.id for one in ranks}
    return [id_ for id_ in ids if id_ not in there]


def _said(
    store: Store, asking: Asking, page: Sequence[_Ranked], *, first: bool
) -> dict[UUID, Said]:
    """What was stored of those on a page; a later page is a further look at them."""
    if not first:
        disclose(store, asking, [one.student for one in page], OF_PREDICTION)
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        stored = stored_risks(connection, [one.prediction for one in page])
    return {
        one.id: said_of(stored[one.prediction], UUID(one.prediction), one.student_id)
        for one in page
        if one.prediction in stored
    }


async def _explained(
    answering: Answering,
    asking: Asking,
    first: Sequence[_Ranked],
    said: dict[UUID, Said],
    as_of: datetime,
) -> dict[UUID, Said]:
    """The same with factors, of those who have a score."""
    found = {}
    for one in first:
        if one.id in said and said[one.id].risk_score is not None:
            ask = Ask(asking, one.id, as_of, explained=True)
            (outcome,) = await answering.ask_all([ask])
            if isinstance(outcome, Answer):
                found[one.id] = Said.model_validate_json(outcome.told)
    return found


def _shown(one: _Ranked | UUID, said: dict[UUID, Said]) -> Place:
    if isinstance(one, _Ranked) and one.id in said:
        return Place(student_id=one.id, rank=one.rank, risk=said[one.id])
    id_ = one.id if isinstance(one, _Ranked) else one
    return Place(student_id=id_, problem=told_of(no_such_student(), HTTPStatus.NOT_FOUND))
