"""Law 13: without a right to a student the answer is that for one who does not exist, and the
attempt stands in the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.conftest import service  # noqa: F401  (a fixture)
from api.people import People, signing_in
from edupulse.api.app import create_app

ITS_OWN = {"x-request-id", "ratelimit", "date"}
"""Headers that differ from one request to the next, whoever is asked about."""

DOCUMENT = create_app().openapi()


SCHEMAS = DOCUMENT["components"]["schemas"]


def named_where() -> Iterator[tuple[str, str, str]]:
    """Method, path and place of every route to which a student is named."""
    for path, item in DOCUMENT["paths"].items():
        for method, said in item.items():
            for one in said.get("parameters", []):
                if one["name"] == "student_id":
                    yield method.upper(), path, one["in"]
            if "student_id" in properties(said):
                yield method.upper(), path, "student_id"
            if "student_ids" in properties(said):
                yield method.upper(), path, "student_ids"


def properties(operation: dict[str, Any]) -> dict[str, Any]:
    """Of the body that an operation takes."""
    return _schema(operation).get("properties", {})


def _schema(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return SCHEMAS.get(reference.rpartition("/")[2], {})


ROUTES = sorted(named_where())
VIEWERS = ("T00001", "C00101", "C00201", "H001", "H002", "guardian", "student")
"""All who do not see everybody."""


@pytest.fixture(scope="module")
def people(service) -> Iterator[People]:  # noqa: F811
    with signing_in(service) as found:
        yield found


def headers_of(people: People, viewer: str) -> dict[str, str]:
    if viewer == "guardian":
        return people.guardian(people.parent())
    return people.student(people.of_age()) if viewer == "student" else people.staff(viewer)


def strangers_of(people: People, viewer: str) -> list[tuple[str, str]]:
    """Whom the viewer may not see at all, by the oracle: a UUID, and that of the number now."""
    opinion = people.opinion
    if viewer == "guardian":
        pairs = opinion.guardian_sees(people.parent())
    elif viewer == "student":
        pairs = opinion.student_sees(people.of_age())
    else:
        pairs = opinion.staff_sees(viewer)
    seen = set().union(*opinion.seen(pairs).values())
    uuids = people.uuids()
    return sorted(
        (uuid, uuids[opinion.stands_for(number)])
        for number, uuid in uuids.items()
        if number not in seen
    )


def answer(people: People, route: tuple[str, str, str], headers: dict[str, str], of: str) -> Any:
    """All that an answer says of one student, but for what is each request's own."""
    method, path, place = route
    operation = DOCUMENT["paths"][path][method.lower()]
    body = dict(_schema(operation).get("examples", [{}])[0]) or None
    if place.startswith("student_id"):
        body = {**(body or {}), place: of if place == "student_id" else [of]}
    query = {"student_id": of} if place == "query" else {}
    asked = people.service.client.request(
        method, path.replace("{student_id}", of), params=query, json=body, headers=headers
    )
    said = {name: value for name, value in asked.headers.items() if name not in ITS_OWN}
    own = json.loads(asked.text).get("request_id", "-")
    return asked.status_code, said, asked.text.replace(of, "?").replace(own, "?")


def last_word(people: People) -> tuple[str, str | None, str]:
    with people.service.store.writing() as connection:
        row = connection.execute(
            "SELECT what, student::text, body::text FROM state.audit ORDER BY number DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    return row


def test_every_way_to_name_a_student_is_tried() -> None:
    places = {place for _, _, place in ROUTES}
    assert {"path", "query", "student_id", "student_ids"} <= places


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(viewer=st.sampled_from(VIEWERS), chance=st.integers(0, 1000), nobody=st.uuids(version=4))
def test_a_stranger_is_answered_as_nobody_and_both_attempts_are_written_down(
    people: People, route: tuple[str, str, str], viewer: str, chance: int, nobody: UUID
) -> None:
    headers, strangers = headers_of(people, viewer), strangers_of(people, viewer)
    stranger, now = strangers[chance % len(strangers)]
    there = answer(people, route, headers, stranger)
    told_of_there = last_word(people)
    nowhere = answer(people, route, headers, str(nobody))
    told_of_nowhere = last_word(people)
    assert there == nowhere
    assert there[0] in (200, 202, 403, 404)
    assert told_of_there[0] == told_of_nowhere[0] == "denied"
    if there[0] == 403:
        assert "right" in json.loads(told_of_there[2])
    else:
        assert told_of_there[1] == now
        assert told_of_nowhere[1] is None
        assert str(nobody) not in told_of_nowhere[2]
