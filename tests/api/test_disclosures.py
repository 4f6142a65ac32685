"""GET /disclosures: who saw a record."""

from __future__ import annotations

from uuid import uuid4

import pytest

from edupulse.api.app import PREFIX
from edupulse.api.paging import cursor_after

PATH = f"{PREFIX}/disclosures"


def any_student(service) -> str:
    with service.store.writing() as connection:
        row = connection.execute("SELECT min(student_id::text) FROM identity.student").fetchone()
    return row[0]


def student_of_another_school(service) -> str:
    with service.store.writing() as connection:
        row = connection.execute(
            "SELECT min(student_id::text) FROM identity.student WHERE student NOT IN (SELECT"
            " student FROM records.enrollments JOIN identity.school USING (school)"
            " WHERE local_id = 'H01')"
        ).fetchone()
    return row[0]


def test_to_ask_is_itself_a_disclosure_and_pages_go_on(service) -> None:
    asked, headers = {"student_id": any_student(service)}, service.as_()
    for _ in range(3):
        service.client.get(PATH, params=asked, headers={**headers, "X-Purpose": "a parent asks"})
    first = service.client.get(PATH, params=asked | {"limit": 2}, headers=headers).json()
    after = service.client.get(PATH, params=asked | {"cursor": first["next"]}, headers=headers)
    assert [item["what"] for item in first["items"]] == ["disclosed"] * 2
    assert after.json()["items"][0]["purpose"] == "a parent asks"
    assert after.json()["items"][0]["number"] < first["items"][-1]["number"]


def test_who_may_not_ask_gets_the_answer_for_a_student_who_is_not_there(service) -> None:
    there, nowhere = (
        service.client.get(PATH, params={"student_id": asked}, headers=service.as_("H001"))
        for asked in (student_of_another_school(service), str(uuid4()))
    )
    assert there.status_code == nowhere.status_code == 404
    assert there.json() | {"request_id": ""} == nowhere.json() | {"request_id": ""}


@pytest.mark.parametrize("cursor", ["{}", cursor_after(-1), cursor_after(2**63)])
def test_a_foreign_cursor_is_refused(service, cursor: str) -> None:
    asked = {"student_id": any_student(service), "cursor": cursor}
    assert service.client.get(PATH, params=asked, headers=service.as_()).status_code == 422
