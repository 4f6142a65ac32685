from __future__ import annotations

import numpy as np
import pytest

from edupulse.panel.windows import Windows, concat
from edupulse.school.errors import BadInput
from panel.random_windows import random_windows


def test_rows_can_be_taken_and_put_together_again():
    windows = random_windows(6)
    again = concat([windows.take([0, 1]), windows.take(np.arange(6) >= 2)])
    np.testing.assert_array_equal(again.values, windows.values)
    np.testing.assert_array_equal(again.cohort.student, windows.student)


def test_arrays_of_different_lengths_are_refused():
    windows = random_windows(3)
    with pytest.raises(BadInput, match="student"):
        Windows(**{**vars(windows), "student": windows.student[:2]})


def test_nothing_cannot_be_put_together():
    with pytest.raises(BadInput):
        concat([])
