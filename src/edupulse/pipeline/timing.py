"""How far off an outcome was on each as-of day, in instructional days of the row's own school."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt

from edupulse.model.leads import Timing
from edupulse.panel.horizon import known_calendar, local_days
from edupulse.panel.windows import Times
from edupulse.pipeline.material import Material
from edupulse.store.store import Store


def timing_of(store: Store, rows: Material, now: datetime) -> Timing:
    """When the outcome of each row came, counted by the calendars known at `now`."""
    known = store.known(np.zeros(0, np.int32), now)
    calendar = known_calendar(known)
    place = calendar.row(rows.windows.school)
    begins = local_days(known, rows.windows.school, rows.windows.as_of)

    def days_until(at: npt.NDArray[np.integer], days: Times) -> npt.NDArray[np.integer]:
        upto = calendar.count_through(place[at], days.astype("datetime64[D]").astype(np.int32))
        return np.asarray(upto - calendar.count_through(place[at], begins[at]))

    return Timing(rows.outcomes.came_on, days_until)
