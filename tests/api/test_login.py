"""People sign in with the district's provider: a real one, in a process of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from api.providers import AUDIENCE, free_port, running_provider, signed_in
from edupulse.api.app import PREFIX, create_app
from edupulse.api.gate import Gate
from edupulse.api.openid import OpenIdProvider, OpenIdSettings
from edupulse.api.provider_keys import PAUSE, ProviderKeys
from edupulse.store.people import staff_key
from edupulse.store.store import Store, open_store
from edupulse.store.tokens import Wanted, create
from pipeline.small_champion import import_frames, small_district

ASKED = f"{PREFIX}/disclosures"
HEAD = "h001@district.example"


@dataclass
class Login:
    """A service that trusts a provider, and by how much its clocks are ahead."""

    client: TestClient
    store: Store
    pauses: float = 1000.0
    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def asks(self, token: str) -> httpx2.Response:
        """An answer about a student who is not there: 404 for whoever may ask at all."""
        asked = {"student_id": "00000000-0000-4000-8000-000000000000"}
        headers = {"Authorization": f"Bearer {token}"}
        return self.client.get(ASKED, params=asked, headers=headers)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def login(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path], port: int
) -> Iterator[Login]:
    url = empty_database()
    issuer = f"http://localhost:{port}"
    made = Login(None, None)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OIDC_ISSUER", issuer)
        patch.setenv("OIDC_AUDIENCE", AUDIENCE)
        patch.setenv("OIDC_GUARDIAN_CLAIM", "email")
        patch.setenv("OIDC_STUDENT_CLAIM", "district_number")
        with TestClient(create_app(lambda: open_store(url), made.now)) as made.client:
            app = made.client.app
            made.store = app.state.store
            import_frames(made.store, reachable_folder() / "records", small_district())
            keys = ProviderKeys(issuer, lambda: made.pauses)
            provider = OpenIdProvider(OpenIdSettings(), keys)
            app.state.gate = Gate(made.store, provider)
            yield made


@pytest.fixture(autouse=True)
def _keys_may_be_asked_for(login: Login) -> None:
    login.pauses += PAUSE
    login.ahead = timedelta(0)


def test_staff_guardians_and_students_sign_in_and_a_stranger_is_told_what_to_do(
    login, port, caplog
) -> None:
    with running_provider(port) as issuer:
        head = signed_in(issuer, HEAD)
        by_address = signed_in(issuer, "7f3a", email=HEAD, email_verified=True)
        guardian = signed_in(issuer, "81cc", email="g0000001a@family.example", email_verified=True)
        student = signed_in(issuer, "55aa", district_number="S0000001")
        for token in (head, by_address, guardian, student):
            assert login.asks(token).status_code == 404
        teacher = login.asks(signed_in(issuer, "t00001@district.example"))
        assert teacher.status_code == 403
        assert "role" in teacher.json()["detail"]
        with caplog.at_level(logging.WARNING, "edupulse.security"):
            stranger = login.asks(signed_in(issuer, "eve@elsewhere.example"))
        unverified = login.asks(signed_in(issuer, "66bb", email=HEAD))
    for answer in (stranger, unverified):
        assert answer.status_code == 403
        assert "no record" in answer.json()["detail"]
        assert "office" in answer.json()["to_do"]
    assert "elsewhere" not in str([vars(record) for record in caplog.records])


def test_a_token_ends_and_one_for_another_service_never_holds(login, port) -> None:
    with running_provider(port) as issuer:
        token = signed_in(issuer, HEAD)
        assert login.asks(token).status_code == 404
        assert login.asks(signed_in(issuer, HEAD, client="another")).status_code == 401
        login.ahead = timedelta(hours=1, seconds=55)
        assert login.asks(token).status_code == 404
        login.ahead = timedelta(hours=1, seconds=65)
        assert login.asks(token).status_code == 401
        login.ahead = timedelta(seconds=-65)
        assert login.asks(signed_in(issuer, HEAD)).status_code == 401


def test_keys_change_with_the_provider_and_hold_while_it_is_gone(login, port) -> None:
    with running_provider(port) as issuer:
        old = signed_in(issuer, HEAD)
        assert login.asks(old).status_code == 404
    with running_provider(port) as issuer:
        new = signed_in(issuer, HEAD)
    assert login.asks(old).status_code == 404, "the provider is gone, its key is known"
    login.pauses += PAUSE
    answer = login.asks(new)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "provider" in answer.json()["detail"]
    login.pauses += PAUSE
    with running_provider(port) as issuer:
        assert login.asks(signed_in(issuer, HEAD)).status_code == 404
        assert login.asks(old).status_code == 401


def test_a_service_token_needs_no_provider(login) -> None:
    with login.store.writing() as connection:
        wanted = Wanted("a test", ["audit:read"], timedelta(days=1), staff_key(connection, "H001"))
        _, secret = create(connection, wanted, now=login.now(), by="a test")
    assert login.asks(secret).status_code == 404
