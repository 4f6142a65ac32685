"""Registers experiments between the checkpoint that serves and another, and ends them.

What is asked, measured and compared is fixed before it begins, so that nobody can choose it by
how it came out. Nothing is assigned or scored here.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

from psycopg import Connection

from edupulse.pipeline.promoting import passed_gate
from edupulse.school.errors import BadInput, NotFound, NotReady, Refused
from edupulse.store import experiments as stored
from edupulse.store.checkpoints import champion, checkpoint
from edupulse.store.experiments import Experiment, Wanted
from edupulse.store.store import Store


def register(store: Store, id_: uuid.UUID, wanted: Wanted, *, now: datetime, by: str) -> Experiment:
    """Write an experiment down beside the champion of this instant; the same id is the same one.

    Raises BadInput for days that are past or the wrong way round, NotFound for a challenger that
    is not in the registry, NotReady where none serves or its gate was not passed, and Refused
    where it serves itself.
    """
    with store.writing() as connection:
        if (there := stored.experiment(connection, id_)) is not None:
            return there
        _require_days_to_come(wanted, now)
        champion_, challenger = _compared(connection, wanted.challenger)
        whole = replace(wanted, challenger=challenger)
        stored.add(connection, id_, whole, champion_, by=by, now=now)
        return _found(connection, id_)


def _require_days_to_come(wanted: Wanted, now: datetime) -> None:
    if wanted.begins_on < now.date():
        to_do = "An experiment is registered before it begins."
        raise BadInput("This day is past.", to_do, field="begins_on")
    if wanted.ends_on < wanted.begins_on:
        raise BadInput("It ends before it begins.", "Correct the days.", field="ends_on")


def _compared(connection: Connection, hash_: str) -> tuple[str, str]:
    """The hashes of champion and challenger."""
    challenger, serving = checkpoint(connection, hash_), champion(connection)
    if serving is None:
        raise NotReady(
            "No checkpoint serves, so there is nothing to be challenged.", "Promote one first."
        )
    if challenger.hash == serving.hash:
        raise Refused("This checkpoint serves: it cannot challenge itself.", "Name another one.")
    passed_gate(challenger)
    return serving.hash, challenger.hash


def found(store: Store, id_: uuid.UUID) -> Experiment:
    """One experiment. Raises NotFound."""
    with store.writing() as connection:
        return _found(connection, id_)


def _found(connection: Connection, id_: uuid.UUID) -> Experiment:
    one = stored.experiment(connection, id_)
    if one is None:
        raise NotFound(
            "There is no such experiment.", "GET /experiments lists those that there are."
        )
    return one


def end(store: Store, id_: uuid.UUID, reason: str, *, now: datetime, by: str) -> Experiment:
    """End one before its last day. Raises NotFound, and Refused where it is over otherwise."""
    with store.writing() as connection:
        one = _found(connection, id_)
        if one.state_on(now.date()) != "over":
            stored.end(connection, id_, reason, by=by, now=now)
            one = _found(connection, id_)
    if one.ended is None or one.reason != reason:
        raise Refused("It is over, otherwise than this says.", "Register a new one.")
    return one
