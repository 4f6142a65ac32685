"""Brings the database's tables to the newest form, once, however many processes ask at a time.

Alembic is loaded where something is to be changed: a process of the service only looks.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, Engine, text

from edupulse.school.errors import NotReady
from edupulse.store.asking import is_secured, secure
from edupulse.store.connection import driver_of
from edupulse.store.tables import SCHEMAS

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
_DIGITS = 4
_LOCK = 0x45645075  # any number, the same for every process: a session-wide lock for migrations


def migrate(engine: Engine, revision: str = "head") -> None:
    """Create or upgrade all tables; a second process waits for the first, then has nothing to do.

    The whole upgrade is one transaction: it lands or it does not.
    """
    with engine.begin() as connection:
        lock(connection)
        if revision != "head" or applied_revision(connection) != head_revision():
            upgrade(connection, revision)
        else:
            _secure(connection, again=False)


def lock(connection: Connection) -> None:
    """Wait until nobody else changes the tables, and let the next one wait for this transaction."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Create or upgrade all tables in the connection's transaction.

    Raises NotReady for a revision that this version of EduPulse does not know.
    """
    from alembic import command
    from alembic.util.exc import CommandError

    try:
        command.upgrade(_configuration(connection), revision)
    except CommandError:
        raise NotReady(
            "These tables were made by a newer EduPulse.", "Install that version or a newer one."
        ) from None
    _secure(connection, again=True)


def drop(connection: Connection) -> None:
    """Drop all tables with what they hold, in the connection's transaction."""
    driver = driver_of(connection)
    for name in ("access", *SCHEMAS):
        driver.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(name)))
    driver.execute("DROP TABLE IF EXISTS alembic_version")


class Tables:
    """The tables of a database, brought to their newest form before this process uses them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._newest = False
        self._lock = Lock()

    def ensure_newest(self) -> None:
        """Migrate, the first time that the database answers. Raises DatabaseDown until then."""
        if self._newest:
            return
        with self._lock:
            if not self._newest:
                migrate(self._engine)
                self._newest = True


def _secure(connection: Connection, *, again: bool) -> None:
    """Give the service's role its part of the newest tables; without the role nobody has any."""
    driver = driver_of(connection)
    newest = applied_revision(connection) == head_revision()
    if newest and (again or not is_secured(driver)):
        secure(driver)


def downgrade(engine: Engine, revision: str) -> None:
    """Take migrations back to `revision`, with the data of the tables that go."""
    from alembic import command

    with engine.begin() as connection:
        lock(connection)
        command.downgrade(_configuration(connection), revision)


def applied_revision(connection: Connection) -> str | None:
    """The migration that the database stands at; None for an empty one."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def head_revision() -> str:
    """The newest migration of this version of EduPulse; their files are named by their numbers."""
    return max(path.name[:_DIGITS] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _configuration(connection: Connection) -> Config:
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made
