"""The canaries: each leak is planted, and each is found before anything is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from edupulse.model.scaling import Scaler, fit_scaler
from edupulse.panel.definition import OFF_TRACK, OutcomeDefinition
from edupulse.panel.outcomes import Outcomes, ReadKnown, outcomes
from edupulse.panel.splits import early_stopping
from edupulse.panel.windows import Cohort
from edupulse.pipeline import leakage
from edupulse.pipeline import material as material_module
from edupulse.pipeline.judging import Parts, as_of_days_of
from edupulse.pipeline.leakage import (
    check_features,
    check_horizons,
    check_learned,
    check_outcomes,
    check_scaler,
)
from edupulse.pipeline.material import Material, material, past_as_of_days
from edupulse.school import knowledge
from edupulse.school.columns import Columns
from edupulse.school.errors import Leakage
from edupulse.school.knowledge import Known
from edupulse.school.records import ALWAYS
from edupulse.store.store import Store, open_store
from pipeline.small_champion import NOW, Frames, import_frames, small_district

LATE = datetime(2026, 7, 1, tzinfo=UTC)


def corrected(frames: Frames) -> Frames:
    """The district where twenty absences of its first student are written down years later."""
    absent = frames["attendance"]
    first = frames["enrollments"]["student_id"][0]
    days = frames["calendar"].filter(pl.col("instructional"))["date"].unique().sort()[20:40]
    late = pl.DataFrame({"student_id": first, "date": days, "status": "unexcused"})
    late = late.with_columns(known_at=pl.lit(LATE).cast(absent.schema["known_at"]))
    casts = {name: absent.schema[name] for name in late.columns}
    without = absent.filter((pl.col("student_id") != first) | ~pl.col("date").is_in(days.implode()))
    return frames | {"attendance": pl.concat([without, late.cast(casts)], how="diagonal")}


@pytest.fixture(scope="module")
def store(
    empty_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        folder = tmp_path_factory.mktemp("district") / "csv"
        import_frames(opened, folder, corrected(small_district()))
        yield opened


def built(store: Store) -> Material:
    return material(store, past_as_of_days(store, NOW), OFF_TRACK, NOW)


@pytest.fixture(scope="module")
def rows(store: Store) -> Material:
    return built(store)


def test_honest_material_has_no_leak_and_the_canaries_had_something_to_see(
    store: Store, rows: Material
) -> None:
    asked = (
        *check_features(store, rows, NOW),
        check_outcomes(store, rows, OFF_TRACK, NOW),
    )
    assert [one.name for one in asked] == ["late_knowledge", "peek", "labels"]
    assert all(one.sang for one in asked)


def test_a_feature_that_peeks_one_day_is_found(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Known.last_days

    def tomorrow(known: Known) -> dict[int, date]:
        return {school: day + timedelta(days=1) for school, day in honest(known).items()}

    monkeypatch.setattr(Known, "last_days", tomorrow)
    with pytest.raises(Leakage, match="records of the days after"):
        check_features(store, built(store), NOW)


def test_a_correction_that_came_later_is_found_in_a_feature(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The door takes the late absences for known all along."""
    honest = knowledge._holds
    late, always = (int(instant.timestamp()) * 1_000_000 for instant in (LATE, ALWAYS))

    def leaking_door(versions: Columns, as_of: datetime) -> npt.NDArray[np.bool_]:
        backdated = np.where(versions.instants < late, versions.instants, always)
        known_until = np.array([name == "known_until" for name in versions.when])[:, None]
        instants = np.where(known_until, versions.instants, backdated)
        return honest(replace(versions, instants=instants), as_of)

    with monkeypatch.context() as leaking:
        leaking.setattr(knowledge, "_holds", leaking_door)
        leaked = built(store)
    with pytest.raises(Leakage, match="came to be known only later"):
        check_features(store, leaked, NOW)


def test_a_label_from_what_came_to_be_known_after_its_closing_is_found(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told_today(
        read: ReadKnown, cohort: Cohort, as_of: datetime, definition: OutcomeDefinition
    ) -> Outcomes:
        return outcomes(read(np.unique(cohort.student), as_of), cohort, definition)

    with monkeypatch.context() as leaking:
        leaking.setattr(material_module, "closed_outcomes", told_today)
        leaked = built(store)
    with pytest.raises(Leakage, match="labels"):
        check_outcomes(store, leaked, OFF_TRACK, NOW)


def days_apart(rows: Material, *numbers: int) -> dict[str, Material]:
    """One as-of day a part, by its number."""
    known = rows.take(rows.outcomes.known)
    days = np.unique(known.windows.as_of)
    parts = (known.take(known.windows.as_of == days[number]) for number in numbers)
    return dict(zip(("train", "calibrate", "test"), parts, strict=True))


def test_parts_apart_in_time_are_told_with_their_days(rows: Material) -> None:
    canary = check_horizons(days_apart(rows, 0, 4, 8), OFF_TRACK)
    assert canary.sang
    assert "train 2023-" in canary.found


def test_a_label_window_that_touches_the_next_part_is_found(rows: Material) -> None:
    with pytest.raises(Leakage, match=r"'train' reach to .* 'calibrate' are read from"):
        check_horizons(days_apart(rows, 0, 1, 8), OFF_TRACK)


def test_a_label_that_is_said_to_close_too_soon_is_found(rows: Material) -> None:
    parts = days_apart(rows, 0, 4, 8)
    test = parts["test"]
    soon = replace(test.outcomes, closes_at=test.outcomes.closes_at - np.timedelta64(20, "D"))
    with pytest.raises(Leakage, match="said to close before"):
        check_horizons(parts | {"test": Material(test.windows, soon)}, OFF_TRACK)


@pytest.fixture(scope="module")
def days(rows: Material) -> dict[str, list[str]]:
    return as_of_days_of(Parts(**days_apart(rows, 0, 4, 8)))


def test_a_checkpoint_that_learned_longer_than_it_says_is_found(
    rows: Material, days: dict[str, list[str]]
) -> None:
    parts = days_apart(rows, 0, 4, 8)
    closed = f"{parts['calibrate'].outcomes.closes_at.max()}Z"
    assert check_learned(rows, days, closed).sang
    with pytest.raises(Leakage, match="one of the days"):
        check_learned(rows, days, "2023-10-01T00:00:00Z")
    assert not check_learned(rows, None, closed).sang
    assert not check_learned(rows, {"train": ["1999-09-09T00:00:00Z"]}, closed).sang


def scaler_of(rows: Material, *parts: str, keep_all: bool = False, pieces: int = 0) -> Scaler:
    divided = days_apart(rows, 0, 4, 8)
    fits = []
    for name in parts:
        windows = divided[name].windows
        fits.append(windows if keep_all else windows.take(~early_stopping(windows.student)))
    values = np.concatenate([windows.values for windows in fits])
    held = np.concatenate([windows.observed & windows.held[:, :, None] for windows in fits])
    return fit_scaler(values, held, pieces)


@pytest.mark.parametrize("unchanged", [True, False])
def test_a_scaler_fitted_on_everything_is_found(
    rows: Material, days: dict[str, list[str]], unchanged: bool
) -> None:
    assert check_scaler(rows, scaler_of(rows, "train"), days, unchanged).sang
    everything = scaler_of(rows, "train", "calibrate", "test", keep_all=True)
    with pytest.raises(Leakage, match="scaler"):
        check_scaler(rows, everything, days, unchanged)
    with pytest.raises(Leakage, match="scaler"):
        check_scaler(rows, scaler_of(rows, "train", keep_all=True), days, unchanged)


def test_knots_fitted_on_everything_are_found(rows: Material, days: dict[str, list[str]]) -> None:
    honest = scaler_of(rows, "train", pieces=4)
    assert check_scaler(rows, honest, days, unchanged=True).sang
    wider = scaler_of(rows, "train", "calibrate", "test", pieces=4)
    with pytest.raises(Leakage, match="scaler"):
        check_scaler(rows, replace(honest, knots=wider.knots), days, unchanged=True)


def test_where_records_changed_another_scaler_cannot_be_told_from_a_leak(
    rows: Material, days: dict[str, list[str]]
) -> None:
    honest = scaler_of(rows, "train")
    other = Scaler(honest.center + 1, honest.gain)
    assert not check_scaler(rows, other, days, unchanged=False).sang
    assert not check_scaler(rows, honest, None, unchanged=True).sang
    with pytest.raises(Leakage, match="scaler"):
        check_scaler(rows, other, days, unchanged=True)


def test_some_students_are_chosen_by_hash_and_never_none() -> None:
    few, many = np.arange(3, dtype=np.int32), np.arange(10_000, dtype=np.int32)
    assert leakage._some(few).tolist() == [0, 1, 2]
    assert 60 < leakage._some(many).size < 140
