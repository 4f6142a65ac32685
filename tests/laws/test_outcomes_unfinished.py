"""Law 6: an unfinished horizon is unknown; and what is known never depends on what came true."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edupulse.panel.outcomes import closed_outcomes, outcomes
from panel.districts import cohort, end
from panel.random_districts import SCHOOLS, STUDENTS, random_district

ROWS = np.resize(SCHOOLS, len(STUDENTS)).astype(np.int32)
SEEDS = st.integers(0, 10**6)


def rows(as_of: date = date(2024, 9, 18)):
    return cohort(STUDENTS, ROWS, as_of)


@settings(max_examples=6)
@given(seed=SEEDS, minutes=st.integers(1, 10**6))
def test_before_it_closes_no_outcome_is_known(seed, minutes):
    district = random_district(seed)
    closes = outcomes(district.known(end("2026-01-01"), STUDENTS), rows()).closes_at
    closing = closes[~np.isnat(closes)].min().item().replace(tzinfo=UTC)
    early = outcomes(district.known(closing - timedelta(minutes=minutes), STUDENTS), rows())
    assert not early.known.any()
    assert not early.off_track.any()
    assert (early.severity == -1).all()


@settings(max_examples=6)
@given(seed=SEEDS)
def test_absences_and_grades_change_outcomes_but_never_whether_they_are_known(seed):
    district = random_district(seed)
    before = outcomes(district.known(end("2026-01-01"), STUDENTS), rows())
    for row in district.rows["attendance"]:
        row["status"], row["fraction"] = "unexcused", None
    for row in district.rows.get("course_grades", []):
        row["code"], row["percent"] = "F", None
    keys = {}
    for row in district.rows["attendance"]:
        keys[row["student"], row["date"], row["school"]] = row
    district.rows["attendance"] = list(keys.values())
    after = outcomes(district.known(end("2026-01-01"), STUDENTS), rows())
    np.testing.assert_array_equal(before.known, after.known)
    assert after.off_track.sum() >= before.off_track.sum()


@settings(max_examples=5)
@given(seed=SEEDS, late=st.integers(1, 400))
def test_records_that_come_after_the_closing_change_no_label(seed, late):
    district = random_district(seed)
    now = datetime(2027, 1, 1, tzinfo=UTC)
    history = district.history(STUDENTS)
    before = closed_outcomes(lambda _, at: history.at(at), rows(), now)
    closes = before.closes_at[~np.isnat(before.closes_at)].max().item().replace(tzinfo=UTC)
    after_closing = closes + timedelta(days=late)
    for student in STUDENTS:
        district.grade(code="F", student=student, term="a", known_from=after_closing)
        district.add(
            "attendance",
            after_closing,
            student=student,
            date=date(2024, 10, 15),
            status="excused",
            school=4,
        )
    later = district.history(STUDENTS)
    after = closed_outcomes(lambda _, at: later.at(at), rows(), now)
    np.testing.assert_array_equal(before.severity, after.severity)
