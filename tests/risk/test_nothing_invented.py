"""Law 9: a number is the network's own, or there is none; rules never give one."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edupulse.features.catalog import FAMILIES
from edupulse.panel.definition import OFF_TRACK
from edupulse.panel.panel import Panel
from edupulse.panel.windows import Windows
from edupulse.risk.assessment import RULE_SETS, Assessor, by_rules
from edupulse.risk.bands import DEFAULT_POLICY
from panel.random_windows import random_windows

AS_OF = datetime(2025, 1, 24, 6, tzinfo=UTC)
ROWS = 6
NONE = (None, None, None, None, (), ())


def of_each(values: st.SearchStrategy[int]) -> st.SearchStrategy[list[int]]:
    return st.lists(values, min_size=ROWS, max_size=ROWS)


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Students at all times of a year, of whom whole families, or everything, may be missing."""
    windows = random_windows(ROWS, seed=draw(st.integers(0, 99)))
    missing = draw(of_each(st.integers(0, 7)))
    observed = windows.observed.copy()
    for row, families in enumerate(missing):
        for place, columns in enumerate(FAMILIES.values()):
            observed[row, :, columns] &= not families >> place & 1
    school = np.array(draw(of_each(st.integers(-1, 1))), np.int32)
    values = np.where(observed, windows.values, np.nan).astype(np.float32)
    rows = Windows(**{**vars(windows), "values": values, "observed": observed, "school": school})
    enrolled, left = (np.array(draw(of_each(st.integers(0, 90))), np.int32) for _ in range(2))
    return Panel(AS_OF, rows, enrolled, left, np.full(ROWS, np.datetime64("2024-09-02", "D")))


HORIZON = (np.full(ROWS, np.datetime64("NaT", "D")),) * 2
IDS = [f"id-{row}" for row in range(ROWS)]


@pytest.fixture(scope="module")
def assessor(scorer, peers) -> Assessor:
    return Assessor(scorer, DEFAULT_POLICY, OFF_TRACK, peers, "sha256:00", "gru_attention")


@given(panel=panels())
def test_a_number_is_the_networks_own_or_there_is_none(assessor, scorer, panel):
    for row, risk in enumerate(assessor.assess(panel, IDS, HORIZON)):
        said = (
            risk.risk_score,
            risk.interval,
            risk.risk_category,
            risk.diagnostics,
            risk.prediction_set,
            risk.factors,
        )
        if risk.state != "scored":
            assert said == NONE
            continue
        own = scorer.score(panel.windows.take([row])).risk[0]
        assert panel.windows.observed[row].any()
        assert risk.risk_score == pytest.approx(own, abs=1e-6)


@given(panel=panels(), rules=st.sampled_from(sorted(RULE_SETS)))
def test_rules_flag_only_what_was_observed_and_give_no_number(panel, rules):
    for row, result in enumerate(by_rules(panel, rules, IDS, HORIZON)):
        plain = result.to_json()
        assert plain["method"] == rules
        assert not {"risk_score", "interval", "risk_category"} & plain.keys()
        if not panel.windows.observed[row].any():
            assert result.indicators == ()
