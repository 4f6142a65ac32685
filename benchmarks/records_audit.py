"""Does the audit of the records find a bias in recording, and does it accuse where there is none?

`python benchmarks/records_audit.py --districts 200` simulates districts twice, with the same seeds:
once with one group's referrals recorded 1.5 times as often, once without. In both, the groups are
drawn by lot, so that they are alike in everything that a student does; schools, grade levels,
moves, absences, exclusions, late entries, overturned incidents and merged numbers are those of the
full simulator, day by day. A referral has its consequences there, and an exclusion weighs on who is
excluded, so that the bias itself makes the conduct of its group a little worse. Only the files that
the audit does not read (marks, grades, staff, guardians) are not written, and the records go from
the frames of the files into the store's form without a database between. The audit is the one of
`edupulse audit-records`, run over all the attributes on record, and a false alarm is any group of
any of them that is said to be referred more, or less.

`--peer` fits one ratio of one district beside the Poisson regression of statsmodels (an indicator
for each stratum, errors clustered by student), and prints both and the seconds that they take.

`--sizes` draws groups of 15 to 400 students by lot from districts without a bias, beside 1,100
others, and prints how often they are called, by our errors and by those clustered by student.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # on a busy machine more threads are slower

import argparse
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from math import erfc, sqrt
from multiprocessing import get_context

import numpy as np
import polars as pl

from edupulse.cli.console import progress
from edupulse.model.fairness.recording import (
    MARGIN,
    SIGNIFICANCE,
    Fit,
    RecordsAudit,
    Referrals,
    fit_ratio,
)
from edupulse.pipeline.auditing import audit_rows
from edupulse.pipeline.referrals import referral_rows, referrals_of
from edupulse.pipeline.subgroups import attribute_labels
from edupulse.risk.activation import wilson
from edupulse.school.fields import INSTANT, Milli, Ref
from edupulse.school.kind import Always, Kind
from edupulse.school.knowledge import READ_KINDS, History, Known, with_known_until
from edupulse.school.records import ALWAYS
from edupulse.simulator import DistrictPlan, district

FILES = ("student_ids", "demographics", "enrollments", "attendance", "incidents", "exclusions")
BIASED = "black"
AS_OF = datetime(2026, 8, 1, tzinfo=UTC)

Frames = dict[str, pl.DataFrame]


def main() -> None:
    """Simulate, audit, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--districts", type=int, default=200)
    parser.add_argument("--students", type=int, default=2000, help="enrolled at a time")
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--bias", type=float, default=1.5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--peer", action="store_true", help="beside statsmodels, one district")
    parser.add_argument("--sizes", action="store_true", help="how often small groups are called")
    chosen = parser.parse_args()
    plan = DistrictPlan(
        students=chosen.students, years=chosen.years, group_hardship=0.0, truth_pairs=0
    )
    if chosen.sizes:
        called_by_lot(plan, chosen.districts)
        return
    if chosen.peer:
        beside_statsmodels(replace(plan, referral_bias=chosen.bias))
        return
    print(
        f"{chosen.districts} districts of {chosen.students:,} students at a time and {chosen.years}"
        f" school years; a false call in at most {SIGNIFICANCE:.0%} of the audits is aimed at"
    )
    begun = time.perf_counter()
    biased = audits(replace(plan, referral_bias=chosen.bias), chosen.districts, chosen.workers)
    fair = audits(plan, chosen.districts, chosen.workers)
    print(f"\nrecorded {chosen.bias:g} times as often: {BIASED} students")
    _found(biased)
    print("\nrecorded alike")
    _found(fair)
    alarms = sum(bool(audit.found) for audit in fair)
    print(f"  false alarms, any group: {_share(alarms, len(fair))}")
    _others(fair)
    print(f"\n{time.perf_counter() - begun:.0f} s")


def audits(plan: DistrictPlan, count: int, workers: int = 1) -> list[RecordsAudit]:
    """The audits of `count` districts that differ in their seed alone."""
    plans = [replace(plan, seed=seed) for seed in range(1, count + 1)]
    what = f"Districts, bias {plan.referral_bias:g}"
    alone = get_context("spawn")  # a forked Polars may wait for threads that are not there
    with ProcessPoolExecutor(workers, mp_context=alone) as pool, progress() as told:
        found = []
        for audit in pool.map(audited, plans):
            found.append(audit)
            told(what, len(found) / count)
    return found


def audited(plan: DistrictPlan) -> RecordsAudit:
    """The audit of one simulated district."""
    frames = district(plan, only=FILES).frames
    known, keys = known_of(frames)
    on_record = frames["demographics"].with_columns(student=_key(pl.col("student_id"), keys))
    return audit_rows(referral_rows(known), on_record)


def beside_statsmodels(plan: DistrictPlan) -> None:
    """The same ratio by both, and how long each takes."""
    import statsmodels.api as sm

    frames = district(plan, only=FILES).frames
    known, keys = known_of(frames)
    rows = referral_rows(known)
    on_record = frames["demographics"].with_columns(student=_key(pl.col("student_id"), keys))
    group = attribute_labels(on_record, rows["student"].to_numpy())["race_ethnicity"]
    rows = rows.filter(pl.Series(np.isin(group, (BIASED, "white"))))
    referrals, ours = referrals_of(rows), group[np.isin(group, (BIASED, "white"))] == BIASED
    begun = time.perf_counter()
    fit = fit_ratio(referrals, ours)
    seconds = time.perf_counter() - begun
    assert fit
    begun = time.perf_counter()
    strata = np.unique(referrals.stratum, return_inverse=True)[1]
    design = np.column_stack((ours, np.eye(strata.max() + 1)[strata]))
    poisson = sm.families.Poisson()
    model = sm.GLM(referrals.count, design, family=poisson, exposure=referrals.days)
    theirs = model.fit(cov_type="cluster", cov_kwds={"groups": referrals.student})
    peer = time.perf_counter() - begun
    print(f"{len(referrals):,} rows in {design.shape[1] - 1:,} strata")
    print(f"ours: {np.exp(fit.log_ratio):.4f}, error {fit.error:.5f}, {seconds:.3f} s")
    ratio, error = np.exp(theirs.params[0]), theirs.bse[0]
    print(f"statsmodels: {ratio:.4f}, error {error:.5f}, {peer:.3f} s, {peer / seconds:.0f} x")
    print(f"its design matrix alone: {design.nbytes / 2**20:,.0f} MiB")


def called_by_lot(plan: DistrictPlan, count: int, draws: int = 4000) -> None:
    """How often a group drawn by lot is called at 5, 1 and 0.1 %."""
    made = []
    with progress() as told:
        for seed in range(1, count + 1):
            known, _ = known_of(district(replace(plan, seed=seed), only=FILES).frames)
            made.append(referrals_of(referral_rows(known)))
            told("Districts", seed / count)
    rng = np.random.default_rng(0)
    for size in (15, 30, 100, 400):
        fits = [_by_lot(made[number % count], size, rng) for number in range(draws)]
        found = [fit for fit in fits if fit]
        ours = np.array([fit.p for fit in found])
        clustered = np.array([erfc(abs(f.log_ratio) / f.clustered / sqrt(2)) for f in found])
        said = (
            f"{level:g}: {(ours < level).mean():.2%} (clustered {(clustered < level).mean():.2%})"
            for level in (0.05, 0.01, 0.001)
        )
        print(f"{size} students by lot, {len(found):,} draws, called at " + ", ".join(said))


def _by_lot(referrals: Referrals, size: int, rng: np.random.Generator) -> Fit | None:
    students = rng.permutation(np.unique(referrals.student))
    rows = np.isin(referrals.student, students[: size + 1_100])
    group = np.isin(referrals.student[rows], students[:size])
    return fit_ratio(
        Referrals(
            referrals.student[rows],
            referrals.stratum[rows],
            referrals.count[rows],
            referrals.days[rows],
        ),
        group,
    )


def known_of(frames: Frames, as_of: datetime = AS_OF) -> tuple[Known, dict[str, int]]:
    """What a store would know of these files at `as_of`, and the key of each student's number."""
    numbers = [frames["demographics"]["student_id"], frames["student_ids"]["old_student_id"]]
    keys = _numbered(pl.concat(numbers))
    schools = _numbered(frames["schools"]["school_id"])
    by_kind = {"student": keys, "school": schools}
    versions = {
        kind.name: _versions(kind, frames[kind.name], by_kind)
        for kind in READ_KINDS
        if kind.name in frames and "section_id" not in frames[kind.name].columns
    }
    return History(list(keys.values()), versions).at(as_of), keys


def _versions(kind: Kind, rows: pl.DataFrame, keys: dict[str, dict[str, int]]) -> pl.DataFrame:
    columns = []
    for field in kind.fields:
        value = pl.col(field.name) if field.name in rows.columns else pl.lit(None)
        if isinstance(field.type, Ref):
            value = _key(value, keys[field.type.noun])
        elif isinstance(field.type, Milli):
            value = (value * 1_000).round()
        value = value.fill_null(field.default) if field.default is not None else value
        columns.append(value.cast(kind.schema[field.column]).alias(field.column))
    since = pl.lit(ALWAYS)
    if "known_at" in rows.columns and not isinstance(kind.known, Always):
        since = pl.col("known_at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    retracted = pl.col("retracted") if "retracted" in rows.columns else pl.lit(False)
    return with_known_until(
        kind, rows.select(*columns, known_from=since.cast(INSTANT), retracted=retracted)
    )


def _numbered(names: pl.Series) -> dict[str, int]:
    return {name: number for number, name in enumerate(names.unique().sort().to_list())}


def _key(value: pl.Expr, keys: dict[str, int]) -> pl.Expr:
    return value.replace_strict(keys, default=None, return_dtype=pl.Int32)


def _found(made: list[RecordsAudit]) -> None:
    ours = [one for audit in made for one in audit.ratios if one.group == BIASED]
    ratios = np.array([one.ratio.value for one in ours if one.ratio])
    called = sum(one.verdict == "more" for one in ours)
    print(f"  {BIASED} students said to be referred more often: {_share(called, len(made))}")
    print(f"  their adjusted ratio: {ratios.mean():.2f} ({ratios.min():.2f} to {ratios.max():.2f})")
    detectable = np.mean([one.detectable for one in ours if one.detectable])
    print(f"  smallest ratio that would be found 4 times in 5: {detectable:.2f}")
    words = {word: sum(one.verdict == word for one in ours) for word in _WORDS}
    print("  verdicts: " + ", ".join(f"{word} {count}" for word, count in words.items()))


_WORDS = ("more", "less", "alike", "unknown")


def _others(fair: Iterable[RecordsAudit]) -> None:
    every = [one for audit in fair for one in audit.ratios]
    for name in dict.fromkeys((one.grouping, one.group) for one in every):
        ours = [one for one in every if (one.grouping, one.group) == name]
        held = [one.ratio.low <= 1.0 <= one.ratio.high for one in ours if one.ratio]
        words = ", ".join(f"{w} {sum(one.verdict == w for one in ours)}" for w in _WORDS)
        share = f"{np.mean(held):.1%}" if held else "none"
        print(f"  {': '.join(name):32} {words}; 95 % intervals that hold 1: {share}")
    print(f"  (alike: the interval lies within 1/{MARGIN:g} to {MARGIN:g})")


def _share(part: int, whole: int) -> str:
    sure = wilson(part / whole, whole)
    return f"{part} of {whole} ({sure.low:.1%} to {sure.high:.1%})"


if __name__ == "__main__":
    main()
