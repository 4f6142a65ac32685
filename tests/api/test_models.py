"""The registry over HTTP: cards, gates, figures; who lets what serve; and the track record."""

from __future__ import annotations

from uuid import uuid4

import pytest

from edupulse.api.app import PREFIX
from edupulse.casework.track_record import NOT_WATCHED, NOTHING_SERVES
from edupulse.store.checkpoints import champion, register, retire_champion
from pipeline.small_champion import NOW, small_checkpoint

from .conftest import AT

MODELS = f"{PREFIX}/models"
WHY = {"because": "The board said so."}


@pytest.fixture(scope="module")
def made(service, tmp_path_factory) -> dict[str, str]:
    """Two checkpoints that passed their gates and one that did not; none serves."""
    root = tmp_path_factory.mktemp("checkpoints")
    found = {}
    for name, seed, serves in (("first", 3, True), ("second", 4, True), ("failed", 5, False)):
        one = small_checkpoint(root, seed=seed, serves=serves)
        found[name] = one.version
        decision = {"serves": serves}
        with service.store.writing() as connection:
            register(connection, one.version, created=NOW, folder=str(one.path), decision=decision)
    return found


def get(service, path: str, staff_id: str = "D001"):
    return service.client.get(f"{PREFIX}/{path}", headers=service.as_(staff_id)).json()


def post(service, path: str, body: dict | None = None, staff_id: str = "D001", key: str = ""):
    headers = service.as_(staff_id) | ({"Idempotency-Key": key} if key else {})
    return service.client.post(f"{MODELS}/{path}", json=body or WHY, headers=headers)


def statuses(service) -> dict[str, str]:
    return {one["hash"]: one["status"] for one in get(service, "models")["items"]}


def let_nothing_serve(service) -> None:
    with service.store.writing() as connection:
        if champion(connection) is not None:
            retire_champion(connection, now=AT, by="a test", because="it begins anew")


def let_both_have_served(service, made) -> None:
    """The second serves, and the first did before it."""
    let_nothing_serve(service)
    for name in ("first", "second"):
        assert post(service, f"{made[name]}/promote").json()["status"] == "champion"


def test_before_anything_serves_it_is_said_that_nothing_is_known(service, made) -> None:
    let_nothing_serve(service)
    assert "champion" not in statuses(service).values()
    told = get(service, "evaluation")
    assert told["unknown"] == [NOTHING_SERVES]
    assert (told["serving"], told["live"], told["at_training"]) == (None, None, None)


def test_a_checkpoint_shows_card_gate_and_figures_of_its_own_files(service, made) -> None:
    found = get(service, f"models/{made['failed']}")
    assert found["card"].startswith("# ")
    assert [check["passed"] for check in found["checks"]] == [False]
    assert (found["gate_passed"], found["trained_on"]) == (False, "simulated")
    methods = {one["method"] for one in found["figures"]["overall"]}
    assert methods == {"gru_attention", "abc_rules"}
    assert "folder" not in str(found)


def test_the_beginning_of_a_hash_is_enough_and_no_hash_is_not_found(service, made) -> None:
    assert get(service, f"models/{made['first'][:20]}")["hash"] == made["first"]
    for none in ("sha256:", "nothing"):
        answer = service.client.get(f"{MODELS}/{none}", headers=service.as_())
        assert answer.status_code == 404


def test_a_checkpoint_whose_folder_is_gone_is_said_to_be(service, made) -> None:
    with service.store.writing() as connection:
        register(connection, "sha256:gone", created=NOW, folder="/nowhere", decision={})
    answer = service.client.get(f"{MODELS}/sha256:gone", headers=service.as_())
    assert answer.status_code == 409
    with service.store.writing() as connection:
        connection.execute("DELETE FROM state.checkpoints WHERE hash = 'sha256:gone'")


def test_a_person_promotes_and_rolls_back_and_the_decision_says_who_and_why(service, made) -> None:
    let_both_have_served(service, made)
    assert statuses(service)[made["first"]] == "retired"
    assert post(service, "rollback").json()["hash"] == made["first"]
    decisions = get(service, f"models/{made['first']}")["decisions"][:2]
    assert [one["action"] for one in decisions] == ["rolled_back", "promoted"]
    for one in decisions:
        assert one["by"].startswith("token:")
        assert one["because"] == WHY["because"]
        assert one["at"].startswith(f"{AT:%Y-%m-%d}")


def test_a_rollback_asked_twice_with_one_key_is_done_once(service, made) -> None:
    let_both_have_served(service, made)
    key = str(uuid4())
    headers = service.as_() | {"Idempotency-Key": key}
    answers = [
        service.client.post(f"{MODELS}/rollback", json=WHY, headers=headers) for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["hash"] == get(service, "evaluation")["serving"] == made["first"]


def test_what_failed_its_gate_never_serves(service, made) -> None:
    answer = post(service, f"{made['failed']}/promote")
    assert answer.status_code == 409
    assert "made_so" in answer.json()["detail"]


@pytest.mark.parametrize("staff_id", ["T00001", "C00101", "H001", "D002"])
def test_only_who_administers_decides(service, made, staff_id: str) -> None:
    serving = get(service, "evaluation")["serving"]
    for path in (f"{made['second']}/promote", "rollback"):
        assert post(service, path, staff_id=staff_id).status_code == 403
    assert get(service, "evaluation")["serving"] == serving
    assert get(service, "models", staff_id)["items"]


@pytest.mark.parametrize("body", [{}, {"because": " "}, WHY | {"force": True}])
def test_a_decision_without_a_reason_or_with_more_than_that_is_refused(service, body) -> None:
    headers = service.as_()
    answer = service.client.post(f"{MODELS}/rollback", json=body, headers=headers)
    assert answer.status_code == 422


def test_what_serves_shows_its_own_figures_and_that_nothing_was_watched_yet(service, made) -> None:
    let_both_have_served(service, made)
    told = get(service, "evaluation")
    assert told["unknown"] == [NOT_WATCHED]
    own = get(service, f"models/{told['serving']}")
    assert told["at_training"] == own["figures"]
