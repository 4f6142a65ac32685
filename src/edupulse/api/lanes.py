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

from edupulse.api import metrics
from edupulse.api.asked import Ask, Outcome
from edupulse.api.deciding import Decided, Deciding
from edupulse.pipeline.predicting import Predictor
from edupulse.school.errors import DatabaseDown
from edupulse.store import audit, risks, standing
from edupulse.store.people import Behind, students_behind
from edupulse.store.store import Store
from edupulse.store.versions import versions

MOST_AT_ONCE = 200
"""Questions of one batch; more wait for the next, so that nobody waits long for a few."""

Tell = Callable[[list[Outcome] | Exception], None]
"""Tells the one who asked; may be called from any thread."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """One request, and whom to tell."""

    asked: Sequence[Ask]
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
        with self.store.writing_at_once() as connection:
            risks.keep_risks(connection, [risk for one in decided for risk in one.fresh])
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
        ids = {ask.student_id for one in batch for ask in one.asked}
        while True:
            students, reference = self._behind(ids)
            deciding = Deciding(self.store, self.predictor, students)
            deciding.score([ask for one in batch for ask in one.asked])
            if deciding.rests_on(reference):  # else somebody else may stand behind an id by now
                return [ToWrite(deciding.decided(one.asked), one.tell) for one in batch]

    def _behind(self, ids: Iterable[UUID]) -> tuple[Behind, int]:
        """Who stands behind the ids, and the version of the reference that says so."""
        with self.store.asking() as asked:
            students, now = asked.ask(students_behind(ids)), asked.ask(versions())
        return students(), now().reference
