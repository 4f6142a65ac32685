"""Law 1 through the whole pipeline: what the database learns later changes nothing said before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from edupulse.pipeline.scoring import score
from edupulse.pipeline.speaking import Voice, voice_of
from edupulse.risk.risk import Risk, RulesResult
from edupulse.store.store import Store, open_store
from pipeline.small_champion import (
    IN_SEASON,
    Frames,
    import_frames,
    let_serve,
    small_checkpoint,
    small_district,
)

T = IN_SEASON.date()
LATER = IN_SEASON + timedelta(seconds=1)
KNOWN_AT = pl.lit(LATER).alias("known_at")
OCCURRED = {"attendance": "date", "marks": "due_on", "course_grades": "posted_on"}


@pytest.fixture(scope="module")
def frames() -> Frames:
    return small_district(24)


@pytest.fixture
def store(empty_database: Callable[[], str], tmp_path: Path, frames: Frames) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        import_frames(opened, tmp_path / "first", frames)
        let_serve(opened, small_checkpoint(tmp_path / "checkpoints"))
        yield opened


def before(frames: Frames, kind: str) -> pl.DataFrame:
    """Records of days before T, one version of each, to be told anew a second after T."""
    day = OCCURRED[kind]
    rows = frames[kind].filter(pl.col(day) < T)
    names = [name for name in rows.columns if name not in ("known_at", "retracted")]
    keys = {"attendance": ["student_id", "date", "status"]}.get(
        kind, ["student_id", "section_id", "assignment_id" if kind == "marks" else "term_id"]
    )
    return rows.unique(keys, keep="last", maintain_order=True).select(names)


def retractions(frames: Frames) -> Frames:
    return {
        kind: before(frames, kind).with_columns(KNOWN_AT, retracted=pl.lit(True))
        for kind in OCCURRED
    }


def corrections(frames: Frames) -> Frames:
    zero = pl.lit(0.0)
    return {
        "marks": before(frames, "marks").with_columns(KNOWN_AT, points=zero),
        "course_grades": before(frames, "course_grades").with_columns(
            KNOWN_AT, percent=zero, code=pl.lit(None, pl.String)
        ),
    }


def late_entries(frames: Frames) -> Frames:
    """A month of absences, a fight, and an exit, of which T knew nothing."""
    days = [T - timedelta(days=n) for n in range(1, 30)]
    open_stays = frames["enrollments"].filter(pl.col("left_on").is_null())
    stays = open_stays.filter(pl.col("entered_on") > date(2024, 8, 1), pl.col("entered_on") < T)
    students = stays.select("student_id", "school_id").unique(maintain_order=True)
    absent = students.join(pl.DataFrame({"date": days}), how="cross").with_columns(
        KNOWN_AT, status=pl.lit("unexcused")
    )
    fights = students.with_row_index("number").select(
        "student_id",
        "school_id",
        KNOWN_AT,
        incident_id=pl.format("late-{}", "number"),
        date=pl.lit(days[0]),
        behavior=pl.lit("fighting"),
    )
    left = stays.with_columns(KNOWN_AT, left_on=pl.lit(days[5]), exit_type=pl.lit("dropped_out"))
    return {"attendance": absent, "incidents": fights, "enrollments": left.gather_every(3)}


def said(store: Store, voice: Voice | None) -> list[Risk | RulesResult]:
    return [line.said for line in score(store, IN_SEASON, explained=3, voice=voice).lines]


@pytest.mark.parametrize("change", [retractions, corrections, late_entries])
def test_what_is_learned_after_the_instant_changes_no_risk_and_no_factor(
    store: Store, frames: Frames, tmp_path: Path, change: Callable[[Frames], Frames]
) -> None:
    voice = voice_of(store)
    later = IN_SEASON + timedelta(days=2)
    students = store.students_at(IN_SEASON).tolist()
    first, first_later = said(store, voice), score(store, later, explained=0)
    assert any(one.state == "scored" for one in first)
    import_frames(store, tmp_path / "later", change(frames))
    again = score(store, IN_SEASON, explained=3, voice=voice)
    assert [line.said for line in again.lines] == first
    assert (again.saved.stored, again.saved.different) == (0, 0)
    assert store.students_at(IN_SEASON).tolist() == students
    # The same records do matter once they are known: else this test could not fail.
    changed = score(store, later, explained=0)
    assert [line.said for line in changed.lines] != [line.said for line in first_later.lines]
    assert changed.saved.different > len(first) // 2
