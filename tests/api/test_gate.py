"""Whose token it is, kept between requests, and never longer than it holds."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from api.conftest import AT, Service
from edupulse.api.gate import Caller, Gate, pseudonym
from edupulse.casework.access import Viewer
from edupulse.school.errors import Unidentified
from edupulse.store.people import staff_key
from edupulse.store.tokens import Token, Wanted, create, revoke

DAY = timedelta(days=1)


def new_token(service: Service) -> tuple[Token, str]:
    with service.store.writing() as connection:
        wanted = Wanted("a test", ["audit:read"], DAY, staff_key(connection, "D001"))
        return create(connection, wanted, now=AT, by="a test")


def admitted(gate: Gate, secret: str, at: datetime) -> Caller:
    """Asked twice: what comes the second time is kept."""

    async def twice() -> list[Caller]:
        return [await gate.admit(secret, "here", at) for _ in range(2)]

    first, again = asyncio.run(twice())
    assert again == first
    return again


def test_a_revoked_token_ends_with_the_next_request_in_every_process(service) -> None:
    gates = [Gate(service.store, None), Gate(service.store, None)]
    token, secret = new_token(service)
    for gate in gates:
        assert admitted(gate, secret, AT).viewer.name == f"token:{token.id}"
    with service.store.writing() as connection:
        revoke(connection, str(token.id), now=AT, by="a test")
    for gate in gates:
        with pytest.raises(Unidentified):
            admitted(gate, secret, AT)


def test_a_token_that_is_kept_ends_in_time(service) -> None:
    gate = Gate(service.store, None)
    _, secret = new_token(service)
    assert admitted(gate, secret, AT + DAY - timedelta(seconds=1))
    with pytest.raises(Unidentified):
        admitted(gate, secret, AT + DAY)


def test_a_log_names_a_token_by_its_id_and_a_person_not_at_all() -> None:
    assert pseudonym(Viewer("token:1")) == "token:1"
    assert "g7" not in pseudonym(Viewer("guardian:g7", guardian="g7"))
