"""Experiments over HTTP: what is fixed beforehand stays so, and no result is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from edupulse.api.app import PREFIX
from edupulse.client import Client
from edupulse.store.checkpoints import champion, promote, register, retire_champion
from pipeline.small_champion import NOW, small_checkpoint

from .conftest import AT

PATH = f"{PREFIX}/experiments"
WANTED = {"name": "Spring", "question": "Does it find more in spring?", "measure": "precision_10",
          "begins_on": "2025-02-21", "ends_on": "2025-05-30"}  # fmt: skip
REASON = {"reason": "The challenger serves now."}


@pytest.fixture(scope="module")
def made(service, tmp_path_factory) -> dict[str, str]:
    """Two checkpoints that passed their gates and one that did not."""
    root = tmp_path_factory.mktemp("checkpoints")
    found = {}
    for name, seed, serves in (("first", 3, True), ("second", 4, True), ("failed", 5, False)):
        one = small_checkpoint(root, seed=seed, serves=serves)
        found[name] = one.version
        with service.store.writing() as connection:
            register(connection, one.version, created=NOW, folder=str(one.path), decision={})
    return found


def let_serve(service, hash_: str | None) -> None:
    said = {"now": AT, "by": "a test", "because": "it must"}
    with service.store.writing() as connection:
        if hash_ is not None:
            promote(connection, hash_, **said)
        elif champion(connection) is not None:
            retire_champion(connection, **said)


@pytest.fixture(autouse=True)
def serving(service, made) -> None:
    let_serve(service, made["first"])


def post(service, body: dict, path: str = "", staff_id: str = "D001", **headers: str):
    return service.client.post(PATH + path, json=body, headers=service.as_(staff_id) | headers)


def get(service, path: str = "", staff_id: str = "D001", **query: object):
    return service.client.get(PATH + path, params=query, headers=service.as_(staff_id))


@pytest.fixture
def wanted(made) -> dict[str, str]:
    return WANTED | {"challenger": made["second"]}


@pytest.fixture
def registered(service, wanted) -> dict:
    answer = post(service, wanted)
    assert answer.status_code == 201
    return answer.json()


def rows(service) -> int:
    with service.store.writing() as connection:
        return connection.execute("SELECT count(*) FROM state.experiments").fetchone()[0]


def test_it_is_stored_with_the_champion_of_that_instant_shown_and_listed(
    service, made, wanted, registered
) -> None:
    assert {name: registered[name] for name in wanted} == wanted
    assert (registered["champion"], registered["state"]) == (made["first"], "planned")
    assert registered["by"].startswith("token:")
    assert registered["registered"].startswith(f"{AT:%Y-%m-%dT%H}")
    let_serve(service, made["second"])
    assert get(service, f"/{registered['id']}").json() == registered
    assert registered in get(service).json()["items"]


def test_nothing_is_told_of_an_assignment_or_a_result(registered) -> None:
    assert set(registered) == {
        "id", "name", "question", "measure", "champion", "challenger", "begins_on", "ends_on",
        "state", "by", "registered", "ended", "ended_by", "reason",
    }  # fmt: skip


def test_the_beginning_of_a_hash_is_enough_and_the_whole_is_kept(service, made, wanted) -> None:
    answer = post(service, wanted | {"challenger": made["second"][:20]})
    assert answer.json()["challenger"] == made["second"]


def test_one_that_begins_today_runs(service, wanted) -> None:
    body = wanted | {"begins_on": "2025-02-20", "ends_on": "2025-02-20"}
    assert post(service, body).json()["state"] == "running"


def test_pages_go_on_without_a_gap(service, wanted) -> None:
    for _ in range(3):
        post(service, wanted)
    whole = [one["id"] for one in get(service, limit=500).json()["items"]]
    walked, cursor = [], {}
    while cursor is not None:
        page = get(service, limit=2, **cursor).json()
        assert len(page["items"]) <= 2
        walked += [one["id"] for one in page["items"]]
        cursor = {"cursor": page["next"]} if page["next"] else None
    assert walked == whole
    assert len(set(whole)) == rows(service) >= 3
    assert get(service, cursor="nonsense").status_code == 422


@pytest.mark.parametrize(
    ("change", "status", "kind", "says"),
    [
        ({"challenger": "sha256:nothing"}, 404, "not-found", "No single checkpoint"),
        ({"challenger": "sha256:"}, 404, "not-found", "No single checkpoint"),
        ({"challenger": "first"}, 409, "refused", "cannot challenge itself"),
        ({"challenger": "failed"}, 409, "not-ready", "did not pass its gate: made_so"),
        ({"begins_on": "2025-02-19"}, 422, "bad-input", "field begins_on: This day is past."),
        ({"ends_on": "2025-02-20"}, 422, "bad-input", "field ends_on: It ends before it begins."),
        ({"measure": "accuracy"}, 422, "invalid-request", ""),
        ({"question": " "}, 422, "invalid-request", ""),
        ({"champion": "sha256:another"}, 422, "invalid-request", ""),
        ({"result": 0.7}, 422, "invalid-request", ""),
    ],
)
def test_what_cannot_be_registered_is_refused_and_not_stored(
    service, made, wanted, change: dict, status: int, kind: str, says: str
) -> None:
    named = {name: made.get(str(value), value) for name, value in change.items()}
    before = rows(service)
    answer = post(service, wanted | named)
    assert answer.status_code == status
    told = answer.json()
    assert told["type"] == f"urn:edupulse:problem:{kind}"
    assert says in told["detail"]
    assert told["to_do"]
    assert rows(service) == before


def test_where_no_checkpoint_serves_there_is_nothing_to_be_challenged(service, wanted) -> None:
    let_serve(service, None)
    answer = post(service, wanted)
    assert (answer.status_code, answer.json()["type"][-9:]) == (409, "not-ready")
    assert "No checkpoint serves" in answer.json()["detail"]


def test_asked_twice_with_one_key_it_is_one(service, wanted) -> None:
    before, headers = rows(service), service.as_() | {"Idempotency-Key": str(uuid4())}
    answers = [service.client.post(PATH, json=wanted, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert rows(service) == before + 1
    other = service.client.post(PATH, json=wanted | {"name": "Else"}, headers=headers)
    assert other.status_code == 422


def test_one_cut_off_before_it_was_answered_keeps_its_champion(service, made, wanted) -> None:
    headers = service.as_() | {"Idempotency-Key": str(uuid4())}
    first = service.client.post(PATH, json=wanted, headers=headers).json()
    with service.store.writing() as connection:
        connection.execute("UPDATE state.requests SET status = NULL, sealed = NULL, until = began")
    let_serve(service, made["second"])
    assert service.client.post(PATH, json=wanted, headers=headers).json() == first


def test_what_was_ended_is_over_and_stays_so(service, registered) -> None:
    path = f"/{registered['id']}/end"
    ended = post(service, REASON, path).json()
    assert ended.pop("ended_by").startswith("token:")
    at = ended.pop("ended")
    assert at.startswith(f"{AT:%Y-%m-%dT%H}")
    unchanged = {name: registered[name] for name in ended} | REASON | {"state": "over"}
    assert ended == unchanged
    assert post(service, REASON, path).json()["ended"] == at, "the same again is the same"
    answer = post(service, {"reason": "Another."}, path)
    assert (answer.status_code, answer.json()["type"][-7:]) == (409, "refused")
    assert get(service, f"/{registered['id']}").json()["reason"] == REASON["reason"]


@pytest.fixture
def the_day_after(service) -> Iterator[None]:
    state = service.client.app.state
    clock, state.clock = state.clock, lambda: AT + timedelta(hours=12)
    yield
    state.clock = clock


def test_what_is_over_by_its_days_is_not_ended_too(service, wanted, request) -> None:
    today = {"begins_on": "2025-02-20", "ends_on": "2025-02-20"}
    path = f"/{post(service, wanted | today).json()['id']}"
    request.getfixturevalue("the_day_after")
    assert get(service, path).json()["state"] == "over"
    answer = post(service, REASON, f"{path}/end")
    assert (answer.status_code, answer.json()["type"][-7:]) == (409, "refused")
    assert get(service, path).json()["ended"] is None


def test_one_that_is_not_there_is_not_found(service) -> None:
    for answer in (get(service, f"/{uuid4()}"), post(service, REASON, f"/{uuid4()}/end")):
        assert answer.status_code == 404
        assert "no such experiment" in answer.json()["detail"]


@pytest.mark.parametrize("staff_id", ["T00001", "C00101", "H001", "D002"])
def test_only_who_administers_registers_and_ends_and_staff_reads(
    service, wanted, registered, staff_id: str
) -> None:
    before = rows(service)
    assert post(service, wanted, staff_id=staff_id).status_code == 403
    assert post(service, REASON, f"/{registered['id']}/end", staff_id).status_code == 403
    assert rows(service) == before
    assert get(service, f"/{registered['id']}", staff_id).json() == registered


def test_a_token_that_may_read_registers_nothing(service, wanted) -> None:
    headers = service.as_("D001", "models:read")
    assert service.client.post(PATH, json=wanted, headers=headers).status_code == 403
    assert service.client.get(PATH, headers=headers).status_code == 200


def test_the_client_registers_lists_and_ends(service, wanted) -> None:
    client = Client("http://testserver", service.token(), http=service.client)
    one = client.register_experiment(wanted)
    assert one in list(client.each(client.list_experiments, limit=2))
    assert client.end_experiment(one["id"], REASON)["state"] == "over"
