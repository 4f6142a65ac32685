"""The whole way by the real commands: records in, a trained network, a ranked list out."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edupulse.model.track_record import TrackRecord
from journeys.conftest import Journey

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("spine")]

AS_OF = ("--as-of", "2026-02-02")


def scored(trained: Journey, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(trained.must("score", *words, "--format", "json"))
    return found


def test_the_same_folder_twice_changes_nothing(journey: Journey) -> None:
    assert "Nothing was new" in journey.must("import", str(journey.folder))


def test_before_any_training_rules_speak_and_say_so(trained: Journey) -> None:
    before = json.loads((trained.home / "rules.json").read_text())
    assert before["method"] == "abc_rules"
    assert "No checkpoint was trained yet" in before["because"]
    assert all("risk_score" not in risk for risk in before["risks"])
    assert any(risk["indicators"] for risk in before["risks"])


def test_a_training_leaves_a_card_and_an_evaluation_with_its_bound(trained: Journey) -> None:
    card = next((trained.home / "checkpoints").glob("sha256-*/card.md")).read_text()
    assert "says nothing about real" in card
    printed = trained.must("evaluate", "--stored")
    assert "gru_attention" in printed
    assert "boosting_20_weeks" in printed
    assert "latent_bound" in printed
    assert "The checklist gate" in printed
    assert "Fairness of gru_attention" in printed
    assert "Proxies" in printed
    assert "race_ethnicity: black" in card


def test_the_records_are_audited_with_their_assumption(trained: Journey) -> None:
    audit = json.loads(trained.must("audit-records", "--json"))
    assert audit["referrals"] > 0
    assert {one["verdict"] for one in audit["ratios"]} <= {"more", "less", "alike", "unknown"}
    assert "only if both groups behave alike" in audit["assumption"]
    assert "behave alike at school" in " ".join(trained.must("audit-records").split())


def test_an_evaluation_anew_agrees_with_the_stored_one(trained: Journey) -> None:
    printed = trained.must("evaluate")
    assert "Leaks: none was found" in printed
    assert "Schools never seen were left out: 2 folds of schools need as many" in printed
    folder = next(trained.home.glob("evaluations/*"))
    record = TrackRecord.from_json((folder / "evaluation.json").read_text())
    assert all(canary.sang for canary in record.canaries)
    assert "gru_last_week" in record.evaluation.methods
    assert "Three pictures" in (folder / "report.html").read_text()
    path = next(trained.home.glob("checkpoints/*/evaluation.json"))
    stored = json.loads(path.read_text())
    anew = json.loads(record.evaluation.to_json())
    values = [
        {
            (line["method"], name): found["value"]
            for line in evaluation["results"]
            if line["population"] == "everyone"
            for name, found in line["metrics"].items()
        }
        for evaluation in (stored, anew)
    ]
    assert values[0] == pytest.approx(values[1], abs=2e-3)


def test_the_list_is_ranked_or_ruled_and_explains_its_first(trained: Journey) -> None:
    listed = scored(trained, *AS_OF, "--top", "5")
    assert len(listed["risks"]) == 5
    if listed["method"] == "gru_attention":
        risks = [risk["risk_score"] for risk in listed["risks"]]
        assert risks == sorted(risks, reverse=True)
        assert all(0 < len(risk["factors"]) <= 5 for risk in listed["risks"])
        assert all("cause" not in factor["text"] for factor in listed["risks"][0]["factors"])
    else:
        assert listed["because"]


def test_the_first_of_the_list_has_a_page_that_says_the_same(trained: Journey) -> None:
    (listed,) = scored(trained, *AS_OF, "--top", "1")["risks"]
    page = trained.must("explain", listed["local_id"], *AS_OF)
    told = json.loads(trained.must("explain", listed["student_id"], *AS_OF, "--json"))
    assert page.index("Facts") < page.index("Score" if told["risk"] else "No score")
    if told["risk"]:
        assert told["risk"]["risk_score"] == pytest.approx(listed["risk_score"], abs=1e-6)
        assert told["risk"]["factors"] == listed["factors"]
        assert told["risk"]["stretches"]
    else:
        assert told["rules"]["indicators"] == listed["indicators"]


def test_scoring_twice_stores_one_answer(trained: Journey) -> None:
    trained.must("score", "--as-of", "2026-02-03")
    assert "0 answers stored" in trained.must("score", "--as-of", "2026-02-03")


def test_out_of_season_there_are_facts_and_no_score(trained: Journey) -> None:
    listed = scored(trained, "--as-of", "2026-05-20", "--top", "10000")
    assert {risk["state"] for risk in listed["risks"]} <= {"out_of_season", "insufficient_data"}
    assert all(risk.get("risk_score") is None for risk in listed["risks"])


def test_csv_has_a_row_for_each_student_of_the_school(trained: Journey) -> None:
    schools = (trained.folder / "schools.csv").read_text()
    school = next(csv.DictReader(io.StringIO(schools)))["school_id"]
    text = trained.must("score", *AS_OF, "--school", school, "--top", "10000", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) > 50
    assert [int(row["rank"]) for row in rows] == list(range(1, len(rows) + 1))


def test_features_of_a_student_are_shown(trained: Journey) -> None:
    student = scored(trained, *AS_OF, "--top", "1")["risks"][0]["local_id"]
    assert "absence_rate_ytd" in trained.must("features", student, *AS_OF)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("score", "--as-of", "yesterday"), "is no date"),
        (("score", "--as-of", "2031-01-01"), "Nobody was enrolled"),
        (("score", "--as-of", "9999-12-31"), "too far away"),
        (("score", "--school", "no-such-school"), "school"),
        (("features", "no-such-student"), "no such student"),
        (("evaluate", "sha256:0000"), "checkpoint"),
        (("import", "/nowhere/at/all"), "nowhere"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(
    journey: Journey, words: tuple[str, ...], said: str
) -> None:
    done = journey.run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "What to do" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_checkpoint_is_an_error_and_never_a_score(
    trained: Journey, tmp_path: Path
) -> None:
    checkpoints = trained.home / "checkpoints"
    aside = tmp_path / "aside"
    shutil.copytree(checkpoints, aside)
    serves = scored(trained, *AS_OF, "--top", "1")["method"] == "gru_attention"
    try:
        for network in checkpoints.glob("sha256-*/network.onnx"):
            network.write_bytes(b"no network")
        for words in (("evaluate", "--stored"), *([("score", *AS_OF)] if serves else [])):
            done = trained.run(*words)
            assert done.returncode == 2
            assert done.stdout == ""
            assert "damaged" in done.stderr
    finally:
        shutil.rmtree(checkpoints)
        shutil.copytree(aside, checkpoints)
