"""Laws 2 and 3 through the whole pipeline: the order, repetition and slicing of imports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from edupulse.model.checkpoint import Checkpoint
from edupulse.pipeline.scoring import score
from edupulse.risk.risk import Risk
from edupulse.store.store import Store, open_store
from pipeline.small_champion import (
    IN_SEASON,
    Frames,
    import_frames,
    let_serve,
    small_checkpoint,
    small_district,
)

DATED = ("attendance", "marks", "course_grades", "incidents", "exclusions")


@pytest.fixture(scope="module")
def frames() -> Frames:
    return small_district(24)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return small_checkpoint(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def risks_after(
    empty_database: Callable[[], str], checkpoint: Checkpoint, tmp_path: Path
) -> Callable[..., dict[str, Risk]]:
    """Imports deliveries one after the other into a new database, and scores everyone."""

    def risks_after(*deliveries: Frames) -> dict[str, Risk]:
        with database(empty_database(), checkpoint) as store:
            for number, frames in enumerate(deliveries):
                import_frames(store, tmp_path / str(id(deliveries)) / str(number), frames)
            scoring = score(store, IN_SEASON, explained=0)
            names = store.student_names([line.student for line in scoring.lines])
        numbers = dict(names.select("student", "local_id").iter_rows())
        return {
            numbers[line.student]: line.said
            for line in scoring.lines
            if isinstance(line.said, Risk)
        }

    return risks_after


@contextmanager
def database(url: str, checkpoint: Checkpoint) -> Iterator[Store]:
    with open_store(url) as store:
        let_serve(store, checkpoint)
        yield store


def untold(risks: dict[str, Risk]) -> dict[str, tuple[object, ...]]:
    """All but the scores, which may differ in the last bit."""
    return {
        number: (risk.state, risk.horizon, risk.coverage, risk.prediction_set)
        for number, risk in risks.items()
    }


def test_order_repetition_and_slices_of_the_records_change_no_risk(
    frames: Frames, risks_after: Callable[..., dict[str, Risk]]
) -> None:
    whole = risks_after(frames)
    assert sum(risk.risk_score is not None for risk in whole.values()) > 10
    shuffled = {
        name: rows.sample(fraction=1, shuffle=True, seed=4) for name, rows in frames.items()
    }
    doubled = {name: pl.concat([rows, rows]) for name, rows in shuffled.items()}
    newest_first = [
        {name: rows for name, rows in frames.items() if name not in DATED}
        | {name: frames[name].tail(frames[name].height // 2) for name in DATED},
        {name: frames[name].head(-(frames[name].height // 2)) for name in DATED},
    ]
    for other in (risks_after(doubled), risks_after(*newest_first), risks_after(frames, doubled)):
        assert untold(other) == untold(whole)
        for number, risk in whole.items():
            assert other[number].risk_score == pytest.approx(risk.risk_score, abs=1e-6)
