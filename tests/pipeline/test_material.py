"""As-of days: their instants end them, and lead back to them, wherever the schools are."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from edupulse.panel.windows import utc
from edupulse.pipeline.material import days_of, instants_of
from panel.districts import District, end

WINTER, SUMMER = date(2025, 1, 15), date(2025, 7, 15)
ZONES = ("Pacific/Honolulu", "America/New_York", "UTC", "Asia/Kolkata", "Pacific/Auckland")


@pytest.mark.parametrize("zone", ZONES)
def test_an_as_of_instant_leads_back_to_its_day(zone):
    known = District().school(timezone=zone).known(end("2026-01-01"), [])
    instants = np.array([utc(one) for one in instants_of(known, [WINTER, SUMMER])])
    assert days_of(instants).tolist() == [WINTER, SUMMER]
