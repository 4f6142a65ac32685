"""Every route as every role: the status that the table of docs/privacy.md says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from api.people import STAFF, People, signing_in
from conftest import ROOT
from edupulse.api.app import PREFIX, create_app
from edupulse.casework.access import RIGHTS
from edupulse.store.tokens import SCOPES

ROLES = (*STAFF, "guardian, student", "integration")
NAMES = {"guardian, student": "family"}
ASKING = [
    (
        method.upper(),
        path,
        frozenset(scope for one in said["security"] for scope in one["HTTPBearer"]),
    )
    for path, item in create_app().openapi()["paths"].items()
    for method, said in item.items()
    if path.startswith(PREFIX)
]


def table() -> dict[str, set[str]]:
    """Role to its scopes, as the document says."""
    rows = [
        [cell.strip() for cell in line.strip("|\n").split("|")]
        for line in (ROOT / "docs" / "privacy.md").read_text().splitlines()
        if line.startswith(("| scope |", "| `"))
    ]
    rows = rows[next(n for n, row in enumerate(rows) if row[0] == "scope") :]
    found: dict[str, set[str]] = {role: set() for role in rows[0][1:]}
    for row in rows[1:]:
        scope = row[0].strip("`")
        for role, cell in zip(rows[0][1:], row[1:], strict=True):
            if scope in SCOPES and cell == "yes":
                found[role].add(scope)
    return found


MAY = table()


@pytest.fixture(scope="module")
def people(service) -> Iterator[People]:
    with signing_in(service) as found:
        yield found


def asked(client: TestClient, method: str, path: str, headers: dict[str, str]) -> int:
    """The status of a request about things that are not there, with a body that does nothing."""
    filled = re.sub(r"\{\w*id\}", str(uuid4()), path)
    filled = filled.replace("{hash}", "0" * 64).replace("{kind}", "marks")
    body = {"no such field": 1} if method in ("POST", "PUT", "PATCH") else None
    headers = headers | {"Last-Event-ID": "none"}  # or a stream would begin, and never end
    return client.request(method, filled, headers=headers, json=body).status_code


def test_the_table_is_what_access_decides() -> None:
    decided = {role: RIGHTS[NAMES.get(role, role.replace(" ", "_"))] for role in ROLES}
    assert decided == MAY
    assert len(RIGHTS) == len(MAY)
    assert set().union(*MAY.values()) == set(SCOPES)


def test_every_route_needs_a_scope_that_some_role_holds() -> None:
    for method, path, scopes in ASKING:
        assert scopes, (method, path)
        assert scopes <= set(SCOPES), (method, path)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_answered_as_the_table_says(people: People, role: str) -> None:
    headers = people.role(role)
    for method, path, scopes in ASKING:
        status = asked(people.service.client, method, path, headers)
        assert (status == 403) == (not scopes <= MAY[role]), (role, method, path, status)
        assert status not in (401, 429, 500), (role, method, path)


def test_a_token_is_refused_where_it_lacks_the_scope_whatever_the_role(people: People) -> None:
    for scope in SCOPES:
        headers = people.service.as_("D001", *(one for one in SCOPES if one != scope))
        for method, path, scopes in ASKING:
            if scope in scopes:
                assert asked(people.service.client, method, path, headers) == 403, (method, path)


def test_a_person_without_a_role_may_do_nothing(people: People) -> None:
    with people.service.store.writing() as connection:
        connection.execute(
            "INSERT INTO identity.staff (local_id) VALUES ('nobody') ON CONFLICT DO NOTHING"
        )
    headers = people.service.as_("nobody")
    for method, path, _ in ASKING:
        assert asked(people.service.client, method, path, headers) == 403, (method, path)
