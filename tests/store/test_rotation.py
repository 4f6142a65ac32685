"""Rotation: everything comes under the new key, also after a kill, and goes on being found."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from edupulse.cli import app
from edupulse.pipeline.intake import intake
from edupulse.school.errors import NotReady
from edupulse.school.fields import INSTANT
from edupulse.school.records import STUDENTS as KIND
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import audit, people, rotation
from edupulse.store.keys import keyring
from edupulse.store.merge import merge
from edupulse.store.store import Store, open_store
from pipeline.test_intake import LATER, NOW

OLD, NEW = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
STUDENTS = 3_000


def write_files(folder: Path, name: str) -> None:
    rows = "".join(f"{n},{name}{n},Lace{n}\n" for n in range(STUDENTS))
    (folder / "students.csv").write_text(f"student_id,first_name,last_name\n{rows}")
    (folder / "schools.csv").write_text("school_id,name\nN,North\n")
    (folder / "staff.csv").write_text("staff_id,name,login,school_id\nt1,Ann,ann,\n")
    (folder / "guardians.csv").write_text(
        "student_id,guardian_id,name,email,phone\n1,g1,Zoe,zoe@home.example,555\n"
    )


@pytest.fixture
def url(empty_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    address = empty_database()
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("EDUPULSE_KEYS", OLD)
    return address


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    """With 3,000 students, each under two versions."""
    with open_store(url) as opened:
        for name, now in (("Ada", NOW), ("Eve", LATER)):
            write_files(tmp_path, name)
            intake(opened, csv_folder(tmp_path), now=now, home=tmp_path)
        yield opened


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["keys", *words])


def under(store: Store) -> set[bytes]:
    with store.writing() as connection:
        return set(rotation.sealed_by(connection))


def test_everything_comes_under_the_new_key_and_the_old_one_is_needed_no_more(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EDUPULSE_KEYS", f"{NEW},{OLD}")
    assert run("rotate", "--because", "a test").exit_code == 0
    monkeypatch.setenv("EDUPULSE_KEYS", NEW)
    assert under(store) == {keyring().current.number}
    assert store.student_names([7])["first_name"].item().startswith("Eve")
    with store.writing() as connection:
        assert people.staff_by_login(connection, "ann") == 1
        assert people.guardian_by_email(connection, "zoe@home.example") == "g1"
        (entry,) = audit.written(connection)
    assert (entry.what, entry.purpose) == ("keys_rotated", "a test")
    assert NEW not in entry.body
    again = intake(store, csv_folder(tmp_path), now=LATER, home=tmp_path)
    assert {(one.new, one.revised) for one in again.files} == {(0, 0)}
    assert "nothing was done" in run("rotate").output


def test_a_rotation_that_was_killed_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDUPULSE_KEYS", f"{NEW},{OLD}")
    old, new = {key.number for key in keyring().keys[1:]}, {keyring().current.number}
    killed = subprocess.run([sys.executable, "-c", DIES], env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert under(store) == old | new
    assert store.student_names(range(1, STUDENTS + 1))["last_name"].null_count() == 0
    assert run("rotate").exit_code == 0
    assert under(store) == new


DIES = """
import os, signal
from edupulse.store import rotation
from edupulse.store.merge import merge
from edupulse.store.store import open_store
with open_store() as store:
    rotation.rotate(store, by="a test", because="a test",
        told=lambda part: part > 0.2 and os.kill(os.getpid(), signal.SIGKILL))
"""


def test_without_the_older_key_nothing_is_lost(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDUPULSE_KEYS", NEW)
    with pytest.raises(NotReady, match="not here"):
        rotation.rotate(store, by="a test", because="a test", told=lambda _: None)
    shown = run("show")
    assert shown.exit_code == 1
    assert "missing" in shown.output
    monkeypatch.setenv("EDUPULSE_KEYS", OLD)
    assert store.student_names([1])["first_name"].item()


def test_the_keys_of_the_file_get_a_new_one_and_none_is_ever_printed(
    store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = tmp_path / "home"
    home.mkdir()
    (home / "keys").write_text(f"{OLD}\n")
    (home / "keys").chmod(0o600)
    monkeypatch.setenv("EDUPULSE_HOME", str(home))
    monkeypatch.delenv("EDUPULSE_KEYS")
    rotated, shown = run("rotate"), run("show")
    assert rotated.exit_code == shown.exit_code == 0
    keys = (home / "keys").read_text().split()
    assert keys[1:] == [OLD]
    assert under(store) == {keyring().current.number}
    assert not any(key in rotated.output + shown.output for key in keys)


def test_a_rotation_waits_for_an_import_and_not_the_import_for_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EDUPULSE_KEYS", f"{NEW},{OLD}")
    with ThreadPoolExecutor(1) as pool:
        with store.writing() as importing:
            merge(importing, KIND, [renamed("Ida")], now=LATER)
            turning = pool.submit(
                rotation.rotate, store, by="a test", because="a test", told=lambda _: None
            )
            while not blocked(store) and not turning.done():
                time.sleep(0.01)
            merge(importing, KIND, [renamed("Uma")], now=LATER + timedelta(days=1))
        assert turning.result() > 0
    assert under(store) == {keyring().current.number}
    assert store.student_names([1])["first_name"].item() == "Uma"


def renamed(name: str) -> pl.DataFrame:
    rows = [{"student": n, "first_name": name} for n in range(1, STUDENTS + 1)]
    return pl.DataFrame(rows, schema=KIND.schema).with_columns(
        known_from=pl.lit(LATER, INSTANT), retracted=pl.lit(False), defaulted=pl.lit(True)
    )


def blocked(store: Store) -> bool:
    with store.writing() as connection:
        row = connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted LIMIT 1").fetchone()
    return row is not None
