"""The way to the database: which one it is, connections to it, and its silence as our own error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy
from adbc_driver_manager import Error as AdbcError
from adbc_driver_postgresql import dbapi as adbc
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import TimeoutError as PoolExhausted

from edupulse.school.errors import BadInput, DatabaseDown
from edupulse.store import embedded
from edupulse.store.settings import Settings, edupulse_home

SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
SECONDS_TO_CONNECT = 10
SECONDS_TO_WAIT = 10
"""For a free connection of the pool."""

CONNECTIONS = 8
"""Of one pool: as many as work at a time; a burst may open half as many again."""

Address = str | Callable[[], str] | None
"""An address, how to find it when it is needed, or None: that of the settings."""


def database_url() -> str:
    """The address of the database, with its password: DATABASE_URL, else the embedded server's.

    The embedded server runs when this returns, and for as long as this process lives. Raises
    BadInput for an address that is not PostgreSQL's, NotReady where no server can run.
    """
    chosen = Settings().database_url
    if chosen is None:
        return embedded.ensure_running(edupulse_home())
    return _plain(chosen.get_secret_value())


def service_url() -> str:
    """The address by which the service's role logs in. Raises BadInput where there is none."""
    settings = Settings()
    if settings.database_url is None:
        return embedded.service_address(edupulse_home())
    if settings.service_url is None:
        raise BadInput(
            "the service's role has no login.", "Set its address.", field="EDUPULSE_SERVICE_URL"
        )
    return _plain(settings.service_url.get_secret_value())


def has_service_login() -> bool:
    """Has the service's role a login of its own, so that it need not be the owner's first?"""
    settings = Settings()
    return settings.database_url is None or settings.service_url is not None


def is_embedded() -> bool:
    """Whether the database is the embedded one, since DATABASE_URL names no other."""
    return Settings().database_url is None


def engine(url: Address = None) -> sqlalchemy.Engine:
    """A pool of connections to `url`, or to the database of the settings.

    Nothing is connected yet. A lost connection becomes DatabaseDown; the next one is made anew, and
    the embedded server is started again if it is gone. Errors name no parameters: they are rows.
    """
    made = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        pool_pre_ping=True,
        hide_parameters=True,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS // 2,
        pool_timeout=SECONDS_TO_WAIT,
    )

    @event.listens_for(made, "do_connect")
    def _connect(
        dialect: Any, _record: object, _arguments: object, parameters: dict[str, Any]
    ) -> object:
        return _connected(dialect.connect, url, parameters)

    event.listen(made, "handle_error", _translate)
    return made


@contextmanager
def transaction(engine: sqlalchemy.Engine) -> Iterator[psycopg.Connection]:
    """A transaction on a connection of the pool.

    Raises DatabaseDown where none becomes free, or where it is lost on the way, and BadInput for
    text that PostgreSQL cannot hold.
    """
    with ours(), engine.begin() as opened:
        yield driver_of(opened)


def apart(engine: sqlalchemy.Engine) -> psycopg.Connection:
    """A connection that is the caller's to close, and of no pool; each statement commits itself."""
    with ours():
        taken = engine.raw_connection()
        driver = taken.driver_connection
        taken.detach()
    assert isinstance(driver, psycopg.Connection)  # noqa: S101  (psycopg is the only driver)
    driver.autocommit = True
    return driver


@contextmanager
def ours() -> Iterator[None]:
    """What PostgreSQL's driver and the pool raise here leaves as our own errors."""
    try:
        yield
    except PoolExhausted:
        raise DatabaseDown(
            "All connections to the database are in use.", "Ask again in a moment."
        ) from None
    except psycopg.DataError as error:
        if not _unstorable(error):
            raise
        raise BadInput("A text holds a NUL character.", "Leave that character out.") from None
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        if not _lost(error):
            raise
        raise down(error) from None


def _unstorable(error: psycopg.DataError) -> bool:
    """A NUL in a text: psycopg itself says so, or the server (22P05) where it stands in JSON."""
    return error.sqlstate == "22P05" or "NUL (0x00)" in str(error)


def driver_of(connection: sqlalchemy.Connection) -> psycopg.Connection:
    """psycopg's own connection beneath SQLAlchemy's."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101  (psycopg is the only driver)
    return driver


def adbc_connection(url: Address = None) -> adbc.Connection:
    """An ADBC connection (Arrow in, Arrow out) to `url`, or to the database of the settings."""
    address = _address(url)
    try:
        return adbc.connect(address)
    except AdbcError as error:
        raise down(error) from None


def down(error: BaseException | None) -> DatabaseDown:
    """Why the database does not answer, without any secret, and what to do."""
    said = str(error)
    for sign, problem, to_do in _SIGNS:
        if sign in said:
            return DatabaseDown(problem, to_do)
    return DatabaseDown(
        "The database does not answer.",
        "Look with `edupulse doctor`; with DATABASE_URL: does that server run, and does its "
        "address hold?",
    )


_SIGNS = (
    (
        "authentication failed",
        "The database refuses the user name or the password.",
        "Correct them in DATABASE_URL, or for the service's role in EDUPULSE_SERVICE_URL.",
    ),
    (
        "does not exist",
        "The database server answers, but has no such database or user.",
        "Create it with createdb, or correct DATABASE_URL.",
    ),
    (
        "too many clients",
        "The database takes no more connections.",
        "End other commands, or raise max_connections.",
    ),
    (
        "No space left",
        "The database's disk is full.",
        "Make room; nothing that was committed is lost.",
    ),
)


def _connected(connect: Any, url: Address, parameters: dict[str, Any]) -> object:
    address = _address(url)
    known = conninfo_to_dict(address)
    if "connect_timeout" not in known:
        parameters = {**parameters, "connect_timeout": SECONDS_TO_CONNECT}
    try:
        return connect(address, **parameters)
    except psycopg.OperationalError as error:
        raise down(error) from None


def _address(url: Address) -> str:
    if callable(url):
        return url()
    return database_url() if url is None else _plain(url)


def _plain(url: str) -> str:
    """The address as libpq reads it; a refusal does not repeat it, since it holds a password."""
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme not in SCHEMES:
        raise BadInput(
            "the database's address is not one of PostgreSQL.",
            "Write postgresql://user:password@host:5432/database, or unset it to use the "
            "embedded one.",
            field="DATABASE_URL",
        )
    address = f"postgresql://{rest}"
    try:
        conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        raise BadInput(
            "the database's address cannot be read.",
            "Write special characters of the password as percent codes (@ is %40, / is %2F).",
            field="DATABASE_URL",
        ) from None
    return address


def _lost(error: psycopg.Error) -> bool:
    """Is it the server that went (or its disk), and not the statement that was wrong?"""
    return error.sqlstate is None or error.sqlstate.startswith(("08", "53", "57P"))


def _translate(context: ExceptionContext) -> None:
    """SQLAlchemy's hook: a lost connection or a full disk leaves as DatabaseDown."""
    error = context.original_exception
    full = getattr(error, "sqlstate", None) == "53100"
    if (context.is_disconnect or full) and not context.is_pre_ping:
        raise down(Exception("No space left") if full else error) from None
