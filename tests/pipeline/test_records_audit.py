"""The benchmark of the audit on a few districts: a bias that is there is found, none is made up."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from edupulse.simulator import DistrictPlan

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "records_audit.py"
PLAN = DistrictPlan(students=2000, group_hardship=0.0, truth_pairs=0)
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("records_audit", BENCHMARK)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_referrals_recorded_half_as_often_again_are_found(benchmark: ModuleType) -> None:
    plans = [replace(PLAN, seed=seed, referral_bias=1.5) for seed in SEEDS]
    found = [one.group for plan in plans for one in benchmark.audited(plan).found]
    assert found.count("black") >= 2


@pytest.mark.slow
def test_groups_recorded_alike_are_not_accused(benchmark: ModuleType) -> None:
    plans = [replace(PLAN, seed=seed) for seed in SEEDS]
    audits = [benchmark.audited(plan) for plan in plans]
    assert sum(bool(audit.found) for audit in audits) <= 1
    ratios = [one for audit in audits for one in audit.ratios if one.group == "black"]
    assert all(0.75 < one.ratio.value < 1.33 for one in ratios)
