"""Replays a stored answer: from the records as then known and its checkpoint, the same again?"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

from edupulse.model.checkpoint import read_checkpoint
from edupulse.pipeline.accounts import Caller
from edupulse.pipeline.scoring import score_students
from edupulse.pipeline.speaking import Model, Rules, Voice, folder_called, to_store
from edupulse.risk.assessment import Assessor
from edupulse.school.errors import BadInput, NotFound, NotReady
from edupulse.store.audit import Entry, What, append
from edupulse.store.risks import StoredRisk, stored_risk
from edupulse.store.store import Store

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Replay:
    """What was said, what comes out now, whether it is the same, and why where it is not."""

    then: StoredRisk
    now: StoredRisk | None
    same: bool
    why: str


def replay(store: Store, risk_id: str, caller: Caller) -> Replay:
    """Compute a stored answer once more (law 10); the audit log is told.

    Raises NotFound for an id under which nothing is stored.
    """
    with store.writing() as connection:
        then, imports = stored_risk(connection, risk_id)
    try:
        voice = _voice(store, then)
    except (BadInput, NotFound, NotReady) as error:
        found = Replay(then, None, False, f"The checkpoint cannot speak: {error.problem}")
    else:
        (line,) = score_students(store, [then.student], then.as_of, voice=voice)
        found = _compared(then, to_store(line), imports)
    _write_down(store, found, risk_id, caller)
    return found


def _voice(store: Store, then: StoredRisk) -> Voice:
    if not then.checkpoint:
        return Rules(then.method, "a replay")
    return Model(Assessor.of(read_checkpoint(folder_called(store, then.checkpoint))))


def _compared(then: StoredRisk, now: StoredRisk, imports: int) -> Replay:
    if is_same(then, now):
        return Replay(then, now, True, "The same comes out again.")
    if now.policy != then.policy:
        why = f"The policy was {then.policy} then and is {now.policy} in the checkpoint now."
    elif imports:
        why = (
            f"{imports} imports landed since; records that came late say they were known before "
            "the as-of instant, so more is known of that instant now than was then."
        )
    else:
        why = "No import landed since: the records, the checkpoint or the software were changed."
    return Replay(then, now, False, why)


def is_same(then: StoredRisk, now: StoredRisk) -> bool:
    """Is it the same answer of the same method, its numbers within 1e-6?"""
    if (then.method, then.policy, then.state) != (now.method, now.policy, now.state):
        return False
    if not then.checkpoint:
        return bool(then.body == json.loads(json.dumps(now.body)))
    pairs = [(then.risk, now.risk), *zip(_ends(then), _ends(now), strict=True)]
    return all(
        before is after if before is None or after is None else abs(before - after) <= TOLERANCE
        for before, after in pairs
    )


def _ends(risk: StoredRisk) -> tuple[float | None, float | None]:
    return risk.interval or (None, None)


def _write_down(store: Store, found: Replay, risk_id: str, caller: Caller) -> None:
    student: uuid.UUID = store.student_ids([found.then.student])[found.then.student]
    body = {"prediction": risk_id, "same": found.same}
    with store.writing() as connection:
        append(connection, [Entry(What.REPLAYED, caller.who, caller.purpose, student, body)])
