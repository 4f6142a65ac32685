"""/webhooks: made, shown, renewed and taken away by the district's admin; the secret once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from edupulse.api.app import PREFIX

PATH = f"{PREFIX}/webhooks"
WANTED = {"url": "https://sis.example.org/edupulse", "events": ["risk.band_changed"]}


@pytest.fixture
def made(service) -> dict:
    answer = service.client.post(PATH, json=WANTED, headers=service.as_())
    assert answer.status_code == 201
    return answer.json()


def test_the_secret_is_shown_once(service, made) -> None:
    assert made["secret"].startswith("whsec_")
    for path in (PATH, f"{PATH}/{made['id']}"):
        shown = service.client.get(path, headers=service.as_())
        assert shown.status_code == 200
        assert "secret" not in shown.text
        assert made["id"] in shown.text


def test_a_repeated_start_is_one_webhook_with_one_secret(service) -> None:
    headers = service.as_() | {"Idempotency-Key": str(uuid4())}
    first, again = (service.client.post(PATH, json=WANTED, headers=headers) for _ in range(2))
    assert first.content == again.content


def test_one_cut_off_before_it_was_answered_keeps_its_secret(service) -> None:
    headers = service.as_() | {"Idempotency-Key": str(uuid4())}
    first = service.client.post(PATH, json=WANTED, headers=headers).json()
    with service.store.writing() as connection:
        connection.execute("UPDATE state.requests SET status = NULL, sealed = NULL, until = began")
    assert service.client.post(PATH, json=WANTED, headers=headers).json() == first


def test_a_secret_is_renewed(service, made) -> None:
    answer = service.client.post(f"{PATH}/{made['id']}/rotate", headers=service.as_())
    assert answer.json()["id"] == made["id"]
    assert answer.json()["secret"] != made["secret"]


def test_it_is_taken_away(service, made) -> None:
    path = f"{PATH}/{made['id']}"
    assert service.client.delete(path, headers=service.as_()).status_code == 204
    for asked in ("GET", "DELETE"):
        assert service.client.request(asked, path, headers=service.as_()).status_code == 404
    assert service.client.post(f"{path}/rotate", headers=service.as_()).status_code == 404


@pytest.mark.parametrize("who", ["T00001", None])
def test_nobody_else_may(service, made, who) -> None:
    for method, path in (("POST", PATH), ("GET", PATH), ("DELETE", f"{PATH}/{made['id']}")):
        answer = service.client.request(method, path, json=WANTED, headers=service.as_(who))
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://sis.example.org/"},
        {"url": "https://127.0.0.1/"},
        {"url": "https://169.254.169.254/latest/meta-data"},
        {"url": "https://[::1]/"},
        {"events": []},
        {"events": ["student.born"]},
        {"secret": "mine"},
    ],
)
def test_what_cannot_be_called_or_told_is_refused(service, wrong) -> None:
    answer = service.client.post(PATH, json=WANTED | wrong, headers=service.as_())
    assert answer.status_code == 422
