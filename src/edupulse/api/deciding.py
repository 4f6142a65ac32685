"""One batch of questions on its way: who may be told, what holds, and what has to be computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from edupulse.api.asked import REASONS, Answer, Ask, Outcome
from edupulse.api.giving import may_see
from edupulse.api.metrics import ANSWERS
from edupulse.casework.disclosures import denied, no_such_student
from edupulse.pipeline.accounts import Caller, predicted
from edupulse.pipeline.predicting import Predictor
from edupulse.pipeline.replaying import is_same
from edupulse.store.audit import Entry
from edupulse.store.risks import StoredRisk, risks_at
from edupulse.store.standing import Basis, Prediction
from edupulse.store.store import Store
from edupulse.store.versions import Versions

Students = Mapping[UUID, tuple[int, UUID]]
"""By the UUID that is asked for: key and UUID of the student who stands behind it."""


@dataclass(frozen=True)
class Decided:
    """What one request is told once it is written down, and what is; `standing` is of `fresh`."""

    outcomes: list[Outcome] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    fresh: list[StoredRisk] = field(default_factory=list)
    standing: list[Prediction] = field(default_factory=list)


Stored = Mapping[int, Sequence[tuple[UUID, StoredRisk]]]

Asked = Sequence[tuple[Ask, Answer | None]]
"""The questions of one request, each with what the cache had for it."""


@dataclass
class Deciding:
    """Decides the questions of a batch, as of one state of the versions."""

    store: Store
    predictor: Predictor
    now: Versions
    students: Students
    fresh: dict[tuple[int, datetime, bool], tuple[Answer, Prediction]] = field(default_factory=dict)
    instant: datetime | None = None

    def score(self, batch: Sequence[Asked]) -> None:
        """Compute what the cache does not have: at each instant once for all who are asked."""
        asked = [
            ask
            for one in batch
            for ask, found in one
            if self.permitted(ask) and not self.held(ask, found)
        ]
        self.instant = max((ask.asking.at for ask in asked if ask.as_of is None), default=None)
        missing: dict[tuple[datetime, bool], dict[int, UUID]] = {}
        for ask in asked:
            student, student_id = self.students[ask.student_id]
            missing.setdefault(self.when(ask), {})[student] = student_id
        for (as_of, explained), students in missing.items():
            predictions = self.predictor.predict(students, as_of, explained=explained)
            before = self._said_before(students, as_of)
            for prediction in predictions:
                student = prediction.risk.student
                id_, shown = _as_first_said(prediction, before.get(student, ()))
                answer = Answer.of(shown, id_, students[student], explained=explained)
                self.fresh[student, as_of, explained] = answer, prediction

    def _said_before(self, students: Iterable[int], as_of: datetime) -> Stored:
        """What is stored of each student as of a past instant; of this one nothing is yet."""
        found: dict[int, list[tuple[UUID, StoredRisk]]] = {}
        if as_of != self.instant:
            with self.store.writing() as connection:
                for id_, risk in risks_at(connection, students, as_of):
                    found.setdefault(risk.student, []).append((UUID(id_), risk))
        return found

    def decided(self, asked: Asked) -> Decided:
        """What one request is told, and what is written down of it."""
        done = Decided()
        for ask, found in asked:
            asking = ask.asking
            if not self.permitted(ask):
                student_id = self.students[ask.student_id][1] if self.exists(ask) else None
                done.outcomes.append(no_such_student())
                done.entries.append(denied(asking, str(ask.student_id), student_id))
                continue
            kept = found if self.held(ask, found) else None
            ANSWERS.labels("computed" if kept is None else "cache").inc()
            answer = self._new(ask, done) if kept is None else kept
            caller = Caller(asking.viewer.name, asking.purpose)
            done.entries.append(predicted(answer, answer.student_id, caller))
            done.outcomes.append(answer)
        return done

    def _new(self, ask: Ask, done: Decided) -> Answer:
        """What was computed for a question, to be written down unless it is stored already."""
        answer, new = self.fresh[self.students[ask.student_id][0], *self.when(ask)]
        if answer.id == new.risk.id:
            done.fresh.append(new.risk)
            if ask.as_of is None:
                done.standing.append(new)
        return answer

    def exists(self, ask: Ask) -> bool:
        """Is there such a student?"""
        return ask.student_id in self.students

    def permitted(self, ask: Ask) -> bool:
        """May the viewer see the student's scores?"""
        return self.exists(ask) and may_see(ask.asking.sight, self.students[ask.student_id][0])

    def held(self, ask: Ask, found: Answer | None) -> bool:
        """Does what the cache had hold?"""
        if found is None:
            return False
        student, student_id = self.students[ask.student_id]
        basis = Basis.of(self.now, student)
        speaks = self.predictor.serving.speaks(self.now.checkpoint)
        return found.student_id == student_id and found.holds(ask, basis, speaks)

    def when(self, ask: Ask) -> tuple[datetime, bool]:
        """As of which instant it is computed, and with factors?"""
        instant = ask.as_of or self.instant
        assert instant is not None  # noqa: S101  (score() set it: this one asked as of now)
        return instant, ask.explained


def _as_first_said(
    prediction: Prediction, before: Sequence[tuple[UUID, StoredRisk]]
) -> tuple[UUID, Prediction]:
    """The same answer as it was stored first, in every digit, and its id; else this new one."""
    risk = prediction.risk
    for id_, other in before:
        if risk.checkpoint == other.checkpoint and is_same(other, risk):
            reasons = {name: risk.body[name] for name in REASONS if risk.body.get(name)}
            first = replace(other, body={**other.body, **reasons})
            return id_, replace(prediction, risk=first)
    return risk.id, prediction
