"""Viewers beside students over HTTP: a route shows of whom the oracle says, and of nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.people import People, signing_in
from edupulse.api.app import PREFIX

ROUTES = {
    f"{PREFIX}/students/{{}}": "facts",
    f"{PREFIX}/students/{{}}/timeline": "facts",
    f"{PREFIX}/students/{{}}/predictions": "scores",
    f"{PREFIX}/disclosures?student_id={{}}": "disclosures",
}
"""A route about one student, and what of the student it takes to be answered."""

STAFF = ("T00001", "T00002", "C00101", "C00201", "H001", "D001", "D002")
WITHOUT_AUDIT = ("T", "C", "D002")


@pytest.fixture(scope="module")
def people(service) -> Iterator[People]:
    with signing_in(service) as found:
        yield found


def viewers(people: People) -> Iterator[tuple[str, dict[str, str], dict[str, set[str]]]]:
    """A name, the headers to ask with, and by part whom the oracle lets see."""
    opinion = people.opinion
    for staff_id in STAFF:
        yield staff_id, people.staff(staff_id), opinion.seen(opinion.staff_sees(staff_id))
    parent, grown = people.parent(), people.of_age()
    yield parent, people.guardian(parent), opinion.seen(opinion.guardian_sees(parent))
    yield grown, people.student(grown), opinion.seen(opinion.student_sees(grown))


@pytest.mark.slow
def test_a_route_answers_of_whom_the_oracle_says(people: People) -> None:
    pairs, seen = 0, 0
    for name, headers, right in viewers(people):
        for number, uuid in sorted(people.uuids().items())[::3]:
            for route, part in ROUTES.items():
                status = people.service.client.get(route.format(uuid), headers=headers).status_code
                if part == "disclosures" and name.startswith(WITHOUT_AUDIT):
                    assert status == 403, (name, number)
                    continue
                expected = 200 if number in right[part] else 404
                assert status == expected, (name, number, route)
                pairs, seen = pairs + 1, seen + (status == 200)
    assert pairs > 400
    assert 0 < seen < pairs


def listed(people: People, path: str, headers: dict[str, str]) -> set[str]:
    """The students of all pages of a list."""
    found: set[str] = set()
    cursor: dict[str, str] = {}
    while True:
        page = people.service.client.get(
            path, headers=headers, params={"limit": 7, **cursor}
        ).json()
        found |= {item["student_id"] for item in page["items"]}
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def test_a_list_holds_only_whom_its_reader_may_see(people: People) -> None:
    uuids = people.uuids()
    for name, headers, right in viewers(people):
        allowed = {uuids[number] for number in right["facts"]}
        for path in (f"{PREFIX}/students", f"{PREFIX}/caseload"):
            assert listed(people, path, headers) <= allowed, (name, path)
    assert listed(people, f"{PREFIX}/students", people.staff("D001"))
