from __future__ import annotations

import numpy as np

from edupulse.features.catalog import INDEX
from edupulse.panel.panel import panel_of
from edupulse.panel.windows import concat
from panel.districts import YEAR_BEGINS, YEAR_ENDS, District, end, weekdays


def district() -> District:
    full = District().school().year().term(YEAR_BEGINS, YEAR_ENDS)
    return full.enroll(1).enroll(2, "2024-11-04").absent(*weekdays("2024-11-11", "2024-11-15"))


def test_a_panel_has_one_window_a_student_in_the_order_asked_for():
    panel = panel_of(district().known(end("2024-11-15"), (2, 1)))
    assert panel.student.tolist() == [2, 1]
    assert panel.windows.held.sum(1).tolist() == [2, 11]
    assert panel.windows.values[1, -1, INDEX["attendance_rate_w"]] == 0
    assert panel.enrolled_days.tolist() == [10, 55]


def test_a_newcomer_of_ten_days_is_not_scored_yet():
    panel = panel_of(district().known(end("2024-11-15"), (1, 2)))
    assert panel.states() == ("scored", "insufficient_data")
    assert panel_of(district().known(end("2024-11-22"), (1, 2))).states() == ("scored", "scored")


def test_in_may_it_is_out_of_season():
    assert panel_of(district().known(end("2025-05-01"))).states() == ("out_of_season",)


def test_windows_of_several_instants_lie_under_each_other():
    panels = [panel_of(district().known(end(day))) for day in ("2024-11-01", "2024-12-02")]
    windows = concat(panel.windows for panel in panels)
    assert len(windows) == 2
    assert windows.as_of[0] < windows.as_of[1]
    np.testing.assert_array_equal(windows.take([1]).values, panels[1].windows.values)


def test_rows_of_a_panel_can_be_taken():
    panel = panel_of(district().known(end("2024-11-15"), (1, 2)))
    assert panel.take([1]).student.tolist() == [2]
    assert panel.take([1]).states() == ("insufficient_data",)
