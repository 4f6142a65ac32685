"""Who is asking: every route denies first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fastapi.routing import APIRoute

from edupulse.api.app import PREFIX, ROUTES, create_app
from edupulse.casework.access import RIGHTS
from edupulse.store import tokens
from edupulse.store.audit import written
from edupulse.store.tokens import WRITE_RECORDS

EVERY = [
    (method, PREFIX + route.path)
    for router in ROUTES
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
]


def test_every_route_of_the_app_is_in_this_walk() -> None:
    document = create_app().openapi()["paths"]
    there = {(m.upper(), path) for path, item in document.items() for m in item}
    assert {one for one in there if one[1].startswith(PREFIX)} == set(EVERY)


@pytest.mark.parametrize(("method", "path"), EVERY)
@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Basic YTpi", "Bearer "])
def test_without_a_token_that_holds_every_route_answers_401(service, method, path, header) -> None:
    headers = {"Authorization": header} if header else {}
    answer = service.client.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_revoked_token_holds_no_longer(service) -> None:
    headers = service.as_()
    with service.store.writing() as connection:
        for token in tokens.every(connection):
            tokens.revoke(connection, str(token.id), now=datetime.min.replace(tzinfo=UTC), by="t")
    answer = service.client.get(f"{PREFIX}/disclosures", headers=headers)
    assert answer.status_code == 401


def test_a_token_without_the_scope_is_told_which(service) -> None:
    answer = service.client.get(f"{PREFIX}/disclosures", headers=service.as_("D001", "models:read"))
    assert answer.status_code == 403
    assert "audit:read" in answer.json()["detail"]


def test_a_role_without_the_right_is_told_though_the_token_has_the_scope(service) -> None:
    answer = service.client.get(f"{PREFIX}/disclosures", headers=service.as_("T00001"))
    assert answer.status_code == 403
    assert "role" in answer.json()["detail"]


def test_to_administer_is_the_district_admins_alone() -> None:
    for right in ("records:write", "models:write", "trainings:write", "webhooks:write"):
        holders = {role for role, rights in RIGHTS.items() if right in rights}
        assert holders - {"integration"} == {"district_admin"}
    assert RIGHTS["integration"] == {WRITE_RECORDS}
    assert not any(right.endswith(":write") for right in RIGHTS["family"])


def test_an_attempt_without_the_right_is_written_down(service) -> None:
    service.client.get(f"{PREFIX}/disclosures", headers=service.as_("T00001"))
    with service.store.writing() as connection:
        last = list(written(connection))[-1]
    assert (last.what, last.purpose) == ("denied", "GET /disclosures")
    assert last.body == '{"right": "audit:read"}'


def test_no_page_of_another_origin_may_ask(service) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    for answer in (
        service.client.options(f"{PREFIX}/disclosures", headers=asked),
        service.client.options(f"{PREFIX}/disclosures", headers=asked | service.as_()),
        service.client.get("/healthz", headers=asked),
    ):
        assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("content", [b"[", b"{}", b"x" * 100_000])
def test_a_body_of_nobody_is_not_read(service, content: bytes) -> None:
    as_json = {"Content-Type": "application/json"}
    answer = service.client.post(f"{PREFIX}/imports", content=content, headers=as_json)
    assert answer.status_code == 401


def test_who_is_not_known_does_not_learn_what_there_is(service) -> None:
    for path in (f"{PREFIX}/nowhere", f"{PREFIX}/students/7", f"{PREFIX}", f"{PREFIX}/docsx"):
        assert service.client.get(path).status_code == 401
    assert service.client.get(f"{PREFIX}/nowhere", headers=service.as_()).status_code == 404
