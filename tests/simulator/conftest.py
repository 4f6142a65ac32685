"""Small districts that several tests look at."""

from __future__ import annotations

import pytest

from edupulse.simulator import District, DistrictPlan, district


@pytest.fixture(scope="session")
def small() -> District:
    """Six schools, two years, 240 students: every kind of record and every peculiarity."""
    return district(
        DistrictPlan(students=240, years=2, schools=6, missingness=0.6, truth_pairs=0, seed=4)
    )
