"""POST /records/{kind}: what is pushed goes the one way in, and GET /imports/{id} tells of it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from edupulse.api.app import PREFIX
from edupulse.pipeline import pushing
from edupulse.store.imports import begin_import
from edupulse.store.versions import versions

SENTINEL = "Unspeakable"


@pytest.fixture(scope="module")
def student(service) -> dict[str, str]:
    """A student of the district, with a school of hers."""
    with service.store.writing() as connection:
        row = connection.execute(
            "SELECT i.local_id, i.student, s.local_id FROM records.enrollments e"
            " JOIN identity.student i USING (student) JOIN identity.school s USING (school) LIMIT 1"
        ).fetchone()
    return {"student_id": row[0], "key": row[1], "school_id": row[2]}


@pytest.fixture
def push(service):
    def pushed(kind: str, rows: list[dict], who: str | None = None, **headers: str):
        asked = service.as_(who) | headers
        body = {"records": rows}
        return service.client.post(f"{PREFIX}/records/{kind}", json=body, headers=asked)

    return pushed


def absence(student: dict[str, str], day: str, **more: object) -> dict[str, object]:
    where = {"student_id": student["student_id"], "school_id": student["school_id"]}
    return where | {"date": day, "status": "unexcused"} | more


@pytest.mark.parametrize("where", ['{"student_id": "\\ud800"}', '{"\\udfff": "x"}'])
def test_half_of_a_character_is_no_text(service, where: str) -> None:
    headers = service.as_(None) | {"Content-Type": "application/json"}
    body = f'{{"records": [{where}]}}'
    answer = service.client.post(f"{PREFIX}/records/marks", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:edupulse:problem:bad-input")


UNREADABLE = [b"[" * 100_000, b'{"records": [{"student_id": ' + b"9" * 5000 + b"}]}", b"\xff", b"{"]
"""What Python cannot take for JSON: too deep, too long a number, no text, half a word."""


@pytest.mark.parametrize("body", UNREADABLE)
@pytest.mark.parametrize("path", ["records/marks", "predict"])
def test_a_body_that_cannot_be_read_is_an_invalid_request(service, path: str, body: bytes) -> None:
    headers = service.as_() | {"Content-Type": "application/json"}
    answer = service.client.post(f"{PREFIX}/{path}", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:edupulse:problem:invalid-request"
    assert answer.json()["errors"][0]["where"].startswith("body")


def test_good_rows_land_and_the_bad_are_told_by_row_field_and_reason(push, student) -> None:
    rows = [
        absence(student, "2025-02-11"),
        absence(student, "tomorrow"),
        absence(student, "2025-02-12", status=SENTINEL),
        absence(student, "2025-02-13", student_id=SENTINEL),
        absence(student, "2025-02-14", fraction=0.5, colour="red"),
    ]
    answer = push("attendance", rows)
    assert answer.status_code == 200
    said = answer.json()
    assert (said["read"], said["new"]) == (5, 2)
    assert [(one["row"], one["field"]) for one in said["rejected"]] == [
        (2, "date"), (3, "status"), (4, "student_id"),
    ]  # fmt: skip
    assert any("colour" in note for note in said["notes"])
    assert SENTINEL not in answer.text


def test_the_same_rows_again_change_nothing(push, student) -> None:
    rows = [absence(student, "2025-02-18"), absence(student, "2025-02-19")]
    assert push("attendance", rows).json()["new"] == 2
    assert (again := push("attendance", rows).json())["new"] == again["revised"] == 0
    assert again["unchanged"] == 2


def test_what_is_pushed_lets_the_students_version_grow(service, push, student) -> None:
    def version() -> int:
        return service.store.answer(versions([student["key"]])).students[student["key"]]

    before = version()
    push("attendance", [absence(student, "2025-02-04")])
    assert version() > before


def test_too_many_bad_rows_change_nothing_and_each_is_named(service, push, student) -> None:
    rows = [absence(student, "2025-01-15")] + [absence(student, "soon") for _ in range(25)]
    answer = push("attendance", rows)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:edupulse:problem:import-refused"
    assert [one["where"] for one in answer.json()["errors"]] == [
        f"records.{number}.date" for number in range(2, 27)
    ]
    assert str(service.store.engine.url) not in answer.text
    assert push("attendance", rows[:1]).json()["new"] == 1, "nothing had landed"


def test_a_push_cut_off_after_it_landed_gives_its_first_counts(service, push, student) -> None:
    key, rows = {"Idempotency-Key": str(uuid4())}, [absence(student, "2025-02-05")]
    headers = service.as_(None) | key
    path, body = f"{PREFIX}/records/attendance", {"records": rows}
    first = service.client.post(path, json=body, headers=headers).json()
    with service.store.writing() as connection:
        # As a process leaves it that dies before it answers.
        connection.execute("UPDATE state.requests SET status = NULL, sealed = NULL, until = began")
    again = service.client.post(path, json=body, headers=headers)
    assert again.json() == first
    assert first["new"] == 1
    assert "idempotency-replayed" not in again.headers


def test_an_import_is_followed_by_its_id(service, push, student) -> None:
    number = push("attendance", [absence(student, "2025-02-06")]).json()["import_id"]
    answer = service.client.get(f"{PREFIX}/imports/{number}", headers=service.as_())
    said = answer.json()
    assert (said["id"], said["state"]) == (number, "finished")
    assert said["source"].startswith("pushed by token:")
    assert said["report"]["files"][0]["kind"] == "attendance"
    nowhere = service.client.get(f"{PREFIX}/imports/{uuid4()}", headers=service.as_())
    assert nowhere.status_code == 404


def test_while_another_import_runs_a_push_does_not_wait_for_ever(
    service, push, student, monkeypatch
) -> None:
    monkeypatch.setattr(pushing, "PATIENCE", pushing.PATIENCE / 1000)
    with service.store.writing() as connection:
        begin_import(connection)
        answer = push("attendance", [absence(student, "2025-02-07")])
    assert answer.status_code == 409
    assert "Another import" in answer.json()["detail"]


@pytest.mark.parametrize("who", ["T00001", "D001"])
def test_only_integrations_and_the_districts_admin_push(push, student, who: str) -> None:
    answer = push("attendance", [absence(student, "2025-02-10")], who=who)
    assert answer.status_code == (200 if who == "D001" else 403)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("grades", {"records": [{"student_id": "1"}]}, 404),
        ("attendance", {"records": []}, 422),
        ("attendance", {"records": [{}] * 10_001}, 422),
        ("attendance", {"records": [{"date": ["2025-02-10"]}]}, 422),
        ("attendance", {"records": [{}], "colour": "red"}, 422),
    ],
)
def test_what_is_no_push_is_refused(service, kind: str, body: dict, status: int) -> None:
    answer = service.client.post(f"{PREFIX}/records/{kind}", json=body, headers=service.as_(None))
    assert answer.status_code == status


def test_values_are_read_as_in_a_file(push, student) -> None:
    section = {"section_id": f"new-{uuid4()}", "school_id": student["school_id"]}
    kinds = [
        ("sections", section | {"credits": 0.5, "title": "  Algebra "}),
        ("calendar", {"school_id": student["school_id"], "date": "2025-06-28",
                      "instructional": False}),
    ]  # fmt: skip
    for kind, row in kinds:
        said = push(kind, [row]).json()
        assert (said["new"] + said["revised"] + said["unchanged"], said["rejected"]) == (1, [])
