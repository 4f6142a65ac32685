"""GET /worklist: by the rules, named as such; by a checkpoint, in bands that do not flicker."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edupulse.api.app import PREFIX
from edupulse.pipeline.scoring import score
from edupulse.risk.steady import WeeklyScore, worklist_band
from pipeline.small_champion import let_serve, small_checkpoint

from .conftest import AT


def worklist(service, staff_id: str = "D001", **asked):
    headers = service.as_(staff_id)
    return service.client.get(f"{PREFIX}/worklist", params=asked, headers=headers).json()


@pytest.fixture(scope="module")
def by_rules(service) -> dict:
    """The list while no checkpoint serves, after a night's scoring."""
    assert worklist(service)["ranked"] == 0, "nothing is stored yet"
    score(service.store, AT)
    return worklist(service, capacity=500)


@pytest.fixture(scope="module")
def scored(service, by_rules, tmp_path_factory):
    """The service three weeks after a checkpoint began to serve."""
    let_serve(service.store, small_checkpoint(tmp_path_factory.mktemp("checkpoints")))
    for week in (2, 1, 0):
        score(service.store, AT - timedelta(weeks=week))
    return service


def test_where_rules_serve_their_list_is_named_as_theirs(by_rules) -> None:
    assert (by_rules["by"], by_rules["model_version"]) == ("rules", None)
    assert 0 < by_rules["ranked"] < by_rules["students"]
    for one in by_rules["items"]:
        assert one["method"] == "abc_rules"
        assert one["indicators"]
        assert one["risk_score"] is one["worklist_band"] is None


def test_the_rules_rank_by_indicators_first(by_rules) -> None:
    fired = [len(one["indicators"]) for one in by_rules["items"]]
    assert fired == sorted(fired, reverse=True)


def test_a_checkpoint_ranks_by_risk_and_bands_wait(scored) -> None:
    week = worklist(scored, capacity=500)
    assert week["by"] == "checkpoint"
    risks = [one["risk_score"] for one in week["items"]]
    assert risks == sorted(risks, reverse=True)
    assert week["ranked"] == len(week["items"]) > 0
    for one in week["items"]:
        student = scored.store.resolve_student(one["student_id"])
        rows = scored.store.weekly_risks([student], AT).iter_rows()
        assert one["worklist_band"] == worklist_band([WeeklyScore(r, b) for _, r, b in rows])


def test_capacity_moves_nobodys_band_and_changes_no_order(scored) -> None:
    assert worklist(scored, capacity=3)["items"] == worklist(scored, capacity=500)["items"][:3]


def test_a_teachers_list_is_of_the_own_students_alone(scored) -> None:
    every = {one["student_id"]: one for one in worklist(scored, capacity=500)["items"]}
    own = worklist(scored, "T00001", capacity=500)
    assert 0 < own["students"] < len(every)
    assert all(every[one["student_id"]] == one for one in own["items"])
    assert worklist(scored, "D002", capacity=1)["items"][0]["last_name"] is None


def test_who_has_an_open_plan_comes_last_and_keeps_the_band(scored) -> None:
    """The gap first: high need, and nobody has acted yet."""
    before = worklist(scored, capacity=500)["items"]
    plan = {
        "student_id": before[0]["student_id"],
        "title": "Check-in",
        "provider": "the counselor",
        "begins_on": f"{AT:%Y-%m-%d}",
    }
    made = scored.client.post(f"{PREFIX}/interventions", json=plan, headers=scored.as_())
    assert made.status_code < 300, made.text
    after = worklist(scored, capacity=500)["items"]
    assert [one["student_id"] for one in after[:-1]] == [one["student_id"] for one in before[1:]]
    assert after[-1] == before[0] | {"open_plan": True}


def test_a_strength_is_a_fact_better_than_typical(scored) -> None:
    found = []
    for one in worklist(scored, capacity=500)["items"]:
        path = f"{PREFIX}/students/{one['student_id']}/timeline"
        told = scored.client.get(path, params={"limit": 1}, headers=scored.as_()).json()
        assert all(strength in told["facts"] for strength in told["strengths"])
        found += told["strengths"]
    assert found
    assert all(strength["typical"] is not None for strength in found)
