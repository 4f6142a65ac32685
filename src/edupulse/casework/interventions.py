"""Plans for students: who sees a student's facts sees them; who works with the student writes them.

Their effect is not told here: what was planned and what was done is all that is known.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from edupulse.casework.access import Part
from edupulse.casework.disclosures import Asking, deny, disclose, open_record, sight_in
from edupulse.school.errors import BadInput, NotAllowed, NotFound, Refused
from edupulse.store import interventions as stored
from edupulse.store.interventions import Intervention, Outcome, Plan, Session
from edupulse.store.store import Store


@dataclass(frozen=True, slots=True)
class Held:
    """A session that somebody held."""

    held_on: date
    minutes: int
    attended: bool


def plan(store: Store, asking: Asking, id_: uuid.UUID, student: str, wanted: Plan) -> Intervention:
    """Plan an intervention for a student of the asker's. Raises NotFound, BadInput."""
    if wanted.ends_on is not None and wanted.ends_on < wanted.begins_on:
        raise BadInput("It ends before it begins.", "Correct the days.", field="ends_on")
    key = open_record(store, asking, student, [Part.PLANS])
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        stored.add(connection, id_, key, wanted, by=asking.viewer.name, now=asking.at)
        made = stored.intervention(connection, id_)
    assert made is not None  # noqa: S101  (written above, and plans are seen by who writes them)
    return made


def found(store: Store, asking: Asking, id_: uuid.UUID) -> tuple[Intervention, list[Session]]:
    """One intervention and its sessions; a disclosure. Raises NotFound alike for a foreign one."""
    one, sessions = _seen(store, asking, id_)
    disclose(store, asking, [one.student], [Part.FACTS])
    return one, sessions


def page(
    store: Store,
    asking: Asking,
    *,
    student: str | None,
    is_open: bool | None,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> tuple[list[Intervention], bool]:
    """Interventions of one student or of all that are seen, the newest first; and are there more?

    Each student is a disclosure. Raises NotFound for a student who is not the asker's.
    """
    seen = sight_in(store, asking)
    among: Sequence[int] | None = None if Part.FACTS in seen.everyone else list(seen.some)
    if student is not None:
        among = [open_record(store, asking, student, [Part.FACTS])]
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        listed = stored.listed(
            connection, students=among, is_open=is_open, after=after, limit=limit + 1
        )
    permitted = [one for one in listed[:limit] if seen.may_see(one.student)]
    disclose(store, asking, sorted({one.student for one in permitted}), [Part.FACTS])
    return permitted, len(listed) > limit


def log(store: Store, asking: Asking, id_: uuid.UUID, entry: uuid.UUID, held: Held) -> Session:
    """Write down that a session was held. Raises NotFound, NotAllowed, BadInput."""
    if held.held_on > asking.at.date():
        raise BadInput("That day is still to come.", "Log what was held.", field="held_on")
    one = _writable(store, asking, id_)
    if one.closed is not None and held.held_on > one.closed.date():
        to_do = "Log what was held before; plan a new one for what comes after."
        raise BadInput("The plan had ended by that day.", to_do, field="held_on")
    session = Session(
        entry, held.held_on, held.minutes, held.attended, asking.viewer.name, asking.at
    )
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        stored.log_session(connection, one, session)
    return session


def close(
    store: Store, asking: Asking, id_: uuid.UUID, outcome: Outcome, reason: str
) -> Intervention:
    """End an intervention. Raises NotFound, NotAllowed, and Refused where it ended otherwise."""
    _writable(store, asking, id_)
    by = asking.viewer.name
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        done = stored.close(connection, id_, outcome, reason, by=by, now=asking.at)
        one = stored.intervention(connection, id_)
    assert one is not None  # noqa: S101  (it was seen above)
    if not done and (one.outcome, one.reason) != (outcome, reason):
        raise Refused("It has ended, otherwise than this says.", "Plan a new one.")
    return one


def _seen(store: Store, asking: Asking, id_: uuid.UUID) -> tuple[Intervention, list[Session]]:
    with store.writing_as(asking.viewer.asking(asking.at)) as connection:
        one = stored.intervention(connection, id_)
        sessions = stored.sessions(connection, id_)
    if one is None or not sight_in(store, asking).may_see(one.student):
        deny(store, asking, str(id_), _whose(store, id_))
        raise NotFound("There is no such intervention.", "Give the id of one you see.")
    return one, sessions


def _whose(store: Store, id_: uuid.UUID) -> int | None:
    """The student of an intervention, whoever asks; None where there is none such."""
    with store.writing() as connection:
        one = stored.intervention(connection, id_)
    return None if one is None else one.student


def _writable(store: Store, asking: Asking, id_: uuid.UUID) -> Intervention:
    """The same for who may write it; a disclosure. Raises NotAllowed for who may only see it."""
    one, _ = _seen(store, asking, id_)
    if not sight_in(store, asking).may_see(one.student, Part.PLANS):
        to_do = "Ask who works with the student."
        raise NotAllowed("You see this plan and may not write it.", to_do)
    disclose(store, asking, [one.student], [Part.PLANS])
    return one
