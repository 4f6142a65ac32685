"""Predictions over HTTP: one, many in pages, what was said, again, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from api.conftest import AT, Service
from edupulse.api.app import PREFIX, create_app
from edupulse.store.store import open_store
from pipeline.small_champion import import_frames, let_serve, small_checkpoint, small_district


@pytest.fixture(scope="module")
def champion(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
) -> Iterator[Service]:
    """The app on 40 simulated students, with a champion."""
    url, folder = empty_database(), reachable_folder()
    with TestClient(create_app(lambda: open_store(url), lambda: AT)) as client:
        store = client.app.state.store
        import_frames(store, folder / "records", small_district())
        let_serve(store, small_checkpoint(folder / "checkpoints"))
        yield Service(client, store)


def students(service: Service) -> list[str]:
    ids = service.store.student_ids(service.store.students_at(AT).tolist())
    return sorted(str(id_) for id_ in ids.values())


def asked(service: Service, path: str, body: object, who: str = "D001", **query: object):
    return service.client.post(f"{PREFIX}{path}", json=body, headers=service.as_(who), params=query)


def test_a_prediction_is_told_stored_and_comes_out_again(champion: Service):
    told = asked(champion, "/predict", {"student_id": students(champion)[0]}).json()
    path = f"/predictions/{told['prediction_id']}"
    stored = champion.client.get(f"{PREFIX}{path}", headers=champion.as_()).json()
    assert stored == told
    replayed = asked(champion, f"{path}/replay", None).json()
    assert (replayed["same"], replayed["then"]) == (True, told["risk_score"])
    assert told["worklist_band"] == told["risk_category"]
    assert "factors" not in told


def test_a_list_is_ranked_over_the_whole_and_shown_in_pages_with_nobody_dropped(
    champion: Service,
):
    nobody = str(uuid4())
    ids = [*students(champion), nobody, students(champion)[0]]
    body, places, cursor = {"student_ids": ids, "include_factors": True, "top_k": 3}, [], {}
    while True:
        page = asked(champion, "/predict/batch", body, limit=15, **cursor).json()
        places += page["items"]
        if "next" not in page:
            break
        cursor = {"cursor": page["next"]}
    assert sorted(place["student_id"] for place in places) == sorted(set(ids))
    said = [place["risk"] for place in places if "risk" in place]
    scores = [one["risk_score"] for one in said if "risk_score" in one]
    assert scores == sorted(scores, reverse=True)
    assert [bool(one.get("factors")) for one in said[:4]] == [True] * 3 + [False]
    assert [place["rank"] for place in places[:-1]] == list(range(1, len(said) + 1))
    assert places[-1]["student_id"] == nobody
    assert places[-1]["problem"]["status"] == 404
    as_of = said[0]["as_of"]
    for one in said[:5]:
        single = asked(
            champion, "/predict", {"student_id": one["student_id"], "as_of": as_of}
        ).json()
        assert single["risk_score"] == one["risk_score"]
        assert single["prediction_id"] == one["prediction_id"]


def test_an_id_out_of_sight_has_the_problem_of_one_that_is_not_there(champion: Service):
    ids = [*students(champion), str(uuid4())]
    page = asked(champion, "/predict/batch", {"student_ids": ids}, "T00001", limit=200).json()
    problems = {str(place.get("problem")) for place in page["items"]} - {"None"}
    assert len(problems) == 1
    assert 1 < sum("problem" in place for place in page["items"]) <= len(ids)


def test_the_cursor_of_another_list_is_refused(champion: Service):
    ids = students(champion)
    page = asked(champion, "/predict/batch", {"student_ids": ids}, limit=5).json()
    other = asked(
        champion, "/predict/batch", {"student_ids": ids[1:]}, limit=5, cursor=page["next"]
    )
    assert other.status_code == 422


def test_the_history_goes_back_page_by_page(champion: Service):
    id_ = students(champion)[1]
    for days in (3, 2, 1):
        as_of = (AT - timedelta(days=days)).isoformat()
        asked(champion, "/predict", {"student_id": id_, "as_of": as_of})
    path, found, cursor = f"{PREFIX}/students/{id_}/predictions", [], {}
    for _ in range(3):
        query = {"limit": 1} | cursor
        page = champion.client.get(path, headers=champion.as_(), params=query).json()
        found += [one["as_of"] for one in page["items"]]
        cursor = {"cursor": page["next"]}
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 3


def test_an_outcome_that_was_seen_is_written_down_once(champion: Service):
    told = asked(champion, "/predict", {"student_id": students(champion)[2]}).json()
    path = f"{PREFIX}/predictions/{told['prediction_id']}/feedback"
    headers = champion.as_() | {"Idempotency-Key": "a key that is long enough"}
    body = {"outcome": "on_track", "reason": "Caught up."}
    answers = [champion.client.post(path, json=body, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    with champion.store.writing() as connection:
        rows = connection.execute("SELECT off_track, reason FROM state.feedback").fetchall()
    assert rows == [(False, "Caught up.")]


@pytest.mark.parametrize("path", ["", "/replay", "/feedback"])
def test_a_prediction_out_of_sight_is_as_one_that_is_not_there(champion: Service, path: str):
    seen = {place["student_id"] for place in asked(
        champion, "/predict/batch", {"student_ids": students(champion)}, "T00001", limit=200
    ).json()["items"] if "risk" in place}  # fmt: skip
    hidden = next(id_ for id_ in students(champion) if id_ not in seen)
    there = asked(champion, "/predict", {"student_id": hidden}).json()["prediction_id"]
    answers = []
    for id_ in (there, str(uuid4())):
        method, body = ("POST", {"reason": "x"}) if path == "/feedback" else ("POST", None)
        answers.append(champion.client.request(
            method if path else "GET", f"{PREFIX}/predictions/{id_}{path}",
            json=body, headers=champion.as_("T00001"),
        ))  # fmt: skip
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].json() | {"request_id": ""} == answers[1].json() | {"request_id": ""}


def test_rules_answer_where_no_checkpoint_serves(service: Service):
    told = asked(service, "/predict", {"student_id": students(service)[0]}).json()
    assert told["method"] == "abc_rules"
    assert "indicators" in told
    assert "risk_score" not in told
    assert "model_version" not in told


@pytest.mark.parametrize(
    "body",
    [
        {"student_id": "no uuid"},
        {"student_id": str(uuid4()), "name": "x"},
        {"student_id": str(uuid4()), "as_of": "2025-01-01T00:00:00"},
        {"student_id": str(uuid4()), "as_of": "2999-01-01T00:00:00Z"},
    ],
)
def test_what_is_no_question_is_refused(service: Service, body: object):
    assert asked(service, "/predict", body).status_code == 422


BODIES = [
    b'{"student_id": "%s"}',
    b'{"student_id": "%s", "include_factors": "true", "as_of": "2025-02-01T00:00:00Z"}',
    b'{"student_id": "%s", "as_of": 1738368000}',
    b'{"student_id": "%s", "as_of": "2025-02-01T00:00:00"}',
    b'{"student_id": "%s", "more": 1}',
    b'{"student_id": "%s", "include_factors": null}',
    b'{"student_id": "%s"',
    b'{"student_id": NaN}',
    b"\xff",
    b"",
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("scope", ["predictions:write", "students:read"])
@pytest.mark.parametrize("purpose", ["a meeting", "x" * 300, ""])
def test_straight_from_its_bytes_or_by_way_of_the_document_the_answer_is_the_same(
    champion: Service, body: bytes, scope: str, purpose: str
):
    """A type of content with more words is one of those that go FastAPI's way."""
    id_ = students(champion)[1].encode()
    known = champion.as_("D001", scope) | ({"X-Purpose": purpose} if purpose else {})
    first, again = (
        champion.client.post(
            f"{PREFIX}/predict", content=body.replace(b"%s", id_), headers=known | kind
        )
        for kind in (
            {"Content-Type": f"application/json{more}"} for more in ("", "; charset=utf-8")
        )
    )
    assert (first.status_code, first.headers["Content-Type"]) == (
        again.status_code,
        again.headers["Content-Type"],
    )
    assert first.json() | {"request_id": ""} == again.json() | {"request_id": ""}
    if first.status_code == 200:
        with champion.store.writing() as connection:
            seen = connection.execute(
                "SELECT purpose FROM state.audit ORDER BY number DESC LIMIT 2"
            )
            assert seen.fetchall() == [(purpose or "POST /predict",)] * 2
