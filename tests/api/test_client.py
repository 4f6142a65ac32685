"""The client in the package is the one of this service's document, and speaks to it."""

from __future__ import annotations

from types import UnionType
from typing import Any, Literal, NotRequired, get_args, get_origin, get_type_hints, is_typeddict
from uuid import uuid4

import pytest

from edupulse.api.app import create_app
from edupulse.api.client_code import OPERATIONS as CODE
from edupulse.api.client_code import client_code, formatted
from edupulse.client import Client, ProblemError

from .conftest import things_of

DOCUMENT = create_app().openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    operation
    for item in DOCUMENT["paths"].values()
    for operation in item.values()
    if operation["operationId"] != "events"  # which never ends: test_events.py listens
]
NOT_HERE = frozenset({
    "model", "promote", "roll_back", "register_experiment", "start_an_import", "follow_a_training",
})  # fmt: skip
"""What a service without a checkpoint, a source or a training says no to."""


def test_the_client_is_made_of_the_document_as_it_is() -> None:
    code = formatted(client_code(DOCUMENT))
    assert CODE.read_text() == code, "Run: python -m edupulse.api.client_code"


@pytest.fixture
def client(service) -> Client:
    return Client("http://testserver", service.token(), http=service.client)


@pytest.fixture
def known(service) -> dict[str, Any]:
    """By the name of a parameter: something that is there, or an id of nothing."""
    return things_of(service, service.client) | {"hash": "0" * 64, "training_id": str(uuid4())}


def test_it_reads_page_after_page(service, client) -> None:
    student = service.any_student()
    for _ in range(4):
        client.disclosures(student_id=student)
    found = list(client.each(client.disclosures, student_id=student, limit=2))
    assert len(found) >= 5
    assert [entry["what"] for entry in found[:3]] == ["disclosed"] * 3


def test_a_student_who_is_not_there_is_a_problem(client) -> None:
    with pytest.raises(ProblemError) as raised:
        client.disclosures(student_id=str(uuid4()))
    assert raised.value.status == 404


@pytest.mark.parametrize("id_", ["../models", "a/b?c#d", "%2e%2e"])
def test_an_id_stays_one_part_of_the_path(client, id_: str) -> None:
    with pytest.raises(ProblemError) as raised:
        client.student(id_)
    assert raised.value.status in {404, 422}
    assert raised.value.request_id


def arguments(operation: dict[str, Any], known: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """What the method of an operation takes: what its path and body need, and what it must."""
    parameters = operation.get("parameters", [])
    given = [known[one["name"]] for one in parameters if one["in"] == "path"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        [example, *_] = SCHEMAS[body["schema"]["$ref"].rpartition("/")[2]]["examples"]
        given.append({name: known.get(name, value) for name, value in example.items()})
    needed = [one["name"] for one in parameters if one.get("required") and one["in"] == "query"]
    return given, {name: known[name] for name in needed}


def typed(answer: object, kind: Any) -> None:
    """Holds an answer against the type that the method promises, all the way down."""
    if is_typeddict(kind):
        assert isinstance(answer, dict)
        whole = get_type_hints(kind, include_extras=True)
        needed = {name for name, of in whole.items() if get_origin(of) is not NotRequired}
        assert needed <= answer.keys() <= whole.keys(), kind
        for name, of in get_type_hints(kind).items():
            if name in answer:
                typed(answer[name], of)
    elif get_origin(kind) is list:
        assert isinstance(answer, list)
        for one in answer:
            typed(one, get_args(kind)[0])
    elif get_origin(kind) is UnionType and answer is None:
        assert type(None) in get_args(kind)
    elif get_origin(kind) is Literal:
        assert answer in get_args(kind)
    elif isinstance(kind, type):
        assert isinstance(answer, (int, float) if kind is float else kind), (answer, kind)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one["operationId"])
def test_every_operation_is_asked_and_answers_as_typed_or_as_documented(
    client: Client, known: dict[str, Any], operation: dict[str, Any]
) -> None:
    method = getattr(client, operation["operationId"])
    given, named = arguments(operation, known)
    if operation["operationId"] in NOT_HERE:
        with pytest.raises(ProblemError) as raised:
            method(*given, **named)
        assert str(raised.value.status) in operation["responses"]
        assert raised.value.detail
        assert raised.value.to_do
    else:
        typed(method(*given, **named), get_type_hints(method)["return"])
