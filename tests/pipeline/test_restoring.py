"""Backup and restore: the same rows, scores that replay, names that open, and nobody's return."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from edupulse.pipeline.accounts import Caller
from edupulse.pipeline.replaying import replay
from edupulse.pipeline.scoring import score
from edupulse.school.errors import BadInput, NotFound, NotReady, Refused
from edupulse.store import audit, connection, experiments, tokens
from edupulse.store.audit import Anchor, Entry, What
from edupulse.store.backup import back_up, check
from edupulse.store.purging import purge
from edupulse.store.restoring import Restored, Wanted, restore, tombstones
from edupulse.store.store import Store, open_store
from edupulse.store.tables import metadata
from edupulse.store.tokens import WRITE_RECORDS
from pipeline.small_champion import (
    IN_SEASON,
    import_frames,
    let_serve,
    small_checkpoint,
    small_district,
)

ME = Caller("a test", "law 10")
MADE = datetime.now(UTC)


def silent(_: float) -> None:
    """Told how far it is."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("restoring")


@pytest.fixture(scope="module")
def origin(empty_database: Callable[[], str], folder: Path) -> str:
    """A district with scores of a network and a token, backed up to `file`; not changed again."""
    url = empty_database()
    with open_store(url) as store:
        import_frames(store, folder / "csv", small_district())
        let_serve(store, small_checkpoint(folder / "checkpoints"))
        score(store, IN_SEASON, caller=ME)
        with store.writing() as opened:
            wanted = tokens.Wanted("sis", [WRITE_RECORDS], timedelta(days=9))
            tokens.create(opened, wanted, now=MADE, by="a test")
            register_and_end_an_experiment(opened)
        back_up(store, folder / "file", now=MADE, by="a test", told=silent)
    return url


def register_and_end_an_experiment(opened: psycopg.Connection) -> None:
    id_, day = uuid.uuid4(), MADE.date()
    wanted = experiments.Wanted("spring", "sha256:new", "More?", "auroc", day, day)
    experiments.add(opened, id_, wanted, "sha256:old", by="a test", now=MADE)
    experiments.end(opened, id_, "It was a test.", by="a test", now=MADE)


@pytest.fixture(scope="module")
def file(origin: str, folder: Path) -> Path:
    return folder / "file"


@pytest.fixture
def url(empty_database: Callable[[], str]) -> str:
    return empty_database()


def restored(url: str, file: Path, home: Path, **more: object) -> Restored:
    engine = connection.engine(url)
    try:
        return restore(engine, Wanted(file, **more), home, by="a test", told=silent)
    finally:
        engine.dispose()


@pytest.fixture
def store(url: str, file: Path, tmp_path: Path) -> Iterator[Store]:
    """A database to which the backup was brought back."""
    restored(url, file, tmp_path)
    with open_store(url) as opened:
        yield opened


def content(url: str, table: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as opened:
        query = SQL("SELECT t::text FROM {} t ORDER BY 1").format(Identifier(*table.split(".")))
        return opened.execute(query).fetchall()


def first_score(store: Store) -> dict[str, object]:
    return store.latest_risks().filter(pl.col("state") == "band").row(0, named=True)


def test_every_row_comes_back(store: Store, origin: str, url: str):
    differ = {
        table.fullname
        for table in metadata.sorted_tables
        if content(origin, table.fullname) != content(url, table.fullname)
    }
    assert differ == {"state.audit", "state.checkpoints", "state.versions"}
    log = content(url, "state.audit")
    assert len(set(log) - set(content(origin, "state.audit"))) == 1, "that it was restored"


def test_a_score_of_before_can_be_replayed_and_names_open(
    store: Store, file: Path, folder: Path, tmp_path: Path
):
    risk = first_score(store)
    away = folder / "checkpoints"
    shutil.move(away, folder / "away")
    try:
        found = replay(store, str(risk["id"]), ME)
    finally:
        shutil.move(folder / "away", away)
    assert found.same, found.why
    assert found.now is not None
    assert found.now.risk == pytest.approx(risk["risk"], abs=1e-6)
    names = store.student_names([int(str(risk["student"]))])
    assert all(names.select("first_name", "last_name").row(0))


def test_new_students_get_new_keys_after_a_restore(store: Store):
    with store.writing() as opened:
        before = opened.execute("SELECT max(student) FROM identity.student").fetchone()
        made = opened.execute(
            "INSERT INTO identity.student (local_id, student_id)"
            " VALUES ('new', gen_random_uuid()) RETURNING student"
        ).fetchone()
    assert before is not None
    assert made == (before[0] + 1,)


def test_a_backup_is_checked_without_a_database(file: Path):
    found = check(file, silent)
    assert found.rows > 1_000
    assert len(found.checkpoints) == 1


def test_a_database_with_records_is_replaced_only_if_that_is_wanted(
    store: Store, url: str, file: Path, tmp_path: Path
):
    with pytest.raises(Refused, match="not empty"):
        restored(url, file, tmp_path)
    assert restored(url, file, tmp_path, replace=True).newer == 1


def test_who_was_purged_since_does_not_come_back_nor_does_a_token_that_was_revoked(
    store: Store, url: str, file: Path, tmp_path: Path
):
    risk = first_score(store)
    name = str(store.student_ids([int(str(risk["student"]))]).popitem()[1])
    with store.writing() as opened:
        purge(opened, int(str(risk["student"])), by="a test", because="a parent asked")
        (token,) = tokens.every(opened)
        tokens.revoke(opened, str(token.id), now=MADE, by="a test")
        kept = tombstones(opened)
    again = restored(url, file, tmp_path, replace=True)
    assert (again.purged, again.blind) == (1, False)
    assert_gone(url, name)
    with open_store(url) as opened_store, opened_store.writing() as opened:
        (token,) = tokens.every(opened)
        assert token.revoked is not None
        verdict = audit.verify(audit.written(opened))
    assert verdict.whole, "the log goes on where the present one was"
    assert verdict.entries > again.newer
    assert [str(one.student) for one in kept] == [name]


def test_the_list_of_purges_serves_where_the_newer_log_is_lost(
    store: Store, empty_database: Callable[[], str], file: Path, tmp_path: Path
):
    risk = first_score(store)
    name = str(store.student_ids([int(str(risk["student"]))]).popitem()[1])
    with store.writing() as opened:
        purge(opened, int(str(risk["student"])), by="a test", because="a parent asked")
        kept = tombstones(opened)
    other = empty_database()
    assert restored(other, file, tmp_path).blind
    third = empty_database()
    done = restored(third, file, tmp_path, purged=kept)
    assert (done.purged, done.blind) == (1, False)
    assert_gone(third, name)


def assert_gone(url: str, name: str) -> None:
    with open_store(url) as store, pytest.raises(NotFound):
        store.resolve_student(name)


def test_another_districts_log_is_never_overwritten(url: str, file: Path, tmp_path: Path):
    with open_store(url) as store, store.writing() as opened:
        audit.append(opened, [Entry(What.SCORED, "another district", "a test")])
    with pytest.raises(Refused, match="log would not be whole"):
        restored(url, file, tmp_path, replace=True)
    assert len(content(url, "state.audit")) == 1


def test_an_anchor_that_knows_more_than_the_backup_refuses_it(url: str, file: Path, tmp_path: Path):
    with pytest.raises(Refused, match="an anchor knows"):
        restored(url, file, tmp_path, anchors=[Anchor(10_000, "0" * 64)])
    assert not content(url, "identity.student")


def test_a_damaged_backup_changes_nothing(store: Store, url: str, file: Path, tmp_path: Path):
    damaged = tmp_path / "damaged"
    damaged.write_bytes(file.read_bytes()[:-100])
    before = content(url, "state.audit")
    for attempt in (lambda: check(damaged, silent),
                    lambda: restored(url, damaged, tmp_path, replace=True)):  # fmt: skip
        with pytest.raises(BadInput, match="cut off or changed"):
            attempt()
    assert content(url, "state.audit") == before


def test_without_the_keys_nothing_is_restored(
    url: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EDUPULSE_KEYS", "A" * 43 + "=")
    with pytest.raises(NotReady, match="that key is not here"):
        restored(url, file, tmp_path)


def test_a_database_that_others_use_is_left_to_them(
    store: Store, url: str, file: Path, tmp_path: Path
):
    with psycopg.connect(url) as other:
        other.execute("SELECT count(*) FROM records.marks")
        with pytest.raises(NotReady, match="in use"):
            restored(url, file, tmp_path, replace=True, patience=1)
    assert store.student_names([1])["local_id"].item()


def test_a_restore_that_is_killed_leaves_what_was_there(
    store: Store, url: str, file: Path, tmp_path: Path
):
    before = content(url, "identity.student")
    killed = subprocess.run(
        [sys.executable, "-c", DIES, url, str(file), str(tmp_path)], env=os.environ, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert content(url, "identity.student") == before
    assert store.student_names([1])["local_id"].item()


DIES = """
import os, signal, sys
from pathlib import Path
from edupulse.store import connection
from edupulse.store.restoring import Wanted, restore
url, file, home = sys.argv[1:]
restore(connection.engine(url), Wanted(Path(file), replace=True), Path(home), by="a test",
    told=lambda part: part > 0.5 and os.kill(os.getpid(), signal.SIGKILL))
"""
