"""Outcomes that educators saw: which rows they label, and which they never do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from edupulse.panel.outcomes import Outcomes
from edupulse.pipeline.feedback import heed
from panel.random_windows import random_windows

AS_OF = datetime(2025, 1, 24, 6, tzinfo=UTC)
NOW = datetime(2025, 8, 1, tzinfo=UTC)


def outcomes(known: list[bool], off_track: list[bool]) -> Outcomes:
    flags = np.array(off_track)
    no = np.zeros(len(flags), bool)
    day = np.full(len(flags), np.datetime64("2025-05-20"))
    return Outcomes(
        np.array(known), flags, np.where(known, flags.astype(np.int8), -1).astype(np.int8),
        flags, no, no, ~no, day, day, day.astype("datetime64[us]"), day,
    )  # fmt: skip


def seen(*rows: tuple[int, timedelta, bool]) -> pl.DataFrame:
    return pl.DataFrame(
        [(student, AS_OF + after, off_track) for student, after, off_track in rows],
        schema={"student": pl.Int32, "as_of": pl.Datetime("us", "UTC"), "off_track": pl.Boolean},
        orient="row",
    )


def heeded(said: pl.DataFrame, now: datetime = NOW) -> tuple[list[tuple[bool, bool, int]], list]:
    """Of three students (on track, off track, unknown): known, off track, severity; changed."""
    found, changed = heed(
        random_windows(3), outcomes([True, True, False], [False, True, False]), said, now
    )
    rows = zip(found.known.tolist(), found.off_track.tolist(), found.severity.tolist(), strict=True)
    return list(rows), changed.tolist()


AS_RECORDED = [(True, False, 0), (True, True, 1), (False, False, -1)]


def test_what_was_seen_replaces_what_the_records_say():
    found, changed = heeded(seen((1, timedelta(days=3), True), (2, timedelta(days=-14), False)))
    assert found == [(True, True, 1), (True, False, 0), AS_RECORDED[2]]
    assert changed == [True, True, False]


def test_an_unknown_outcome_becomes_known():
    assert heeded(seen((3, timedelta(0), False))) == (
        [*AS_RECORDED[:2], (True, False, 0)],
        [False, False, True],
    )


def test_the_later_word_counts_and_agreement_changes_nothing():
    found, changed = heeded(seen((1, timedelta(0), True), (1, timedelta(0), False)))
    assert (found, changed) == (AS_RECORDED, [False] * 3)


@pytest.mark.parametrize(
    ("said", "now"),
    [
        (seen((1, timedelta(days=15), True)), NOW),
        (seen((9, timedelta(0), True)), NOW),
        (seen((1, timedelta(0), True)), datetime(2025, 5, 1, tzinfo=UTC)),
        (seen(), NOW),
    ],
    ids=["too far away", "another student", "the horizon has not closed", "nothing said"],
)
def test_otherwise_the_records_stand(said: pl.DataFrame, now: datetime):
    assert heeded(said, now) == (AS_RECORDED, [False] * 3)


def test_of_two_as_of_days_the_nearer_one_takes_the_label():
    windows = random_windows(2)
    windows = replace(
        windows,
        student=np.array([1, 1], np.int32),
        as_of=windows.as_of + np.array([0, 20], "timedelta64[D]"),
    )
    label, _ = heed(
        windows, outcomes([True] * 2, [False] * 2), seen((1, timedelta(days=12), True)), NOW
    )
    assert label.off_track.tolist() == [False, True]
