"""The service's role with a login of its own: it sees as its asker does, and becomes nobody."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL
from typer.testing import CliRunner

from casework.test_access import AT, FILES, IMPORTED, staff
from conftest import named
from edupulse.cli import app
from edupulse.pipeline.intake import intake
from edupulse.school.errors import DatabaseDown
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import connection, embedded
from edupulse.store.asking import Asker
from edupulse.store.audit import Entry, What, append, end_of
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store, open_store
from pipeline.small_folder import write_folder

FORBIDDEN = [
    "SET ROLE edupulse",
    "SET SESSION AUTHORIZATION edupulse",
    "ALTER ROLE edupulse_service SUPERUSER",
    "GRANT edupulse TO edupulse_service",
    "CREATE TABLE records.mine (x int)",
    "CREATE TABLE public.mine (x int)",
    "CREATE FUNCTION access.students(x int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE records.attendance DISABLE ROW LEVEL SECURITY",
    "DROP POLICY viewers ON records.attendance",
    "UPDATE records.attendance SET reason = 'x'",
    "DELETE FROM records.marks",
    "INSERT INTO records.staff DEFAULT VALUES",
    "SELECT 1 FROM records.staff",
    "SELECT 1 FROM apart.demographics",
    "SELECT 1 FROM state.tokens",
    "UPDATE state.risks SET risk = 0",
    "DELETE FROM state.risks",
    "SELECT 1 FROM state.audit",
    "INSERT INTO state.audit SELECT * FROM state.audit",
    "UPDATE state.audit SET who = 'x'",
    "DELETE FROM state.audit",
    "TRUNCATE state.audit",
    "ALTER TABLE state.audit DISABLE TRIGGER written_once",
    "UPDATE state.versions SET version = 0",
]


@pytest.fixture(scope="module")
def addresses(empty_database: Callable[[], str]) -> tuple[str, str]:
    """Of one database: the owner's, and the service's."""
    owners = empty_database()
    return owners, services_of(owners)


def services_of(owners: str) -> str:
    database = owners.rpartition("/")[2].partition("?")[0]
    return named(embedded.service_address(edupulse_home()), database)


@pytest.fixture(scope="module")
def store(addresses: tuple[str, str], reachable_folder: Callable[[], Path]) -> Iterator[Store]:
    folder = reachable_folder()
    with open_store(*addresses) as opened:
        intake(opened, csv_folder(write_folder(folder, FILES)), now=IMPORTED, home=folder)
        yield opened


def test_what_is_shown_is_read_by_a_login_that_owns_nothing(store: Store):
    asker = staff(store, "counsels").asking(AT)
    query = "SELECT session_user::text, current_user::text, count(*) FROM records.attendance"
    with store.writing_as(asker) as opened:
        assert opened.execute(query.encode()).fetchone() == ("edupulse_service",) * 2 + (1,)
    with store.snapshot_as(asker) as reading:
        assert reading.rows(SQL("SELECT session_user::text AS x"))["x"].item() == "edupulse_service"
    with store.writing() as opened:
        row = opened.execute("SELECT session_user::text, count(*) FROM records.attendance")
        assert row.fetchone() == ("edupulse", 4)


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_it_cannot_become_the_owner_nor_change_what_was_written(
    addresses: tuple[str, str], store: Store, statement: str
):
    with psycopg.connect(addresses[1], autocommit=True) as server:
        server.execute("SELECT set_config('edupulse.staff', '1', false)")
        with pytest.raises(InsufficientPrivilege):
            server.execute(statement.encode())


def test_it_may_append_to_the_log_and_no_more(store: Store):
    entry = Entry(What.DISCLOSED, "a test", "a test")
    with store.writing() as opened:
        before = end_of(opened).number
    with store.writing_as(staff(store, "counsels").asking(AT)) as opened:
        append(opened, [entry])
    with store.writing() as opened:
        assert end_of(opened).number > before


def test_a_session_that_said_nothing_sees_nobody(addresses: tuple[str, str], store: Store):
    with psycopg.connect(addresses[1]) as server:
        assert server.execute("SELECT count(*) FROM identity.student").fetchone() == (0,)
        assert server.execute("SELECT count(*) FROM access.names").fetchone() == (0,)


def test_the_embedded_servers_store_uses_it_by_itself(postgres_url: str):
    with open_store() as opened:
        assert opened.service_engine is not opened.engine
        with opened.service_engine.connect() as one:
            assert one.exec_driver_sql("SELECT session_user").scalar() == "edupulse_service"


def test_an_owner_who_may_make_no_role_grants_to_one_that_is_there(addresses: tuple[str, str]):
    owners = addresses[0]
    with psycopg.connect(owners, autocommit=True) as server:
        server.execute("CREATE ROLE plain_owner LOGIN PASSWORD 'plain' NOSUPERUSER")
        server.execute("CREATE DATABASE plain_owners OWNER plain_owner")
    host = owners.partition("@")[2].partition("/")[0]
    plain = f"postgresql://plain_owner:plain@{host}/plain_owners"
    with open_store(plain, services_of(f"{plain}?")) as opened:
        with opened.writing_as(Asker(AT)) as one:
            assert one.execute("SELECT count(*) FROM identity.student").fetchone() == (0,)
        with opened.writing() as one:
            assert one.execute("SELECT current_user::text").fetchone() == ("plain_owner",)


def test_its_password_is_this_users_alone_and_a_lost_one_is_made_anew(postgres_url: str):
    place = embedded.place_of(edupulse_home())
    file = place / embedded.PASSWORDS["edupulse_service"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    old = file.read_text()
    assert old not in (place / "server.log").read_text(errors="replace")
    assert old != (place / "password").read_text()
    file.unlink()
    with psycopg.connect(embedded.service_address(edupulse_home())) as server:
        assert server.execute("SELECT 1").fetchone() == (1,)
    assert file.read_text() != old


def test_an_address_of_the_settings_is_used_and_a_wrong_one_is_told(
    addresses: tuple[str, str], store: Store, monkeypatch: pytest.MonkeyPatch
):
    owners, services = addresses[0], services_of(addresses[0])
    monkeypatch.setenv("DATABASE_URL", owners)
    assert not connection.has_service_login()
    assert _doctor_says("owner's login")
    monkeypatch.setenv("EDUPULSE_SERVICE_URL", services)
    with open_store() as opened, opened.service_engine.connect() as one:
        assert one.exec_driver_sql("SELECT session_user").scalar() == "edupulse_service"
    assert _doctor_says("a login of its own")
    monkeypatch.setenv("EDUPULSE_SERVICE_URL", owners.replace("//edupulse:", "//edupulse:wrong"))
    with (
        open_store() as opened,
        pytest.raises(DatabaseDown, match="EDUPULSE_SERVICE_URL"),
        opened.writing_as(staff(store, "counsels").asking(AT)),
    ):
        pass


def _doctor_says(words: str) -> bool:
    return words in CliRunner().invoke(app, ["doctor", "--json"]).stdout
