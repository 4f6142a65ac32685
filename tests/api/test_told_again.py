"""What was answered about a student is told again to who may still see that student, and no longer;
each time is a look that stands in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import polars as pl
import pytest

from api.people import People, signing_in
from edupulse.api.app import PREFIX, create_app

TEACHER = "T00001"
SESSION = {"held_on": "2025-02-19", "minutes": 30, "attended": True}
ENDING = {"outcome": "completed", "reason": "All weeks were held."}
ABOUT_STUDENTS = ("student_id", "student_ids", "prediction_id", "intervention_id")
ASKED = [
    "/predict", "/predict/batch", "/predictions/{prediction_id}/replay",
    "/predictions/{prediction_id}/feedback", "/interventions",
    "/interventions/{intervention_id}/log", "/interventions/{intervention_id}/close",
]  # fmt: skip


@pytest.fixture(scope="module")
def people(service) -> Iterator[People]:
    with signing_in(service) as found:
        yield found


@pytest.fixture(scope="module")
def pupils(people: People) -> Iterator[str]:
    """Numbers of the teacher's students, to be lost one after the other."""
    opinion = people.opinion
    return iter(sorted(opinion.seen(opinion.staff_sees(TEACHER))["facts"]))


Post = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def post(service) -> Post:
    """A POST as the teacher, with one key for each path and body."""
    headers, keys = service.as_(TEACHER), dict[str, str]()

    def posted(path: str, body: dict[str, Any]) -> Any:
        key = keys.setdefault(f"{path}{body}", str(uuid4()))
        asked = headers | {"Idempotency-Key": key}
        return service.client.post(f"{PREFIX}{path}", json=body, headers=asked)

    return posted


def requests_about(post: Post, student: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Of each route in ASKED a path and a body about that student."""
    said = post("/predict", {"student_id": student}).json()["prediction_id"]
    plan = {"student_id": student, "title": "A plan", "provider": "x", "begins_on": "2025-02-24"}
    made = post("/interventions", plan).json()["id"]
    bodies: list[dict[str, Any]] = [
        {"student_id": student}, {"student_ids": [student]}, {}, {"reason": "He was ill."},
        plan, SESSION, ENDING,
    ]  # fmt: skip
    paths = [path.format(prediction_id=said, intervention_id=made) for path in ASKED]
    return dict(zip(ASKED, zip(paths, bodies, strict=True), strict=True))


def leaves(people: People, number: str) -> None:
    """The student is taken out of the school, with the next request."""
    seats = people.opinion.frames["enrollments"].filter(
        (pl.col("student_id") == number) & pl.col("left_on").is_null()
    )
    rows = [
        {name: None if value is None else str(value) for name, value in row.items()}
        | {"left_on": "2025-02-18", "known_at": "2025-02-19T00:00:00Z"}
        for row in seats.to_dicts()
    ]
    answer = people.service.client.post(
        f"{PREFIX}/records/enrollments", json={"records": rows}, headers=people.service.as_(None)
    )
    assert answer.json()["revised"] == len(rows) > 0


def looks(people: People, student: str) -> int:
    headers = people.service.as_()
    path = f"{PREFIX}/disclosures?student_id={student}&limit=500"
    found = people.service.client.get(path, headers=headers).json()["items"]
    return sum(one["what"] in ("disclosed", "predicted") for one in found)


def test_every_write_about_a_student_is_tried() -> None:
    document = create_app().openapi()
    schemas = document["components"]["schemas"]
    about = set()
    for path, item in document["paths"].items():
        taken = {one["name"] for one in item.get("post", {}).get("parameters", ())}
        content = item.get("post", {}).get("requestBody", {}).get("content", {})
        for one in content.values():
            taken |= set(schemas[one["schema"]["$ref"].rpartition("/")[2]].get("properties", ()))
        if taken & set(ABOUT_STUDENTS):
            about.add(path.removeprefix(PREFIX))
    assert about == set(ASKED)


@pytest.mark.parametrize("route", ASKED)
def test_it_is_told_again_as_long_as_the_student_is_seen(
    people: People, pupils: Iterator[str], post: Post, route: str
) -> None:
    number = next(pupils)
    student = people.uuids()[number]
    path, body = requests_about(post, student)[route]
    first = post(path, body)
    assert first.is_success, first.text
    before = looks(people, student)
    again = post(path, body)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert looks(people, student) == before + 2, "this look, and that of who asks for them"
    leaves(people, number)
    after = post(path, body)
    if route == "/predict/batch":
        [place] = after.json()["items"]
        assert place["problem"]["status"] == 404
        assert "risk" not in place
    else:
        assert after.status_code == 404
    with people.service.store.writing() as connection:
        row = connection.execute(
            "SELECT count(*) FROM state.audit WHERE student = %s AND what = 'denied'", [student]
        ).fetchone()
    assert row is not None
    assert row[0] == 1
