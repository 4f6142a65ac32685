"""A report holds groups, intersections, parts and proxies of the rows with a known outcome."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edupulse.model.card_fairness import fairness_section
from edupulse.model.evaluation import Evaluation, Prediction, evaluate
from edupulse.model.fairness.groups import grouping
from edupulse.model.fairness.report import fairness, latest_rows
from model.planted_rows import planted_labels, random_rows


@pytest.fixture(scope="module")
def report():
    """A feature tells the letter, and the risk of letter b is told too low."""
    rows = random_rows(2400, seed=4)
    labels = planted_labels(rows)
    letter = np.where(rows.student % 3 == 0, "b", "a")
    number = np.where(rows.student % 5 < 2, "1", np.where(rows.student % 5 < 4, "2", ""))
    rows.values[:, -1, 5] = np.where(letter == "b", 3.0, -3.0) + rows.values[:, -1, 6]
    known = rows.student % 11 > 0
    return fairness(
        "planted",
        np.where(letter == "b", labels.truth * 0.5, labels.truth),
        rows,
        replace(labels, known=known),
        attributes=[grouping("letter", letter), grouping("number", number)],
        places=[grouping("school", rows.school.astype(str))],
        replicates=60,
    ), int(known.sum())


def test_every_group_is_there_alone_and_attributes_are_crossed(report):
    found, known = report
    named = {(one.grouping, one.group): one for one in found.groups}
    assert set(named) == {
        *(("letter", label) for label in "ab"),
        *(("number", label) for label in "12"),
        *(("school", label) for label in "0123"),
    }
    assert named["letter", "a"].rows + named["letter", "b"].rows == known
    assert {one.group for one in found.intersections} == {"a × 1", "a × 2", "b × 1", "b × 2"}


def test_the_planted_gap_is_found_and_no_other(report):
    found, _ = report
    gaps = {(one.group, rate) for one, rate in found.gaps_found}
    assert ("b", "false_negative_rate") in gaps
    assert ("b", "mean_error") in gaps
    assert not {one.grouping for one, _ in found.gaps_found} & {"number", "school"}


def test_parts_and_proxies_are_of_the_attributes_alone(report):
    found, _ = report
    assert {one.grouping for one in found.decompositions} == {"letter", "number"}
    proxies = {one.group: one.auroc for one in found.proxies}
    assert set(proxies) == {"b", "2"}
    assert proxies["b"].low > 0.8
    assert proxies["2"].value < 0.6


def test_it_is_stored_with_the_evaluation(report):
    found, _ = report
    rows = random_rows(200)
    labels = planted_labels(rows)
    plain = evaluate([Prediction("one", labels.truth, labels.truth)], rows, labels, replicates=5)
    whole = replace(plain, fairness=found)
    assert Evaluation.from_json(whole.to_json()).fairness == found
    assert Evaluation.from_json(plain.to_json()).fairness is None


def test_the_latest_row_of_each_student_is_probed():
    rows = replace(
        random_rows(5),
        student=np.array([7, 3, 7, 3, 7]),
        as_of=np.array([1, 5, 9, 2, 4]),
    )
    assert latest_rows(rows).tolist() == [1, 2]


def test_the_card_tells_every_group_with_its_verdicts(report):
    found, _ = report
    text = "\n".join(fairness_section(found))
    letter = next(one for one in found.groups if one.group == "b")
    missed = letter.figures["false_negative_rate"]
    assert f"{missed.value:.3f} ({missed.low:.3f}–{missed.high:.3f}) higher" in text
    assert all(f"{one.grouping}: {one.group}" in text for one in found.groups)
    assert "between schools" in text
    assert "No group was on record" in "\n".join(fairness_section(None))
