"""The client in the package is the one of this service's document, and speaks to it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from edupulse.api.app import create_app
from edupulse.api.client_code import OPERATIONS, client_code, formatted
from edupulse.client import Client, ProblemError


def test_the_client_is_made_of_the_document_as_it_is() -> None:
    code = formatted(client_code(create_app().openapi()))
    assert OPERATIONS.read_text() == code, "Run: python -m edupulse.api.client_code"


@pytest.fixture
def client(service) -> Client:
    return Client("http://testserver", service.token(), http=service.client)


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
    assert raised.value.request_id
