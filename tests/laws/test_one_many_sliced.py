"""Law 2 through the database: one student alone, in the batch, or after a sliced import."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from edupulse.panel.panel import Panel, panel_of
from edupulse.pipeline.intake import intake
from edupulse.simulator import DistrictPlan
from edupulse.simulator.district import district
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.store import Store, open_store

AS_OF = datetime(2025, 2, 20, 6, tzinfo=UTC)
NOW = datetime(2026, 8, 1, tzinfo=UTC)
DATED = ("attendance", "marks", "course_grades", "incidents", "exclusions")


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return district(DistrictPlan(students=40, years=2, seed=7, truth_pairs=0)).frames


def imported(
    store: Store, folder: Path, frames: dict[str, pl.DataFrame], home: Path
) -> dict[str, Panel]:
    """Panels by the district's own number, after an import of the frames."""
    folder.mkdir()
    for name, frame in frames.items():
        frame.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    intake(store, csv_folder(folder), now=NOW, historical=True, home=home)
    students = store.students_at(AS_OF)
    panel = panel_of(store.known(students, AS_OF))
    names = dict(store.student_names(students.tolist()).select("student", "local_id").iter_rows())
    return {names[key]: panel.take([row]) for row, key in enumerate(students.tolist())}


def same(one: Panel, other: Panel) -> bool:
    return all(
        np.array_equal(getattr(one.windows, name), getattr(other.windows, name), equal_nan=True)
        for name in ("values", "week_start")
    ) and all(
        np.array_equal(getattr(one.windows, name), getattr(other.windows, name))
        for name in ("observed", "held")
    )


def test_one_student_alone_is_the_same_as_in_the_batch(
    frames: dict[str, pl.DataFrame], empty_database: Callable[[], str], tmp_path: Path
) -> None:
    with open_store(empty_database()) as store:
        batch = imported(store, tmp_path / "all", frames, tmp_path)
        assert len(batch) > 20
        for name in list(batch)[:8]:
            key = store.resolve_student(name)
            assert same(panel_of(store.known([key], AS_OF)), batch[name])


def test_a_sliced_import_gives_the_same_features(
    frames: dict[str, pl.DataFrame], empty_database: Callable[[], str], tmp_path: Path
) -> None:
    with open_store(empty_database()) as store:
        whole = imported(store, tmp_path / "all", frames, tmp_path)
    late = {name: frames[name].gather_every(2, 1) for name in DATED}
    early = {**frames, **{name: frames[name].gather_every(2) for name in DATED}}
    rest = {**{name: frames[name] for name in frames if name not in DATED}, **late}
    with open_store(empty_database()) as store:
        imported(store, tmp_path / "early", rest, tmp_path)
        sliced = imported(store, tmp_path / "late", early, tmp_path)
    assert whole.keys() == sliced.keys()
    assert all(same(whole[name], sliced[name]) for name in whole)
