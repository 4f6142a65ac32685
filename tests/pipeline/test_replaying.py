"""Law 10: any score can be replayed; and a purge that leaves nothing but a tombstone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from edupulse.pipeline.accounts import Caller
from edupulse.pipeline.replaying import replay
from edupulse.pipeline.scoring import score
from edupulse.pipeline.speaking import Rules
from edupulse.school.errors import NotFound
from edupulse.store.audit import of_student, verify, written
from edupulse.store.purging import purge
from edupulse.store.store import Store, open_store
from edupulse.store.tables import metadata
from pipeline.small_champion import (
    IN_SEASON,
    import_frames,
    let_serve,
    small_checkpoint,
    small_district,
)

ME = Caller("a test", "law 10")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replaying")


@pytest.fixture(scope="module")
def store(empty_database: Callable[[], str], folder: Path) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        import_frames(opened, folder / "csv", small_district())
        let_serve(opened, small_checkpoint(folder / "checkpoints"))
        score(opened, IN_SEASON, explained=3)
        yield opened


def first_scored(store: Store) -> dict[str, object]:
    scored = store.latest_risks().filter(pl.col("state") == "band")
    return scored.row(0, named=True)


def test_every_stored_score_comes_out_again(store: Store):
    scored = store.latest_risks().filter(pl.col("state") == "band").head(5)
    assert scored.height == 5
    for risk_id, risk in scored.select("id", "risk").iter_rows():
        found = replay(store, risk_id, ME)
        assert found.same, found.why
        assert found.now is not None
        assert found.now.risk == pytest.approx(risk, abs=1e-6)


def test_what_rules_said_comes_out_again(store: Store):
    at = IN_SEASON - timedelta(days=7)
    score(store, at, voice=Rules("abc_rules", "a test"))
    said = store.latest_risks(as_of=at).filter(pl.col("state") == "rules_only")
    assert replay(store, said["id"][0], ME).same


def test_a_replay_is_written_down(store: Store):
    risk = first_scored(store)
    replay(store, str(risk["id"]), ME)
    with store.writing() as connection:
        *_, last = written(connection)
    assert (last.what, last.who) == ("replayed", "a test")


def test_a_number_that_was_changed_is_not_the_same(store: Store):
    risk = first_scored(store)
    change = "UPDATE state.risks SET risk = risk + %s WHERE id = %s"
    with store.writing() as connection:
        connection.execute(change, [1e-3, risk["id"]])
    found = replay(store, str(risk["id"]), ME)
    with store.writing() as connection:
        connection.execute(change, [-1e-3, risk["id"]])
    assert not found.same
    assert "No import landed since" in found.why


def test_records_that_came_late_are_the_reason_where_they_are(store: Store, folder: Path):
    risk = first_scored(store)
    number = store.student_names([int(str(risk["student"]))])["local_id"][0]
    frames = small_district()
    attendance = frames["attendance"]
    days = attendance.filter(pl.col("date") < IN_SEASON.date())["date"].unique().sort().tail(40)
    late = pl.DataFrame({
        "student_id": [number] * 40, "date": days, "status": ["unexcused"] * 40,
        "known_at": days,
    })  # fmt: skip
    import_frames(store, folder / "late", {"attendance": late})
    found = replay(store, str(risk["id"]), ME)
    assert not found.same
    assert "1 imports landed since" in found.why


def test_without_its_checkpoint_nothing_is_made_up(store: Store, folder: Path):
    risk = first_scored(store)
    shutil.move(folder / "checkpoints", folder / "away")
    try:
        found = replay(store, str(risk["id"]), ME)
    finally:
        shutil.move(folder / "away", folder / "checkpoints")
    assert (found.same, found.now) == (False, None)
    assert "checkpoint" in found.why


def test_whoever_asks_the_registry_is_led_to_where_the_environment_says(
    store: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    registered = store.champion()
    assert registered is not None
    monkeypatch.setenv("MODEL_PATH", str(tmp_path))
    assert store.champion() == registered, "it is not there"
    copied = shutil.copytree(registered.folder, tmp_path / Path(registered.folder).name)
    assert store.champion().folder == str(copied)


def test_a_checkpoint_that_lies_elsewhere_is_found_where_the_environment_says(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    risk = first_scored(store)
    shutil.move(folder / "checkpoints", folder / "away")
    monkeypatch.setenv("MODEL_PATH", str(folder / "away"))
    with store.writing() as connection:
        [known] = connection.execute("SELECT hash, folder FROM state.checkpoints").fetchall()
        connection.execute("UPDATE state.checkpoints SET hash = 'another'")
    try:
        found = replay(store, str(risk["id"]), ME)
    finally:
        shutil.move(folder / "away", folder / "checkpoints")
        with store.writing() as connection:
            connection.execute("UPDATE state.checkpoints SET hash = %s", [known[0]])
    assert found.now is not None, found.why
    assert found.now.checkpoint == found.then.checkpoint


def test_what_was_never_said_is_not_found(store: Store):
    with pytest.raises(NotFound):
        replay(store, "7", ME)


def test_a_purge_leaves_no_row_and_no_name_but_a_tombstone(store: Store):
    with store.writing() as connection:
        key, old = connection.execute(
            "SELECT student, student + 1 FROM identity.student i WHERE EXISTS"
            " (SELECT 1 FROM state.risks r WHERE r.student = i.student) ORDER BY 1 LIMIT 1"
        ).fetchone()
        connection.execute(
            "INSERT INTO records.student_ids VALUES (%s, %s, now(), false, 0)", [old, key]
        )
        number = connection.execute(
            "SELECT local_id FROM identity.student WHERE student = %s", [key]
        ).fetchone()[0]
        connection.execute(
            "INSERT INTO state.feedback (given, student, as_of, reason, by)"
            " VALUES (now(), %s, now(), 'seen', 'me')",
            [key],
        )
        id_ = store.student_ids([key])[key]
        purged = purge(connection, key, by="me", because="a parent asked")
        assert purged.rows > 10
        assert len(purged.students) == 2
        for table in metadata.tables.values():
            columns = {"student", "old_student_id"} & set(table.columns.keys())
            if table.name == "audit":
                continue
            for column in columns:
                left = connection.execute(
                    f"SELECT count(*) FROM {table.fullname} WHERE {column} IN (%s, %s)", [key, old]
                ).fetchone()
                assert left == (0,), table.fullname
        assert of_student(connection, id_)[0].what == "purged"
        assert verify(written(connection)).whole
    with pytest.raises(NotFound):
        store.resolve_student(number)
    with pytest.raises(Exception, match="written once"), store.writing() as connection:
        connection.execute(
            "INSERT INTO state.feedback (given, student, as_of, reason, by)"
            " SELECT now(), student, now(), 'seen', 'me' FROM identity.student LIMIT 1;"
            " DELETE FROM state.feedback"
        )
    store.vacuum()
