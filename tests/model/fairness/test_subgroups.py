"""Gaps that are there are found, gaps that are not are not called, and few students say so."""

from __future__ import annotations

import numpy as np
import pytest

from edupulse.model.fairness.groups import Grouping, crossed, grouping
from edupulse.model.fairness.rates import Judged
from edupulse.model.fairness.subgroups import Margins, subgroups


def district(seed, sizes, weeks=4, missed_more=()):
    """Students of groups a, b, … with calibrated risks; a group in `missed_more` is told lower."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    risk = rng.beta(1.2, 3, len(code))
    off_track = rng.random((weeks, len(code))) < risk
    said = np.where(np.isin(code, missed_more), risk * 0.6, risk)
    student = np.tile(np.arange(len(code)), weeks)
    labels = tuple("abcdefgh"[: len(sizes)])
    judged = Judged(np.tile(said, weeks), off_track.ravel(), student)
    return judged, Grouping("letter", labels, np.tile(code, weeks))


def called(judged, groups):
    found = subgroups(judged, [groups], replicates=100)
    return {one.group: one.gaps["false_negative_rate"].verdict for one in found}


def test_the_figures_are_the_plain_rates():
    judged, groups = district(1, (300, 200))
    one = subgroups(judged, [groups], replicates=50)[1]
    rows = groups.code == 1
    late = judged.off_track & rows
    on_track = ~judged.off_track & rows
    missed = (judged.risk < 0.3)[late].mean()
    assert (one.grouping, one.group, one.rows, one.students) == ("letter", "b", 800, 200)
    assert one.figures["base_rate"].value == pytest.approx(judged.off_track[rows].mean())
    assert one.figures["false_negative_rate"].value == pytest.approx(missed)
    assert one.figures["false_positive_rate"].value == pytest.approx(
        (judged.risk >= 0.3)[on_track].mean()
    )
    assert one.figures["mean_error"].value == pytest.approx(
        (judged.risk - judged.off_track)[rows].mean(), abs=1e-5
    )
    others = (judged.risk < 0.3)[judged.off_track & ~rows].mean()
    assert one.gaps["false_negative_rate"].estimate.value == pytest.approx(missed - others)


def test_intervals_hold_their_value_and_shrink_with_the_students():
    spans = {}
    for size in (100, 1600):
        judged, groups = district(2, (size, size))
        for name, figure in subgroups(judged, [groups], replicates=100)[0].figures.items():
            assert figure.low <= figure.value <= figure.high
            spans.setdefault(name, []).append(figure.high - figure.low)
    assert len(spans) == 6
    for few, many in spans.values():
        assert many < few / 2.5


def test_a_group_that_is_missed_more_often_is_called():
    judged, groups = district(3, (1200, 400), missed_more=(1,))
    found = {one.group: one.gaps for one in subgroups(judged, [groups], replicates=100)}
    assert found["b"]["false_negative_rate"].verdict == "higher"
    assert found["b"]["false_positive_rate"].verdict == "lower"
    assert found["b"]["mean_error"].verdict == "lower"
    assert found["a"]["false_negative_rate"].verdict == "lower"


def test_no_gap_is_called_no_more_often_than_stated():
    alarms = sum(
        bool({"higher", "lower"} & set(called(*district(seed, (300, 150, 60), weeks=2)).values()))
        for seed in range(200)
    )
    assert alarms <= 19  # 10 are expected at 5 %; 20 or more would have a chance of 0.3 %


def test_many_students_without_a_gap_are_level_and_few_are_unknown():
    assert called(*district(5, (6000, 6000))) == {"a": "level", "b": "level"}
    assert called(*district(5, (150, 150))) == {"a": "unknown", "b": "unknown"}


def test_a_gap_smaller_than_what_matters_is_level_though_it_is_no_chance():
    judged, groups = district(6, (9000, 9000), missed_more=(1,))
    wide = Margins(false_negative_rate=0.5)
    found = subgroups(judged, [groups], margins=wide, replicates=100)
    assert {one.gaps["false_negative_rate"].verdict for one in found} == {"level"}
    assert all(one.gaps["false_negative_rate"].p < 0.001 for one in found)


def test_a_tiny_group_says_unknown_and_shows_no_child():
    judged, groups = district(7, (900, 25, 6), missed_more=(1, 2))
    found = {one.group: one for one in subgroups(judged, [groups], replicates=100)}
    assert {gap.verdict for gap in found["b"].gaps.values()} == {"unknown"}
    assert "30 are needed" in found["b"].gaps["false_negative_rate"].reason
    assert not {"auroc", "calibration_slope"} & set(found["b"].figures)
    assert found["c"].students == 6
    assert not found["c"].figures
    assert not found["c"].gaps


def test_nobody_missed_among_thirty_is_not_certainty():
    off_track = np.ones(400, dtype=bool)
    risk = np.full(400, 0.9)
    risk[32:50] = 0.1
    groups = Grouping("letter", ("a", "b"), np.repeat([0, 1], [32, 368]).astype(np.int32))
    one = subgroups(Judged(risk, off_track, np.arange(400)), [groups])[0]
    assert one.figures["false_negative_rate"].value == 0.0
    assert one.figures["false_negative_rate"].high > 0.08
    assert one.gaps["false_negative_rate"].verdict == "unknown"


def test_a_student_with_many_rows_is_still_one_student():
    judged, groups = district(8, (200, 200), weeks=1)
    once = subgroups(judged, [groups])[0].figures["false_negative_rate"]
    often = Judged(*(np.tile(column, 20) for column in vars(judged).values()))
    again = Grouping("letter", groups.labels, np.tile(groups.code, 20))
    repeated = subgroups(often, [again])[0].figures["false_negative_rate"]
    assert (repeated.low, repeated.high) == pytest.approx((once.low, once.high), abs=1e-4)


def test_rows_of_no_known_group_count_for_nobody():
    judged, groups = district(9, (300, 300))
    code = groups.code.copy()
    code[::3] = -1
    kept = code >= 0
    part = Judged(judged.risk[kept], judged.off_track[kept], judged.student[kept])
    with_unknown = subgroups(judged, [Grouping("letter", groups.labels, code)], replicates=20)
    without = subgroups(part, [Grouping("letter", groups.labels, code[kept])], replicates=20)
    for one, other in zip(with_unknown, without, strict=True):
        assert (one.rows, one.students) == (other.rows, other.students)
        for name, gap in one.gaps.items():
            assert gap.estimate.value == pytest.approx(other.gaps[name].estimate.value, abs=1e-5)


def test_intersections_are_groups_of_their_own():
    one = grouping("letter", ["a", "b", "", "a"])
    other = grouping("number", ["1", "1", "2", ""])
    (both,) = crossed([one, other])
    assert (one.labels, one.code.tolist()) == (("a", "b"), [0, 1, -1, 0])
    assert both.name == "letter × number"
    assert [both.labels[code] if code >= 0 else None for code in both.code] == [
        "a × 1",
        "b × 1",
        None,
        None,
    ]
