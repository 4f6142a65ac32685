"""The embedded server under everything that can befall it, with real processes and real signals."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from edupulse.school.errors import NotReady
from edupulse.store import embedded, keeper
from edupulse.store.postgres_programs import account, programs


@pytest.fixture(scope="module")
def shared_home(reachable_folder: Callable[[], Path]) -> Iterator[Path]:
    """One server for the tests of this file, with a row in it; each test may kill it."""
    home = reachable_folder() / "a home, with a space"
    with psycopg.connect(embedded.ensure_running(home), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('here')")
    yield home
    embedded.remove(home)


@pytest.fixture
def home(shared_home: Path) -> Path:
    """The shared home with its server running."""
    embedded.ensure_running(shared_home)
    return shared_home


def word(home: Path) -> str:
    with psycopg.connect(embedded.ensure_running(home)) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
    return row[0] if row else ""


def running(home: Path) -> int:
    process = embedded.status(home).process
    assert process is not None
    return process


def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does; a minute without it is a failure."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def another_process(home: Path, then: str) -> subprocess.Popen[str]:
    """Another command that uses the server of this home."""
    code = f"""
        import sys, time
        from pathlib import Path
        from edupulse.store import embedded
        embedded.ensure_running(Path(sys.argv[1]))
        print("ready", flush=True)
        {then}
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(home)], stdout=subprocess.PIPE, text=True
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_committed_row_survives_a_clean_stop(home: Path) -> None:
    assert embedded.stop(home)
    assert embedded.status(home).process is None
    assert word(home) == "here"


def test_stopping_what_does_not_run_does_nothing(home: Path) -> None:
    embedded.stop(home)
    assert not embedded.stop(home)


def test_a_killed_server_is_alive_again_at_the_same_address(home: Path) -> None:
    address = embedded.ensure_running(home)
    os.kill(running(home), signal.SIGKILL)
    until(lambda: embedded.status(home).process is None)
    assert word(home) == "here"
    assert embedded.ensure_running(home) == address


def test_a_killed_server_starts_again_while_one_of_its_sessions_still_works(home: Path) -> None:
    busy = subprocess.Popen(
        [sys.executable, "-c", BUSY, embedded.ensure_running(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert said(busy) == "ready"
    os.kill(running(home), signal.SIGKILL)
    assert word(home) == "here"
    busy.kill()
    busy.communicate()


BUSY = """
import sys, psycopg
connection = psycopg.connect(sys.argv[1])
print("ready", flush=True)
connection.execute("SELECT count(*) FROM generate_series(1, 1000000000)")
"""


def test_a_killed_session_does_not_take_the_server_along(home: Path) -> None:
    with contextlib.closing(psycopg.connect(embedded.ensure_running(home))) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
    assert word(home) == "here"


def test_a_lock_file_whose_process_number_another_program_has_by_now_is_stale(home: Path) -> None:
    embedded.stop(home)
    stale = embedded.place_of(home) / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n1\n5432\n\n127.0.0.1\n0 0\nready\n")
    assert embedded.status(home).process is None
    assert word(home) == "here"


def test_an_unreadable_lock_file_is_stale(home: Path) -> None:
    embedded.stop(home)
    (embedded.place_of(home) / "data" / "postmaster.pid").write_text("")
    assert word(home) == "here"


def test_a_taken_port_is_changed(home: Path) -> None:
    before = embedded.status(home).port
    assert before is not None
    embedded.stop(home)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", before))
        other.listen()
        assert word(home) == "here"
        assert embedded.status(home).port != before


def test_concurrent_commands_share_one_server_which_outlives_the_first_of_them(home: Path) -> None:
    embedded.stop(home)
    first, second = (another_process(home, "sys.stdin.read()") for _ in range(2))
    assert (said(first), said(second)) == ("ready", "ready")
    server = running(home)
    first.kill()
    first.communicate()
    assert running(home) == server
    second.kill()
    second.communicate()
    until(lambda: embedded.status(home).process is None)


def test_the_server_is_stopped_though_its_last_user_and_its_first_keeper_were_killed(
    home: Path,
) -> None:
    embedded.stop(home)
    first = another_process(home, "time.sleep(600)")
    assert said(first) == "ready"
    for process in keepers_of(home):
        os.kill(process, signal.SIGKILL)
    until(lambda: not keepers_of(home))
    first.kill()
    first.communicate()
    assert running(home)
    last = another_process(home, "pass")
    assert last.wait() == 0
    last.communicate()
    until(lambda: embedded.status(home).process is None)


def keepers_of(home: Path) -> list[int]:
    place = str(embedded.place_of(home)).encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parts = (entry / "cmdline").read_bytes().split(b"\0")
            if keeper.__file__.encode() in parts and place in parts:
                found.append(int(entry.name))
    return found


def test_a_half_made_cluster_is_made_anew(reachable_folder: Callable[[], Path]) -> None:
    home = reachable_folder()
    half = home / "postgres" / "data.half"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    (home / "postgres" / "password.once").write_text("left behind")
    try:
        with psycopg.connect(embedded.ensure_running(home)) as connection:
            assert connection.info.dbname == "edupulse"
        assert not half.exists()
    finally:
        embedded.remove(home)
    assert not (home / "postgres").exists()


def test_a_command_killed_while_it_makes_the_cluster_leaves_nothing_in_the_way(
    reachable_folder: Callable[[], Path],
) -> None:
    home = reachable_folder()
    first = another_process(home, "pass")
    until(lambda: (home / "postgres" / "data.half" / "base").exists() or first.poll() is not None)
    first.kill()
    first.communicate()
    try:
        with psycopg.connect(embedded.ensure_running(home)) as connection:
            assert connection.info.dbname == "edupulse"
    finally:
        embedded.remove(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has homes closed to PostgreSQL's account")
def test_roots_closed_home_gets_its_database_outside(reachable_folder: Callable[[], Path]) -> None:
    closed = reachable_folder()
    closed.chmod(0o700)
    home = closed / "home"
    try:
        address = embedded.ensure_running(home)
        place = embedded.place_of(home)
        assert place.parent == embedded.OUTSIDE
        assert (place.stat().st_uid, place.stat().st_mode & 0o777) == (0, 0o711)
        with psycopg.connect(address) as connection:
            assert connection.info.dbname == "edupulse"
    finally:
        embedded.remove(home)
    assert not place.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_programs_that_the_account_cannot_reach_are_copied_once(
    reachable_folder: Callable[[], Path],
) -> None:
    place = reachable_folder()
    owner = account(place / "data")
    plain = programs(place, owner)
    closed = reachable_folder()
    package = plain.folder.parent.parent
    for name in (package.name, f"{package.name}.libs"):
        (closed / name).symlink_to(package.with_name(name))
    closed.chmod(0o700)
    candidates = [closed / package.name / "pginstall" / "bin"]
    copied = programs(place, owner, candidates)
    assert copied.major == plain.major
    assert copied.folder.is_relative_to(place)
    assert programs(place, owner, candidates) == copied


def test_without_any_programs_the_error_says_what_to_do(
    reachable_folder: Callable[[], Path],
) -> None:
    place = reachable_folder()
    with pytest.raises(NotReady, match="install PostgreSQL"):
        programs(place, account(place / "data"), candidates=[place])


def test_data_of_another_major_version_is_not_touched(
    reachable_folder: Callable[[], Path],
) -> None:
    place = reachable_folder()
    (place / "data").mkdir()
    (place / "data" / "PG_VERSION").write_text("3\n")
    with pytest.raises(NotReady, match="PostgreSQL 3"):
        programs(place, account(place / "data"))


def test_it_listens_here_only_asks_for_a_password_and_writes_through(home: Path) -> None:
    with psycopg.connect(embedded.ensure_running(home)) as connection:
        settings = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
    assert settings["listen_addresses"] == "127.0.0.1"
    assert settings["unix_socket_directories"] == ""
    assert (settings["fsync"], settings["full_page_writes"]) == ("on", "on")
    assert settings["TimeZone"] == "UTC"
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(embedded.ensure_running(home), password="a guess")


def test_the_password_is_readable_by_its_owner_alone(home: Path) -> None:
    assert (embedded.place_of(home) / "password").stat().st_mode & 0o777 == 0o600


def test_the_log_does_not_repeat_the_content_of_rows(home: Path) -> None:
    with psycopg.connect(embedded.ensure_running(home), autocommit=True) as connection:
        connection.execute("CREATE TABLE once (name text PRIMARY KEY)")
        for _ in range(2):
            with contextlib.suppress(psycopg.errors.UniqueViolation):
                connection.execute("INSERT INTO once VALUES ('Ada Example')")
    log = (embedded.place_of(home) / "server.log").read_text()
    assert "duplicate key" in log
    assert "Ada" not in log
