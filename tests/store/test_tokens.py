"""Service tokens: shown once, hashed, scoped, expiring, revocable, and in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from edupulse.casework.access import viewer_of
from edupulse.cli import app
from edupulse.school.errors import BadInput, NotFound
from edupulse.store.audit import written
from edupulse.store.store import Store, open_store
from edupulse.store.tokens import PREFIX, WRITE_RECORDS, Wanted, create, every, find, revoke

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def url(empty_database: Callable[[], str]) -> str:
    return empty_database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


def test_a_token_holds_until_it_ends_or_is_revoked(store: Store):
    with store.writing() as connection:
        token, secret = create(connection, Wanted("SIS", [WRITE_RECORDS], DAY), now=NOW, by="me")
        assert find(connection, secret, NOW) == token
        assert find(connection, secret, NOW + DAY) is None
        assert find(connection, secret + "x", NOW) is None
        revoke(connection, str(token.id), now=NOW + DAY / 2, by="me")
        assert find(connection, secret, NOW + DAY / 2) is None
        assert find(connection, secret, NOW) is not None, "it held before"
        log = [entry.what for entry in written(connection)]
    assert log[-2:] == ["token_created", "token_revoked"]


def test_the_secret_is_kept_nowhere(store: Store):
    with store.writing() as connection:
        _, secret = create(connection, Wanted("SIS", [WRITE_RECORDS], DAY), now=NOW, by="me")
        for table in ("tokens", "audit"):
            rows = connection.execute(f"SELECT t::text FROM state.{table} t").fetchall()
            assert not any(secret.removeprefix(PREFIX) in row[0] for row in rows)


@pytest.mark.parametrize(
    "wanted",
    [([], 1), (["everything"], 1), (["students:read"], 1), ([WRITE_RECORDS], 367),
     ([WRITE_RECORDS], 0)],
)  # fmt: skip
def test_what_is_too_much_is_refused(wanted: tuple[list[str], int]):
    scopes, days = wanted
    with pytest.raises(BadInput):
        Wanted("too much", scopes, timedelta(days=days))


def test_without_staff_it_writes_records_and_with_staff_it_has_that_persons_rights(store: Store):
    with store.writing() as connection:
        pushes, _ = create(connection, Wanted("SIS", [WRITE_RECORDS], DAY), now=NOW, by="me")
        reads, _ = create(
            connection, Wanted("board", ["students:read"], DAY, staff=7), now=NOW, by="me"
        )
    assert (viewer_of(pushes).staff, viewer_of(pushes).may_write_records) == (None, True)
    assert (viewer_of(reads).staff, viewer_of(reads).may_write_records) == (7, False)


def test_no_token_that_is_not_there_is_revoked(store: Store):
    with pytest.raises(NotFound), store.writing() as connection:
        revoke(connection, "7", now=NOW, by="me")


def test_the_command_shows_a_token_once(store: Store, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", url)
    made = CliRunner().invoke(app, ["tokens", "create", "from the SIS", "--scope", WRITE_RECORDS])
    secret = made.stdout.splitlines()[0]
    with store.writing() as connection:
        token = find(connection, secret, datetime.now(UTC))
        assert token is not None
        assert token in every(connection)
    listed = CliRunner().invoke(app, ["tokens", "list"])
    assert "holds" in listed.output
    assert secret not in listed.output
    assert CliRunner().invoke(app, ["tokens", "revoke", str(token.id)]).exit_code == 0
    assert "revoked" in CliRunner().invoke(app, ["tokens", "list"]).output
