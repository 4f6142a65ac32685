"""How well what serves has done, as far as it may be told: nothing of a group of a few students.

Two judgements stand side by side: the one a checkpoint was trained with, and the newest that
monitoring made on outcomes that closed since. What is not known is said to be so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Protocol, TypeVar

from edupulse.model.checkpoint import CARD, Checkpoint, read_checkpoint
from edupulse.model.evaluation import AT_SCHOOL, Evaluation, Result
from edupulse.model.fairness.subgroups import LEAST_SHOWN, Subgroup
from edupulse.school.errors import BadInput, NotFound, NotReady
from edupulse.store.checkpoints import Decided, Registered, checkpoint, decisions
from edupulse.store.store import Store
from edupulse.store.watches import newest_watch

NOTHING_SERVES = "No checkpoint serves: the rules do, and rules say no probability to be judged."
NOT_WATCHED = "Nothing was judged since this checkpoint serves: run `edupulse retrain` nightly."
TOO_FEW = "Too few outcomes closed since it learned, or all of one kind: it cannot be judged yet."


@dataclass(frozen=True, slots=True)
class Judgement:
    """An evaluation without what would tell of single students.

    `overall` is every method on every population, `schools` by the school's id, `groups` of every
    grouping; `hidden` counts what is left out for being small, or for giving a small one away.
    """

    about: Mapping[str, str]
    overall: tuple[Result, ...]
    schools: tuple[tuple[str, Result], ...]
    groups: tuple[Subgroup, ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What is known of the checkpoint `serving`; `unknown` says what is not, and why.

    `seen` and `closed` are the instant and the outcomes of the live judgement.
    """

    serving: Registered | None
    at_training: Judgement | None
    live: Judgement | None
    seen: datetime | None
    closed: int | None
    unknown: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Model:
    """A checkpoint with all that its folder and the registry hold of it."""

    registered: Registered
    checkpoint: Checkpoint
    card: str
    judgement: Judgement
    decided: tuple[Decided, ...]


def model(store: Store, hash_: str) -> Model:
    """The checkpoint of that hash, or of the only one that begins so.

    Raises NotFound where there is none, NotReady where its folder is missing or damaged.
    """
    with store.writing() as connection:
        found = checkpoint(connection, hash_)
        decided = tuple(one for one in decisions(connection) if one.checkpoint == found.hash)
    opened = _opened(found)
    card = (opened.path / CARD).read_text(encoding="utf-8")
    return Model(found, opened, card, judgement(opened.evaluation), decided)


def track_record(store: Store) -> TrackRecord:
    """Of what serves now. Raises NotReady where its folder is missing or damaged."""
    champion = store.champion()
    if champion is None:
        return TrackRecord(None, None, None, None, None, (NOTHING_SERVES,))
    at_training = judgement(_opened(champion).evaluation)
    with store.writing() as connection:
        watched = newest_watch(connection, champion.hash)
    if watched is None:
        return TrackRecord(champion, at_training, None, None, None, (NOT_WATCHED,))
    told = watched.report["live"]
    live = None if told is None else judgement(Evaluation.from_json(json.dumps(told)))
    unknown = (TOO_FEW,) if live is None else ()
    closed = watched.report["closed"]
    return TrackRecord(champion, at_training, live, watched.seen, closed, unknown)


def judgement(evaluation: Evaluation) -> Judgement:
    """What may be told of an evaluation."""
    own = [one for one in evaluation.results if one.population.startswith(AT_SCHOOL)]
    whole = [one for one in evaluation.results if not one.population.startswith(AT_SCHOOL)]
    groups = () if evaluation.fairness is None else evaluation.fairness.groups
    overall = [one for one in whole if one.students >= LEAST_SHOWN]
    schools = _large(own, attrgetter("method"))
    shown = _large(groups, attrgetter("grouping"))
    return Judgement(
        evaluation.about,
        tuple(overall),
        tuple((one.population.removeprefix(AT_SCHOOL), one) for one in schools),
        tuple(shown),
        len(evaluation.results) + len(groups) - len(overall) - len(schools) - len(shown),
    )


class _Counted(Protocol):
    @property
    def students(self) -> int: ...


Counted = TypeVar("Counted", bound=_Counted)


def _large(every: Iterable[Counted], divided: attrgetter[str]) -> list[Counted]:
    """Those large enough; and where the small ones of a division are few students together, not
    the smallest of the others either, or all minus the rest would tell of them."""
    large: list[Counted] = []
    for _, division in groupby(sorted(every, key=divided), divided):
        parts = sorted(division, key=attrgetter("students"))
        small = [one for one in parts if one.students < LEAST_SHOWN]
        given_away = 0 < sum(one.students for one in small) < LEAST_SHOWN
        large += parts[len(small) + given_away :]
    return large


def _opened(found: Registered) -> Checkpoint:
    try:
        return read_checkpoint(Path(found.folder))
    except (BadInput, NotFound) as error:
        raise NotReady(error.problem, error.to_do) from error
