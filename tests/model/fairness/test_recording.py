"""Rate ratios are statsmodels'; biased recording is found, and equal recording is not accused."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
import statsmodels.api as sm

from edupulse.model.fairness.groups import Grouping
from edupulse.model.fairness.recording import Referrals, audit_records, fit_ratio
from edupulse.school.errors import BadInput


def records(seed, sizes=(500, 200), bias=1.0, strata=4, years=2, spread=0.9, rate=0.008):
    """Students with a lasting conduct of their own; the second group is recorded `bias` times."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    conduct = rng.lognormal(-(spread**2) / 2, spread, code.size)
    school = rng.integers(0, strata, code.size)
    rows = [
        (np.arange(code.size), school * years + year, code, rng.integers(40, 175, code.size))
        for year in range(years)
    ]
    student, stratum, group, days = (np.concatenate(part) for part in zip(*rows, strict=True))
    by_stratum = rng.lognormal(0.0, 0.3, strata * years)[stratum]
    expected = rate * days * by_stratum * conduct[student] * np.where(group == 1, bias, 1.0)
    labels = tuple("abcdef"[: len(sizes)])
    return Referrals(student, stratum, rng.poisson(expected), days), Grouping(
        "letter", labels, group.astype(np.int32)
    )


def test_the_ratio_and_its_error_agree_with_statsmodels():
    referrals, groups = records(1, bias=1.4)
    fit = fit_ratio(referrals, groups.code == 1)
    design = np.column_stack(
        (groups.code == 1, *(referrals.stratum == stratum for stratum in range(8)))
    )
    model = sm.GLM(
        referrals.count,
        design.astype(float),
        family=sm.families.Poisson(),
        exposure=referrals.days,
    )
    by_student = {"groups": referrals.student, "use_correction": False}
    theirs = model.fit(cov_type="cluster", cov_kwds=by_student)
    assert fit.log_ratio == pytest.approx(theirs.params[0], abs=1e-6)
    assert fit.clustered == pytest.approx(theirs.bse[0], rel=1e-4)
    assert fit.clustered < fit.error < 1.05 * fit.clustered


def test_without_strata_it_is_the_plain_ratio_of_rates():
    referrals, groups = records(2, strata=1, years=1)
    ours = groups.code == 1
    rates = [referrals.count[side].sum() / referrals.days[side].sum() for side in (ours, ~ours)]
    assert exp(fit_ratio(referrals, ours).log_ratio) == pytest.approx(rates[0] / rates[1])


def test_a_school_that_refers_more_is_no_difference_between_groups():
    rng = np.random.default_rng(3)
    school = rng.integers(0, 2, 1200)
    code = (rng.random(1200) < np.where(school == 1, 0.7, 0.2)).astype(np.int32)
    days = np.full(1200, 170)
    count = rng.poisson(np.where(school == 1, 0.03, 0.005) * days)
    referrals = Referrals(np.arange(1200), school, count, days)
    crude = Referrals(np.arange(1200), np.zeros(1200, int), count, days)
    assert fit_ratio(crude, code == 1).log_ratio > log(1.5)
    assert abs(fit_ratio(referrals, code == 1).log_ratio) < 0.1


def test_recording_half_as_often_again_is_found():
    found = [audit_records(*_one(records(seed, (1200, 400), 1.5))) for seed in range(20)]
    assert sum(audit.ratios[0].verdict == "more" for audit in found) >= 18
    ratios = [log(audit.ratios[0].ratio.value) for audit in found]
    assert exp(np.mean(ratios)) == pytest.approx(1.5, rel=0.05)


def test_equal_recording_is_accused_no_more_often_than_stated():
    """Three groups, one of 40 students; each interval misses the truth once in twenty."""
    audits = [audit_records(*_one(records(seed, (400, 150, 40)))) for seed in range(300)]
    assert sum(bool(audit.found) for audit in audits) <= 9  # 3 expected at 1 %
    misses = sum(
        not one.ratio.low <= 1.0 <= one.ratio.high
        for audit in audits
        for one in audit.ratios
        if one.ratio
    )
    assert 12 <= misses <= 50  # 30 expected of 600


def test_many_students_recorded_alike_are_called_alike():
    (ratio,) = audit_records(*_one(records(5, (6000, 3000)))).ratios
    assert ratio.verdict == "alike"
    assert 1.0 < ratio.detectable < 1.25


def test_few_students_or_few_referrals_say_unknown():
    few_students = audit_records(*_one(records(6, (500, 29)))).ratios[0]
    few_referrals = audit_records(*_one(records(6, (500, 40), rate=0.0002))).ratios[0]
    wide = audit_records(*_one(records(6, (120, 40)))).ratios[0]
    assert {one.verdict for one in (few_students, few_referrals, wide)} == {"unknown"}
    assert "30 are needed" in few_students.reason
    assert "referrals expected" in few_referrals.reason
    assert "would have been found 4 times in 5" in wide.reason
    assert few_students.ratio is None
    assert wide.detectable > 1.5


def test_what_is_said_to_be_detectable_is_detected_four_times_in_five():
    fair = [audit_records(*_one(records(seed, (600, 300)))).ratios[0] for seed in range(40)]
    ratio = exp(np.mean([log(one.detectable) for one in fair]))
    found = [
        audit_records(*_one(records(seed, (600, 300), bias=ratio))).ratios[0].verdict == "more"
        for seed in range(150)
    ]
    assert 0.68 <= np.mean(found) <= 0.90


def test_the_largest_group_is_the_reference_and_unknown_groups_do_not_count():
    referrals, groups = records(7, (100, 300, 80))
    code = np.where(referrals.student % 2 == 0, -1, groups.code).astype(np.int32)
    audit = audit_records(referrals, [Grouping("letter", groups.labels, code)])
    assert [(one.group, one.reference) for one in audit.ratios] == [("a", "b"), ("c", "b")]
    assert [one.students for one in audit.ratios] == [50, 40]
    assert audit.students == 480


def test_a_group_apart_from_all_others_has_no_ratio():
    referrals, groups = records(8)
    apart = Referrals(
        referrals.student,
        np.where(groups.code == 1, 8, referrals.stratum),
        referrals.count,
        referrals.days,
    )
    assert fit_ratio(apart, groups.code == 1) is None
    assert audit_records(apart, [groups]).ratios[0].verdict == "unknown"


def test_a_row_without_a_day_is_refused():
    with pytest.raises(BadInput, match="no day"):
        Referrals(np.zeros(1, int), np.zeros(1, int), np.zeros(1, int), np.zeros(1, int))


def _one(made):
    referrals, groups = made
    return referrals, [groups]
