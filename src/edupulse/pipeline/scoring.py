"""Scores students as of an instant, ranks them, explains the first, and stores what was said.

The same functions serve the nightly list of everyone and a single student (law 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from edupulse.pipeline.accounts import NIGHTLY, Caller, scored
from edupulse.pipeline.material import BLOCK, Told, silent
from edupulse.pipeline.predicting import Predictor
from edupulse.pipeline.speaking import Line, Voice, lines_of, voice_of
from edupulse.school.knowledge import StudentKeys
from edupulse.store.risks import Saved
from edupulse.store.standing import Prediction
from edupulse.store.store import Store

Spoken = tuple[Line, Prediction]


@dataclass(frozen=True)
class Scoring:
    """The ranked list as of an instant; `method` is the checkpoint's, or the rules' name.

    `because` says why rules spoke, where they did.
    """

    as_of: datetime
    method: str
    lines: tuple[Line, ...]
    saved: Saved
    because: str | None = None


def score(
    store: Store,
    as_of: datetime,
    *,
    school: str | None = None,
    explained: int = 20,
    voice: Voice | None = None,
    told: Told = silent,
    caller: Caller = NIGHTLY,
) -> Scoring:
    """Score everyone enrolled at `as_of` (at one school), store it, and explain the first.

    What is said by what serves, not by another `voice`, stands for whoever asks next. Asking again
    stores nothing new but who asked. Raises NotFound for a school that is not there.
    """
    speaking = voice or voice_of(store)
    predictor = Predictor(store, speaking=speaking)
    told("Scoring", 0.0)
    students = store.students_at(as_of, school)
    spoken: list[Spoken] = []
    for begin in range(0, students.size, BLOCK):
        block = students[begin : begin + BLOCK]
        spoken += _spoken(predictor, block, as_of, explained=False)
        told("Scoring", (begin + block.size) / students.size)
    spoken.sort(key=lambda one: (-one[0].rank, one[0].said.student_id))
    told("Explaining", 0.0)
    first = _spoken(predictor, _first(spoken, explained), as_of, explained=True)
    told("Explaining", 1.0)
    with_reasons = {line.student: (line, prediction) for line, prediction in first}
    whole = [with_reasons.get(line.student, (line, said)) for line, said in spoken]
    predictions = [prediction for _, prediction in whole]
    risks = [prediction.risk for prediction in predictions]
    saved = store.save_risks(
        risks, [scored(risks, as_of, school, caller)], predictions if voice is None else ()
    )
    lines = tuple(line for line, _ in whole)
    return Scoring(as_of, speaking.method, lines, saved, speaking.because)


def score_students(
    store: Store, students: Sequence[int], as_of: datetime, *, voice: Voice | None = None
) -> tuple[Line, ...]:
    """What is said of these students, explained, in the order given; nothing is stored."""
    known = store.known(np.asarray(students, np.int32), as_of)
    ids = {key: str(id_) for key, id_ in store.student_ids(known.students.tolist()).items()}
    return tuple(lines_of(known, voice or voice_of(store), ids, explained=True))


def _first(spoken: Sequence[Spoken], most: int) -> StudentKeys:
    scored = [line.student for line, _ in spoken if line.said.state == "scored"]
    return np.array(scored[:most], np.int32)


def _spoken(
    predictor: Predictor, students: StudentKeys, as_of: datetime, *, explained: bool
) -> list[Spoken]:
    if not students.size:
        return []
    ids = predictor.store.student_ids(students.tolist())
    return predictor.speak({key: ids[key] for key in students.tolist()}, as_of, explained=explained)
