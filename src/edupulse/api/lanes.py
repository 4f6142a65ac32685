"""The threads of the hot path: lanes that decide and score what waits, and one that writes it down.

A lane takes all that waits at the same time as one batch. While it scores, the writer commits what
was decided before: one transaction for all new predictions and all entries of the audit log that
gathered meanwhile. Nobody is told anything before that is committed. While the threads are busy
the next batch gathers; nobody waits for one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar
from uuid import UUID

from psycopg import Connection

from edupulse.api import metrics
from edupulse.api.asked import Outcome
from edupulse.api.deciding import Asked, Decided, Deciding
from edupulse.pipeline.predicting import Predictor
from edupulse.school.errors import DatabaseDown
from edupulse.store import audit, risks, standing
from edupulse.store.people import resolve_students
from edupulse.store.store import Store
from edupulse.store.versions import Versions, versions

MOST_AT_ONCE = 200
"""Questions of one batch; more wait for the next, so that nobody waits long for a few."""

Tell = Callable[[list[Outcome] | Exception], None]
"""Tells the one who asked; may be called from any thread."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """One request, and whom to tell."""

    asked: Asked
    tell: Tell

    def __len__(self) -> int:
        return len(self.asked)


@dataclass(frozen=True, eq=False)
class ToWrite:
    """What is told once it is written down."""

    decided: Decided
    tell: Tell

    def __len__(self) -> int:
        return len(self.decided.outcomes)


Item = TypeVar("Item", Waiting, ToWrite)


class Gathered(Generic[Item]):
    """A queue that gives all that waits at once, up to MOST_AT_ONCE questions."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Item | None] = SimpleQueue()

    def put(self, item: Item) -> None:
        """Let it wait."""
        self._queue.put(item)

    def end(self) -> None:
        """Nothing more comes."""
        self._queue.put(None)

    def take(self) -> list[Item]:
        """What waits, as soon as something does; nothing at the end."""
        batch: list[Item] = []
        try:
            item = self._queue.get()
            while item is not None:
                batch.append(item)
                if sum(map(len, batch)) >= MOST_AT_ONCE:
                    return batch
                item = self._queue.get_nowait()
            if batch:
                self.end()
        except Empty:
            pass
        return batch

    def waiting(self) -> int:
        """How many requests wait now."""
        return self._queue.qsize()


class Writer:
    """The thread that writes down what was decided, then tells it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.decided: Gathered[ToWrite] = Gathered()
        self.thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def _run(self) -> None:
        while batch := self.decided.take():
            try:
                self._write([one.decided for one in batch])
            except Exception as error:
                for one in batch:
                    one.tell(error)
            else:
                for one in batch:
                    one.tell(one.decided.outcomes)

    def _write(self, decided: Sequence[Decided]) -> None:
        with self.store.writing() as connection:
            risks.save_risks(connection, [risk for one in decided for risk in one.fresh])
            standing.let_stand(connection, [new for one in decided for new in one.standing])
            audit.append(connection, [entry for one in decided for entry in one.entries])
        metrics.predicted(risk for one in decided for risk in one.fresh)


@dataclass
class Lane:
    """A thread that decides and scores what waits, with a predictor of its own."""

    store: Store
    predictor: Predictor
    writer: Writer
    asked: Gathered[Waiting] = field(default_factory=Gathered)
    _students: dict[UUID, tuple[int, UUID]] = field(default_factory=dict)
    _reference: int = 0

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name="lane", daemon=True)

    def _run(self) -> None:
        while batch := self.asked.take():
            metrics.BATCH.observe(sum(map(len, batch)))
            try:
                decided = self._decided(batch)
            except Exception as error:
                decided = self._one_by_one(batch, error)
            for one in decided:
                self.writer.decided.put(one)

    def _one_by_one(self, batch: Sequence[Waiting], error: Exception) -> list[ToWrite]:
        """What fails with one of the questions must not fail the others."""
        if len(batch) == 1 or isinstance(error, DatabaseDown):
            for one in batch:
                one.tell(error)
            return []
        decided = []
        for one in batch:
            try:
                decided += self._decided([one])
            except Exception as its_own:
                one.tell(its_own)
        return decided

    def _decided(self, batch: Sequence[Waiting]) -> list[ToWrite]:
        ids = {ask.student_id for one in batch for ask, _ in one.asked}
        with self.store.writing() as connection:
            now = self._now(connection, ids)
        deciding = Deciding(self.store, self.predictor, now, self._students)
        deciding.score([one.asked for one in batch])
        return [ToWrite(deciding.decided(one.asked), one.tell) for one in batch]

    def _now(self, connection: Connection, ids: Iterable[UUID]) -> Versions:
        """The versions now; who the students are is kept until the reference's version grows."""
        while True:
            unknown = [id_ for id_ in ids if id_ not in self._students]
            if unknown:
                self._students |= resolve_students(connection, unknown)
            now = versions(connection, self._keys_of(ids))
            if now.reference == self._reference:
                return now
            self._students, self._reference = {}, now.reference

    def _keys_of(self, ids: Iterable[UUID]) -> list[int]:
        return [self._students[id_][0] for id_ in ids if id_ in self._students]
