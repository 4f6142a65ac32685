"""Whose token it is, kept between requests, and never longer than it holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from api.conftest import AT, Service
from edupulse.api.gate import Gate, pseudonym
from edupulse.casework.access import Viewer
from edupulse.school.errors import Unidentified
from edupulse.store.people import staff_key
from edupulse.store.tokens import Token, Wanted, create, revoke

DAY = timedelta(days=1)


def new_token(service: Service) -> tuple[Token, str]:
    with service.store.writing() as connection:
        wanted = Wanted("a test", ["audit:read"], DAY, staff_key(connection, "D001"))
        return create(connection, wanted, now=AT, by="a test")


def test_a_revoked_token_ends_with_the_next_request_in_every_process(service) -> None:
    gates = [Gate(service.store, None), Gate(service.store, None)]
    token, secret = new_token(service)
    for gate in gates:
        assert gate.caller(secret, "here", AT).viewer.name == f"token:{token.id}"
    with service.store.writing() as connection:
        revoke(connection, str(token.id), now=AT, by="a test")
    for gate in gates:
        with pytest.raises(Unidentified):
            gate.caller(secret, "here", AT)


def test_a_token_that_is_kept_ends_in_time(service) -> None:
    gate = Gate(service.store, None)
    _, secret = new_token(service)
    assert gate.caller(secret, "here", AT + DAY - timedelta(seconds=1))
    with pytest.raises(Unidentified):
        gate.caller(secret, "here", AT + DAY)


def test_a_log_names_a_token_by_its_id_and_a_person_not_at_all() -> None:
    assert pseudonym(Viewer("token:1")) == "token:1"
    assert "g7" not in pseudonym(Viewer("guardian:g7", guardian="g7"))
