"""Outcomes agree with a slow oracle that shares no code with them."""

from __future__ import annotations

from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edupulse.panel.definition import FAILS_OR_WITHDRAWS, OFF_TRACK, OutcomeDefinition
from edupulse.panel.outcomes import outcomes
from panel.districts import cohort, end
from panel.outcome_oracle import tell
from panel.random_districts import SCHOOLS, STUDENTS, random_district

SHORT = OutcomeDefinition("short", "1", horizon_days=25, min_days=10, gap_days=2)
DAYS = (date(2024, 9, 6), date(2024, 9, 18), date(2024, 10, 12), date(2024, 11, 20))


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    as_of=st.sampled_from(DAYS),
    definition=st.sampled_from((OFF_TRACK, SHORT, FAILS_OR_WITHDRAWS)),
)
def test_outcomes_agree_with_the_oracle(seed, as_of, definition):
    district = random_district(seed)
    schools = np.resize(SCHOOLS, len(STUDENTS)).astype(np.int32)
    found = outcomes(
        district.known(end("2026-01-01"), STUDENTS), cohort(STUDENTS, schools, as_of), definition
    )
    for row, (student, school) in enumerate(zip(STUDENTS, schools.tolist(), strict=True)):
        expected = tell(district, student, school, as_of, definition)
        told = (
            (
                bool(found.off_track[row]),
                bool(found.courses_posted[row]),
                int(found.severity[row]),
                found.came_on[row].item(),
            )
            if found.known[row]
            else None
        )
        assert told == expected


def test_the_random_districts_hold_every_class_and_the_unknown():
    seen = set()
    for seed in range(8):
        found = outcomes(
            random_district(seed).known(end("2026-01-01"), STUDENTS),
            cohort(STUDENTS, np.resize(SCHOOLS, len(STUDENTS)).astype(np.int32), DAYS[1]),
        )
        seen |= set(found.severity.tolist())
    assert seen == {-1, 0, 1, 2, 3}
