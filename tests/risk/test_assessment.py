from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from edupulse.panel.definition import OFF_TRACK
from edupulse.panel.panel import Panel
from edupulse.risk.assessment import Assessor, by_rules
from edupulse.risk.bands import DEFAULT_POLICY

AS_OF = datetime(2025, 1, 24, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def assessor(scorer, peers) -> Assessor:
    return Assessor(scorer, DEFAULT_POLICY, OFF_TRACK, peers, "sha256:00", "gru_attention")


@pytest.fixture(scope="module")
def panel(windows) -> Panel:
    rows = windows.take(range(8))
    left = np.array([90, 90, 90, 90, 90, 90, 10, 90], np.int32)
    enrolled = np.array([90, 90, 90, 90, 90, 90, 90, 3], np.int32)
    return Panel(AS_OF, rows, enrolled, left, np.full(8, np.datetime64("2024-09-02", "D")))


IDS = [f"id-{row}" for row in range(8)]
HORIZON = (
    np.array(["2025-02-03"] * 7 + ["NaT"], "datetime64[D]"),
    np.array(["2025-05-02"] * 7 + ["NaT"], "datetime64[D]"),
)


def test_a_risk_has_its_band_interval_and_checkpoint(assessor, panel):
    risk = assessor.assess(panel, IDS, HORIZON)[0]
    assert risk.student_id == "id-0"
    assert risk.interval[0] <= risk.risk_score <= risk.interval[1]
    assert risk.risk_category == DEFAULT_POLICY.bands(risk.risk_score)[0]
    assert (risk.model_version, risk.policy_version) == ("sha256:00", "1")
    assert not risk.factors


def test_only_the_students_asked_for_get_factors(assessor, panel):
    risks = assessor.assess(panel, IDS, HORIZON, explained=[1, 6])
    assert [bool(risk.factors) for risk in risks] == [row == 1 for row in range(8)]
    for factor in risks[1].factors:
        assert abs(factor.contribution) > 1.96 * factor.stderr
        assert 1 <= len(factor.weeks) <= 3
        assert factor.text.endswith("the score.")


def test_strengths_lowered_the_score_and_stretches_come_where_asked_for(assessor, panel):
    (plain,) = assessor.assess(panel.take([0]), IDS[:1], tuple(d[:1] for d in HORIZON), [0])
    risks = assessor.assess(panel, IDS, HORIZON, explained=range(8), stretches=True)
    assert plain.stretches == ()
    assert risks[0].factors == plain.factors
    assert all(risk.stretches for risk in risks[:6])
    assert not risks[6].stretches
    strengths = [strength for risk in risks for strength in risk.strengths]
    assert strengths
    assert all(strength.contribution < -1.96 * strength.stderr for strength in strengths)


def test_asking_for_factors_or_for_fewer_students_changes_no_score(assessor, panel):
    plain = assessor.assess(panel, IDS, HORIZON)
    explained = assessor.assess(panel, IDS, HORIZON, explained=range(8))
    alone = assessor.assess(panel.take([2]), IDS[2:3], tuple(days[2:3] for days in HORIZON))
    assert [r.risk_score for r in plain] == [r.risk_score for r in explained]
    assert alone[0].risk_score == pytest.approx(plain[2].risk_score, abs=1e-6)


def test_without_a_state_that_allows_it_there_is_no_number_at_all(assessor, panel):
    out, thin = assessor.assess(panel, IDS, HORIZON, explained=range(8))[6:]
    assert (out.state, thin.state) == ("out_of_season", "insufficient_data")
    for risk in (out, thin):
        assert risk.risk_score is risk.interval is risk.risk_category is risk.diagnostics is None
        assert risk.prediction_set == risk.factors == ()
    assert thin.horizon is None


def test_a_risk_is_plain_json_as_the_api_gives_it(assessor, panel):
    plain = json.loads(json.dumps(assessor.assess(panel, IDS, HORIZON, explained=[0])[0].to_json()))
    assert plain["as_of"] == "2025-01-24T06:00:00Z"
    assert plain["horizon"] == {"from": "2025-02-03", "to": "2025-05-02"}
    assert set(plain["diagnostics"]["severity_probabilities"]) == {
        "none",
        "one",
        "both",
        "withdrawal",
    }
    assert len(plain["diagnostics"]["attention"]) == 20
    assert set(plain["coverage"]) == {"attendance", "grades", "discipline"}


def test_rules_give_indicators_and_no_score(panel):
    for result in by_rules(panel, "abc_rules", IDS, HORIZON):
        plain = result.to_json()
        assert "risk_score" not in plain
        assert plain["method"] == "abc_rules"
        fired = {indicator["name"] for indicator in plain["indicators"]}
        assert not fired & set(plain["not_observed"])


def test_nobody_gives_no_risks(assessor, panel):
    empty = tuple(days[:0] for days in HORIZON)
    assert assessor.assess(panel.take(np.zeros(0, np.int64)), [], empty) == ()
