"""Retention: who is due on which day, under all numbers, and who never is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edupulse.cli import app
from edupulse.pipeline.intake import intake
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import audit, retention
from edupulse.store.store import Store, open_store

FILES = {
    "schools": "school_id,name,timezone\nN,North,UTC\n",
    "students": "student_id\n"
    + "".join(f"{name}\n" for name in ("left", "stays", "back", "none", "old", "new", "a", "b")),
    "student_ids": "old_student_id,student_id\nold,new\na,b\n",
    "enrollments": """student_id,school_id,grade_level,entered_on,left_on
left,N,8,2018-09-01,2019-06-10
stays,N,8,2018-09-01,
back,N,7,2017-09-01,2018-06-10
back,N,8,2022-09-01,2023-06-10
old,N,8,2018-09-01,2019-06-10
new,N,9,2022-09-01,2023-06-10
a,N,8,2017-09-01,2018-06-10
b,N,8,2018-09-01,2019-06-10
""",
}
LAST_DAY = datetime(2024, 6, 9, 23, 59, tzinfo=UTC)
NEXT_DAY = LAST_DAY + timedelta(minutes=1)


@pytest.fixture
def store(
    empty_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    url = empty_database()
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("EDUPULSE_HOME", str(tmp_path))
    for name, content in FILES.items():
        (tmp_path / f"{name}.csv").write_text(content)
    with open_store(url) as opened:
        intake(opened, csv_folder(tmp_path), now=datetime(2024, 1, 1, tzinfo=UTC), home=tmp_path)
        yield opened


def due(store: Store, now: datetime, years: int = 5) -> list[list[str]]:
    with store.writing() as connection:
        found = retention.due(connection, now, years)
    names = dict(store.student_names(range(1, 9)).select("student", "local_id").iter_rows())
    return sorted(sorted(names[key] for key in whole) for whole in found)


def test_a_student_is_due_so_many_years_after_the_last_day_under_the_last_number(store: Store):
    assert due(store, LAST_DAY) == []
    assert due(store, NEXT_DAY) == [["a", "b"], ["left"]]
    assert due(store, NEXT_DAY, years=6) == []


def test_who_has_an_open_enrollment_or_none_is_never_due(store: Store):
    far = datetime(2090, 1, 1, tzinfo=UTC)
    assert {name for whole in due(store, far) for name in whole} == {
        "left", "back", "old", "new", "a", "b",
    }  # fmt: skip


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["purge", *words])


def test_a_purge_of_what_is_due_lists_first_and_does_it_when_told(store: Store, tmp_path: Path):
    keep = set(store.student_ids(range(1, 9)).values())
    (report,) = (tmp_path / "imports").iterdir()
    (cut_off, going_on) = (tmp_path / "reading" / name for name in "ab")
    for folder in (cut_off, going_on):
        folder.mkdir(parents=True)
    for old in (report, cut_off):
        os.utime(old, (0, 0))
    listed = run("--due")
    assert listed.exit_code == 0
    assert sum(str(id_) in listed.output for id_ in keep) == 3
    assert set(store.student_ids(range(1, 9)).values()) == keep
    assert report.exists()
    assert run("--due", "--yes").exit_code == 0
    assert len(store.student_ids(range(1, 9))) == 5
    assert [folder.exists() for folder in (report, cut_off, going_on)] == [False, False, True]
    with store.writing() as connection:
        log = list(audit.written(connection))
    assert [entry.what for entry in log] == ["purged"] * 4
    assert [entry.student is None for entry in log] == [False, False, False, True]
    assert "left 5 years ago or longer: 0" in run("--due").output


def test_the_time_to_keep_is_a_setting(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDUPULSE_KEEP_YEARS", "90")
    assert "left 90 years ago or longer: 0" in run("--due").output


@pytest.mark.parametrize("words", [(), ("1", "--due"), ("1", "--yes")])
def test_a_purge_must_say_of_whom_and_why(store: Store, words: tuple[str, ...]):
    assert run(*words).exit_code != 0
    assert len(store.student_ids(range(1, 9))) == 8
