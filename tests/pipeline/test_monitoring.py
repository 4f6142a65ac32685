"""What serves is judged on what has come true since, over all, by school and by group."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edupulse.casework.track_record import TOO_FEW, track_record
from edupulse.model.evaluation import AT_SCHOOL, EVERYONE
from edupulse.pipeline.judging import METHOD
from edupulse.pipeline.monitoring import Watch, WatchPolicy, watch
from edupulse.store.checkpoints import promote, register
from edupulse.store.store import Store, open_store
from edupulse.store.watches import newest_watch
from pipeline.small_champion import NOW, import_frames, small_checkpoint, small_district

MADE = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(empty_database, tmp_path_factory) -> Iterator[Store]:
    """A district whose second year has ended, and a checkpoint that served all through it."""
    folder: Path = tmp_path_factory.mktemp("watched")
    made = small_checkpoint(folder / "checkpoints")
    with open_store(empty_database()) as opened:
        import_frames(opened, folder / "records", small_district())
        with opened.writing() as connection:
            register(connection, made.version, created=MADE, folder=str(made.path), decision={})
            promote(connection, made.version, now=MADE, by="a test", because="it must serve")
        yield opened


@pytest.fixture(scope="module")
def seen(store: Store) -> Watch:
    return watch(store, NOW, WatchPolicy(fewest=10))


def test_it_is_judged_beside_the_rules_with_lead_times_and_coverage(seen: Watch) -> None:
    assert seen.live is not None
    ours = seen.live.result(METHOD, EVERYONE)
    assert ours.rows == seen.closed
    assert {"calibration_slope", "precision_10", "lead_days_10", "coverage_on_track"} <= set(
        ours.metrics
    )
    assert seen.live.result("abc_rules").rows == ours.rows


def test_the_schools_are_the_rows_divided(seen: Watch) -> None:
    ours = [one for one in seen.live.results if one.method == METHOD]
    schools = [one for one in ours if one.population.startswith(AT_SCHOOL)]
    assert {one.population for one in schools} == {"school:H01", "school:M02"}
    assert sum(one.rows for one in schools) == seen.closed


def test_groups_are_those_of_the_audit_and_the_places(seen: Watch) -> None:
    groupings = {one.grouping for one in seen.live.fairness.groups}
    assert {"school", "grade_level", "sex", "race_ethnicity"} <= groupings


def test_what_was_seen_is_kept_and_told_without_small_groups(store: Store, seen: Watch) -> None:
    with store.writing() as connection:
        kept = newest_watch(connection, seen.checkpoint)
    assert (kept.seen, kept.report["closed"]) == (NOW, seen.closed)
    told = track_record(store)
    assert (told.seen, told.unknown) == (NOW, ())
    small = [one for one in seen.live.fairness.groups if one.students < 10]
    assert small, "or this test shows nothing"
    assert told.live.hidden >= len(small)
    assert min(one.students for one in told.live.groups) >= 10


def test_too_few_outcomes_are_no_judgement(store: Store, seen: Watch) -> None:
    later = NOW.replace(day=2)
    assert watch(store, later, WatchPolicy(fewest=10_000)).live is None
    told = track_record(store)
    assert (told.live, told.unknown, told.closed) == (None, (TOO_FEW,), seen.closed)
