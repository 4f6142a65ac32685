from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edupulse.panel.definition import OFF_TRACK
from edupulse.panel.panel import panel_of
from edupulse.risk.assessment import Assessor
from edupulse.risk.bands import DEFAULT_POLICY
from panel.districts import end
from panel.random_districts import STUDENTS, random_district

AS_OF = end("2024-10-18")


@settings(max_examples=4)
@given(seed=st.integers(0, 10**6), minutes=st.integers(1, 10**6))
def test_what_becomes_known_later_changes_no_risk_and_no_factor(scorer, peers, seed, minutes):
    """Law 1, from records through the panel to the words of an explanation."""
    assessor = Assessor(scorer, DEFAULT_POLICY, OFF_TRACK, peers, "sha256:00", "gru_attention")
    none = np.full(len(STUDENTS), np.datetime64("NaT", "D"))

    def said(district):
        panel = panel_of(district.known(AS_OF, STUDENTS))
        ids = ["x"] * len(STUDENTS)
        return assessor.assess(panel, ids, (none, none), [0, 1], 256, stretches=True)

    district = random_district(seed)
    before = said(district)
    assert any(risk.risk_score is not None for risk in before)
    later = AS_OF + timedelta(minutes=minutes)
    for student in STUDENTS:
        for kind in ("attendance", "enrollments", "course_grades", "exclusions"):
            rows = [row for row in district.rows.get(kind, []) if row["student"] == student]
            district.rows.setdefault(kind, []).extend(
                {**row, "known_from": later, "retracted": True} for row in rows
            )
        district.grade(code="F", student=student, term="a", known_from=later)
    assert said(district) == before
