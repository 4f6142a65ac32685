"""Stored predictions as a viewer may see them, and what the viewer has to say of one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from edupulse.casework.access import Part
from edupulse.casework.disclosures import (
    Asking,
    deny,
    disclose,
    open_record,
    sight_in,
)
from edupulse.school.errors import NotFound
from edupulse.store.feedback import Feedback, give_feedback
from edupulse.store.risks import StoredRisk, risks_of, stored_risks
from edupulse.store.store import Store

OF_PREDICTION = (Part.FACTS, Part.SCORES)
"""What one must see of a student to be told a prediction."""


def open_prediction(store: Store, asking: Asking, id_: UUID) -> tuple[StoredRisk, UUID]:
    """A stored prediction and its student's UUID; a disclosure.

    Raises NotFound alike where there is none and where it is of a student whose scores the viewer
    may not see; either is written down as denied.
    """
    with store.writing() as connection:
        risk = stored_risks(connection, [str(id_)]).get(str(id_))
    if risk is None or not set(OF_PREDICTION) <= sight_in(store, asking).of(risk.student):
        deny(store, asking, str(id_), None if risk is None else risk.student)
        raise _no_such_prediction()
    disclose(store, asking, [risk.student], OF_PREDICTION)
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:  # the second lock
        shown = stored_risks(connection, [str(id_)]).get(str(id_))
    if shown is None:
        raise _no_such_prediction()
    return shown, store.student_ids([risk.student])[risk.student]


def _no_such_prediction() -> NotFound:
    return NotFound("There is no such prediction.", "Give the id of a stored one.")


def predictions_of(
    store: Store, asking: Asking, name: str, before: tuple[datetime, UUID] | None, most: int
) -> tuple[UUID, list[tuple[str, StoredRisk]]]:
    """A student's UUID and stored predictions with their ids, the newest first; a disclosure.

    `before` is the as-of and id after which to go on. Raises NotFound as `open_record` does.
    """
    student = open_record(store, asking, name, OF_PREDICTION)
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        found = risks_of(connection, student, before, most)
    return store.student_ids([student])[student], found


def answer_back(
    store: Store, asking: Asking, id_: UUID, *, off_track: bool | None, reason: str
) -> None:
    """Write down what the viewer saw become of the student, or why one disagrees (None).

    Raises NotFound as `open_prediction` does.
    """
    risk, _ = open_prediction(store, asking, id_)
    said = Feedback(risk.student, risk.as_of, off_track, reason, asking.viewer.name, asking.at)
    with store.writing() as connection:
        give_feedback(connection, said)
