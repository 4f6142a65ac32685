"""The embedded PostgreSQL server: made, started, shared by concurrent commands, and stopped.

Everything lies in one folder, the *place*: `data/` (the cluster), the passwords of the owner and of
the service's role, `postgresql.conf`, `server.log` and three lock files. `start.lock` is held while
anybody makes, starts or stops the server; `users.lock` is shared by every process that uses it;
`keeper.lock` belongs to the keeper
(see `keeper.py`), which stops the server when the last user has left. All are kernel locks, so they
die with their holder. For root, the place is root's and only `data/` and the log belong to the
account that the server runs as: root writes to nothing that this account could have bent elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from edupulse.school.errors import DatabaseDown, NotReady
from edupulse.store import keeper, postgres_settings
from edupulse.store.asking import ROLE
from edupulse.store.postgres_programs import Account, Programs, account, programs

NAME = "edupulse"
PASSWORDS = {NAME: "password", ROLE: "password.service"}
"""The file of each login's password, readable by this user alone."""
PATIENCE = 120.0
LOG_LIMIT = 10 * 2**20
OUTSIDE = Path("/var/lib")

_using: dict[Path, int] = {}


@dataclass(frozen=True)
class Status:
    """What is known of the embedded server without starting it."""

    place: Path
    exists: bool
    process: int | None
    port: int | None


def ensure_running(home: Path) -> str:
    """Make and start the server of this home if need be; return its address with the password.

    This process counts as a user of the server from now until it ends. Raises NotReady where no
    server can run, with the reason.
    """
    place = _prepared(home)
    with _starting(place) as lock:
        owner = account(place / "data")
        if not (place / "data").exists():
            _make(place, owner, lock)
        for _ in range(3):  # it may be killed at any moment, so also in this one
            if keeper.postmaster(place / "data") is None:
                _start(place, owner)
            _stay(place)
            if _answers(place):
                return _address(place, NAME)
    raise DatabaseDown(
        "The embedded database was started and does not answer.",
        f"See {place / 'server.log'}; `edupulse doctor` shows what is there.",
    )


def service_address(home: Path) -> str:
    """The address of the same server for the service's role, which owns nothing."""
    ensure_running(home)
    return _address(place_of(home), NAME, ROLE)


def stop(home: Path) -> bool:
    """Stop the server of this home, whoever uses it; returns whether it was running."""
    place = place_of(home)
    if not (place / "data").exists():
        return False
    with _starting(place):
        _leave(place)
        return keeper.stop_server(place / "data")


def remove(home: Path) -> None:
    """Stop the server of this home and delete its data for good. Raises NotReady while in use."""
    place = place_of(home)
    if not place.exists():
        return
    with _starting(place):
        _leave(place)
        keeper.stop_server(place / "data")
        users = _taken_soon(place / "users.lock")
        shutil.rmtree(place)
        os.close(users)


def _taken_soon(path: Path) -> int:
    """The exclusive lock, which the keeper may hold for a moment while it looks for users."""
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        descriptor = keeper.taken(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if descriptor is not None:
            return descriptor
        time.sleep(0.02)
    raise NotReady("The embedded database is in use.", "End the other commands first.")


def status(home: Path) -> Status:
    """Where the server of this home is, and whether it runs."""
    place = place_of(home)
    process = keeper.postmaster(place / "data")
    exists = (place / "data").exists()
    return Status(place, exists, process, _port(place) if process else None)


def place_of(home: Path) -> Path:
    """The folder of the cluster: inside the home, or outside where an existing one lies there.

    It lies outside when root's home is closed to the account that PostgreSQL runs as.
    """
    inside, outside = home / "postgres", _outside(home)
    return outside if os.geteuid() == 0 and (outside / "data").exists() else inside


def _outside(home: Path) -> Path:
    # Only root can create names in /var/lib, so nobody else can be waiting there.
    return OUTSIDE / f"edupulse-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def _prepared(home: Path) -> Path:
    """The place, created and safe: reachable by the server's account, and owned by this user."""
    place = place_of(home)
    if place in _using and place.is_dir():  # it was looked at; to start a program holds others up
        return place
    try:
        place = _folder(place)
        owner = account(place / "data")
        if owner.other and not owner.reaches(place):
            if (place / "data").exists():
                raise NotReady(
                    f"The database in {place} cannot be reached by the account that runs it.",
                    f"Let others enter the folders above it (chmod o+x), up to {home}.",
                )
            place.rmdir()
            place = _folder(_outside(home))
    except OSError as error:
        raise NotReady(
            f"The folder for the embedded database cannot be made: {error.strerror} ({place}).",
            "Set EDUPULSE_HOME to a folder that you may write to, or set DATABASE_URL.",
        ) from error
    return place


def _folder(place: Path) -> Path:
    place.mkdir(mode=0o711, parents=True, exist_ok=True)
    found = place.lstat()
    if found.st_uid != os.geteuid() or place.is_symlink():
        raise NotReady(
            f"{place} belongs to another user.", "Set EDUPULSE_HOME to a folder of your own."
        )
    place.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return place


@contextlib.contextmanager
def _starting(place: Path) -> Iterator[int]:
    """Hold the lock of the place; gives its descriptor."""
    path = place / "start.lock"
    while True:
        place.mkdir(mode=0o711, exist_ok=True)  # it may have been removed while we waited
        descriptor = keeper.taken(path, fcntl.LOCK_EX)
        if descriptor is not None and keeper.is_still(path, descriptor):
            break
        os.close(descriptor or 0)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _make(place: Path, owner: Account, lock: int) -> None:
    """Make a cluster beside its final name and move it there: a half-made one is never met.

    initdb inherits the lock: if this process is killed, the next one waits until initdb has ended.
    """
    half, once = place / "data.half", place / "password.once"
    shutil.rmtree(half, ignore_errors=True)
    once.unlink(missing_ok=True)
    half.mkdir(mode=0o700)
    owner.own(half)
    _write_private(once, _password(place))
    owner.own(once)
    with_programs = programs(place, owner)
    made = owner.run(
        [
            with_programs.folder / "initdb",
            *("-D", half, "-U", NAME, "--auth=scram-sha-256", f"--pwfile={once}"),
            *("--encoding=UTF8", "--data-checksums", "--no-instructions"),
            *_locale(with_programs),
        ],
        pass_fds=[lock],
    )
    once.unlink()
    if made.returncode:
        shutil.rmtree(half, ignore_errors=True)
        raise NotReady(
            f"The embedded database could not be made in {place}: {_last_words(made.stdout)}",
            "Look at free disk space with `edupulse doctor`, or set DATABASE_URL.",
        )
    half.rename(place / "data")
    _to_disk(place)


def _locale(found: Programs) -> tuple[str, ...]:
    if found.major >= 17:  # the same order of text on every machine, whatever its C library
        return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    return ("--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C",)


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _password(place: Path, login: str = NAME) -> str:
    path = place / PASSWORDS[login]
    if not path.exists():
        new = place / "password.new"
        new.unlink(missing_ok=True)
        _write_private(new, secrets.token_urlsafe(24))
        new.rename(path)
    return path.read_text()


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _start(place: Path, owner: Account) -> None:
    data, log, configuration = place / "data", place / "server.log", place / "postgresql.conf"
    with_programs = programs(place, owner)
    _end_orphans(data)
    (data / "postmaster.pid").unlink(missing_ok=True)
    _ready_log(log, owner)
    for _ in range(5):  # a port that was free a moment ago may be taken by now
        port = _free_port(place)
        (place / "port").write_text(str(port))
        configuration.write_text(postgres_settings.file_content(port))
        configuration.chmod(0o644)
        options = shlex.quote(f"--config_file={configuration}")
        pg_ctl: list[str | Path] = [with_programs.folder / "pg_ctl", "start", "-D", data, "-l", log]
        owner.run([*pg_ctl, "-o", options, "-w", "-t", str(int(PATIENCE))])
        if keeper.postmaster(data) is not None:
            return
    raise NotReady(
        f"The embedded database did not start: {_last_words(log.read_text(errors='replace'))}",
        f"See {log}, and free disk space with `edupulse doctor`; or set DATABASE_URL.",
    )


def _end_orphans(data: Path) -> None:
    """End what a killed server left behind: a session can go on for minutes without its parent.

    Until they are gone no new server may start. They are known by their working folder, the data.
    """
    for signal_number, seconds in ((signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        end = time.monotonic() + seconds
        orphans = _living_in(data)
        for process in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal_number)
        while orphans and time.monotonic() < end:
            time.sleep(0.02)
            orphans = _living_in(data)
        if not orphans:
            return


def _living_in(data: Path) -> list[int]:
    living = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == data.resolve() and _is_postgres(entry):
                living.append(int(entry.name))
    return living


def _is_postgres(entry: Path) -> bool:
    return (entry / "comm").read_text().strip() == "postgres"


def _ready_log(log: Path, owner: Account) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.unlink()
    if not log.exists():
        _write_private(log, "")
    owner.own(log)


def _free_port(place: Path) -> int:
    """The port of last time if it is free, so that addresses stay good after a crash."""
    for wanted in (_port_of_last_time(place), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                continue
            return int(probe.getsockname()[1])
    raise NotReady("No port is free on 127.0.0.1.", "End some programs, or set DATABASE_URL.")


def _port_of_last_time(place: Path) -> int:
    try:
        return int((place / "port").read_text())
    except (OSError, ValueError):
        return 0


def _stay(place: Path) -> None:
    """Count this process as a user, and see that a keeper is there."""
    if place not in _using:
        users = keeper.taken(place / "users.lock", fcntl.LOCK_SH)
        if users is not None:
            _using[place] = users
    own = keeper.taken(place / "keeper.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    if own is None:
        return
    # The keeper inherits the lock with its descriptor; the shell leaves it behind as init's child.
    subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", '"$@" &', "sh", sys.executable, "-I", keeper.__file__, place, str(own)],
        env={"PATH": "/usr/bin:/bin"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(own,),
        start_new_session=True,
        check=True,
    )
    os.close(own)


def _leave(place: Path) -> None:
    users = _using.pop(place, None)
    if users is not None:
        os.close(users)


def _answers(place: Path) -> bool:
    """Wait until the server takes connections (it may replay its log) and has our database.

    False if it ended before, refuses our password, or keeps silent.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and keeper.postmaster(place / "data") is not None:
        try:
            with psycopg.connect(_address(place, "postgres"), autocommit=True) as connection:
                _create_database(connection)
                _let_in(connection, place)
                return True
        except psycopg.OperationalError as error:
            if "authentication" in str(error):
                return False
        time.sleep(0.05)
    return False


def _create_database(connection: psycopg.Connection) -> None:
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone()
    if found is None:
        connection.execute(f"CREATE DATABASE {NAME}")


def _let_in(connection: psycopg.Connection, place: Path) -> None:
    """Give the service's role a login of its own; the server learns the password's digest alone."""
    found = connection.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [ROLE])
    row = found.fetchone()
    if row == (True,) and (place / PASSWORDS[ROLE]).exists():
        return
    secret = _password(place, ROLE).encode()
    digest = connection.pgconn.encrypt_password(secret, ROLE.encode(), b"scram-sha-256").decode()
    way = SQL("CREATE ROLE {} {}") if row is None else SQL("ALTER ROLE {} {}")
    login = SQL("LOGIN PASSWORD {}").format(Literal(digest))
    connection.execute(way.format(Identifier(ROLE), login))


def _port(place: Path) -> int | None:
    try:
        return int((place / "data" / "postmaster.pid").read_text().split("\n")[3])
    except (OSError, ValueError, IndexError):
        return None


def _address(place: Path, database: str, login: str = NAME) -> str:
    # require_auth: whoever else may listen on that port one day never gets the password.
    return (
        f"postgresql://{login}:{(place / PASSWORDS[login]).read_text()}@127.0.0.1:"
        f"{_port(place) or _port_of_last_time(place)}/{database}"
        "?sslmode=disable&gssencmode=disable&require_auth=scram-sha-256&connect_timeout=10"
    )


def _last_words(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return " | ".join(lines[-3:]) or "it said nothing"
