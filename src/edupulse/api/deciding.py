"""One batch of questions on its way: who may be told, and what has to be computed for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from edupulse.store.people import Behind
from edupulse.store.risks import StoredRisk, Told, risks_at
from edupulse.store.standing import Prediction
from edupulse.store.store import Store


@dataclass(frozen=True)
class Decided:
    """What one request is told once it is written down, and what is; `standing` is of `fresh`."""

    outcomes: list[Outcome] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    fresh: list[StoredRisk] = field(default_factory=list)
    standing: list[Prediction] = field(default_factory=list)


@dataclass
class Deciding:
    """Decides the questions of a batch, by who stands behind each id."""

    store: Store
    predictor: Predictor
    students: Behind
    fresh: dict[tuple[int, datetime, bool], tuple[Answer, Prediction]] = field(default_factory=dict)
    instant: datetime | None = None

    def score(self, batch: Sequence[Ask]) -> None:
        """Compute what may be told: at each instant once for all who are asked."""
        asked = [ask for ask in batch if self.permitted(ask)]
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

    def rests_on(self, reference: int) -> bool:
        """Was everything computed by this version of the reference?"""
        bases = (prediction.basis for _, prediction in self.fresh.values())
        return all(basis.reference == reference for basis in bases)

    def _said_before(self, students: Iterable[int], as_of: datetime) -> Told:
        """What is stored of each student as of a past instant; of this one nothing is yet."""
        return {} if as_of == self.instant else self.store.answer(risks_at(students, as_of))

    def decided(self, asked: Sequence[Ask]) -> Decided:
        """What one request is told, and what is written down of it."""
        done = Decided()
        for ask in asked:
            asking = ask.asking
            if not self.permitted(ask):
                student_id = self.students[ask.student_id][1] if self.exists(ask) else None
                done.outcomes.append(no_such_student())
                done.entries.append(denied(asking, str(ask.student_id), student_id))
                continue
            ANSWERS.labels("computed").inc()
            answer = self._new(ask, done)
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
