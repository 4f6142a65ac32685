from __future__ import annotations

import json

import numpy as np
import pytest

from edupulse.risk.bands import DEFAULT_POLICY, Policy
from edupulse.school.errors import BadInput


@pytest.mark.parametrize(
    ("risk", "band"),
    [
        (0, "low"),
        (0.0999, "low"),
        (0.1, "medium"),
        (0.3, "high"),
        (0.6, "critical"),
        (1, "critical"),
    ],
)
def test_a_band_begins_at_its_limit(risk, band):
    assert DEFAULT_POLICY.bands(risk) == (band,)


@pytest.mark.parametrize("risk", [np.nan, -0.01, 1.01])
def test_what_is_no_probability_has_no_band(risk):
    with pytest.raises(BadInput):
        DEFAULT_POLICY.bands([0.5, risk])


def test_a_policy_comes_back_from_json():
    assert Policy.from_json(json.loads(json.dumps(DEFAULT_POLICY.to_json()))) == DEFAULT_POLICY


def test_limits_that_do_not_rise_are_refused():
    with pytest.raises(BadInput):
        Policy("x", 0.3, 0.3, 0.6)


def test_another_object_is_no_policy():
    with pytest.raises(BadInput):
        Policy.from_json({"version": "1"})
