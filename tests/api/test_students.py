"""GET /students, a student's page, features and timeline, and GET /caseload, over HTTP."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from uuid import uuid4

import pytest

from edupulse.api.app import PREFIX
from edupulse.casework.access import PARTS
from edupulse.features.catalog import NAMES
from edupulse.features.weekly import held_weeks, weekly_features

from .conftest import AT

LISTS = ("students", "caseload")
OF_ONE = ("", "/features", "/timeline")
NO_CURSORS = ["{}", "W10", "WzEuNV0", "WyJhIl0", "é", urlsafe_b64encode(b'["x", 1]').decode()]


def get(service, path: str, staff_id: str = "D001", **asked):
    return service.client.get(f"{PREFIX}/{path}", params=asked, headers=service.as_(staff_id))


def whole(service, path: str, staff_id: str = "D001", **asked) -> list[dict]:
    """All items of a list, page after page."""
    page = get(service, path, staff_id, **asked).json()
    items = page["items"]
    while page["next"]:
        page = get(service, path, staff_id, **asked, cursor=page["next"]).json()
        items += page["items"]
    return items


def entries(service) -> int:
    with service.store.writing() as connection:
        return connection.execute("SELECT count(*) FROM state.audit").fetchone()[0]


@pytest.fixture(scope="module")
def anyone(service) -> str:
    return get(service, "students", limit=1).json()["items"][0]["student_id"]


def test_a_teacher_finds_the_own_students_and_an_analyst_all_of_them_nameless(service) -> None:
    everyone = {one["student_id"]: one for one in whole(service, "students", limit=7)}
    own = whole(service, "students", "T00001")
    assert 0 < len(own) < len(everyone)
    assert all(everyone[one["student_id"]] == one for one in own)
    nameless = whole(service, "students", "D002")
    assert {one["student_id"] for one in nameless} == set(everyone)
    hidden = ("local_id", "first_name", "last_name")
    assert {one[field] for one in nameless for field in hidden} == {None}
    assert None not in {one["local_id"] for one in own}


def test_filters_divide_the_roster(service) -> None:
    everyone = whole(service, "students")
    schools = {one["school_id"] for one in everyone}
    by_school = [
        one for school in sorted(schools) for one in whole(service, "students", school=school)
    ]
    by_level = [
        one for level in range(-1, 13) for one in whole(service, "students", grade_level=level)
    ]
    key = str
    assert sorted(by_school, key=key) == sorted(by_level, key=key) == sorted(everyone, key=key)
    assert get(service, "students", school="no such").status_code == 404


def test_whoever_is_listed_is_written_down_once(service) -> None:
    before = entries(service)
    shown = get(service, "students", limit=9).json()["items"]
    assert entries(service) - before == len(shown) + 1, "and the token that was made to ask"


def test_the_caseload_says_what_is_seen_of_whom(service) -> None:
    teacher = whole(service, "caseload", "T00001")
    assert {tuple(one["sees"]) for one in teacher} == {tuple(sorted(PARTS["teacher"]))}
    roster = {one["student_id"] for one in whole(service, "students", "T00001")}
    assert {one["student_id"] for one in teacher} == roster
    assert {tuple(one["sees"]) for one in whole(service, "caseload", "D002")} == {
        ("facts", "scores")
    }


@pytest.mark.parametrize("path", OF_ONE)
def test_a_student_of_others_answers_as_one_who_is_not_there(service, path: str) -> None:
    own = {one["student_id"] for one in whole(service, "students", "T00001")}
    foreign = next(
        one["student_id"] for one in whole(service, "students") if one["student_id"] not in own
    )
    answers = [get(service, f"students/{one}{path}", "T00001") for one in (foreign, uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    first, second = (answer.json() | {"request_id": ""} for answer in answers)
    assert first == second


def test_a_student_has_a_page(service, anyone) -> None:
    page = get(service, f"students/{anyone}").json()
    assert page["state"] == "scored"
    assert page["enrollments"][0]["left_on"] is None
    assert max(page["observed_through"].values()) <= f"{AT:%Y-%m-%d}"
    nameless = get(service, f"students/{anyone}", "D002").json()
    assert (nameless["last_name"], nameless["sees"]) == (None, ["facts"])


def test_the_features_are_those_of_the_one_way(service, anyone) -> None:
    told = get(service, f"students/{anyone}/features").json()
    known = service.store.known([service.store.resolve_student(anyone)], AT)
    weeks = list(held_weeks(weekly_features(known)))
    assert told["weeks"] == [str(monday) for monday, _ in weeks]
    assert [track["name"] for track in told["features"]] == list(NAMES)
    for track in told["features"]:
        assert track["values"] == [values[track["name"]] for _, values in weeks]
        assert track["observed"] == [value is not None for value in track["values"]]
        assert track["description"]


def test_a_student_without_weeks_has_no_values_and_no_zeros(service, anyone) -> None:
    told = get(service, f"students/{anyone}/features", as_of="2020-01-01T00:00:00Z").json()
    assert told["weeks"] == []
    assert {tuple(track["values"]) for track in told["features"]} == {()}


def test_a_timeline_goes_on_as_of_its_first_page(service, anyone) -> None:
    path = f"students/{anyone}/timeline"
    first = get(service, path, limit=5).json()
    assert (first["as_of"], len(first["items"])) == ("2025-02-20T18:00:00Z", 5)
    assert first["facts"]
    after = get(service, path, limit=5, cursor=first["next"]).json()
    assert (after["as_of"], after["facts"]) == (first["as_of"], None)
    events = whole(service, path, limit=500)
    assert events[:10] == first["items"] + after["items"]
    assert [one["on"] for one in events] == sorted((one["on"] for one in events), reverse=True)
    assert {one["kind"] for one in events} >= {"absence", "mark", "course_grade", "enrollment"}


@pytest.mark.parametrize("path", [f"students/{{one}}{path}" for path in OF_ONE])
def test_the_future_is_not_told(service, anyone, path: str) -> None:
    answer = get(service, path.format(one=anyone), as_of="2025-02-20T18:00:01Z")
    assert answer.status_code == 422
    naive = get(service, path.format(one=anyone), as_of="2025-02-20T17:00:00")
    assert naive.status_code == 422


NO_INSTANTS = ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00",
               1740000000]  # fmt: skip
"""With which one cannot reckon in every time zone; and seconds, or milliseconds: who knows?"""


@pytest.mark.parametrize("instant", NO_INSTANTS)
def test_what_is_no_instant_of_records_is_refused_wherever_it_is_given(
    service, anyone, instant: str | int
) -> None:
    for path in OF_ONE:
        assert get(service, f"students/{anyone}{path}", as_of=instant).status_code == 422
    cursor = urlsafe_b64encode(f'["{instant}", 1]'.encode()).decode()
    assert get(service, f"students/{anyone}/timeline", cursor=cursor).status_code == 422
    for path, one in (
        ("predict", {"student_id": anyone}),
        ("predict/batch", {"student_ids": [anyone]}),
    ):
        body = one | {"as_of": instant}
        answer = service.client.post(f"{PREFIX}/{path}", json=body, headers=service.as_())
        assert answer.status_code == 422


@pytest.mark.parametrize("cursor", NO_CURSORS)
@pytest.mark.parametrize("path", [*LISTS, "students/{one}/timeline", "disclosures"])
def test_what_is_no_cursor_is_refused(service, anyone, path: str, cursor: str) -> None:
    answer = get(service, path.format(one=anyone), cursor=cursor, student_id=anyone)
    assert answer.status_code == 422


def test_a_guardian_of_nobody_and_an_integration_find_no_list(service) -> None:
    headers = service.as_(None)
    assert service.client.get(f"{PREFIX}/students", headers=headers).status_code == 403
