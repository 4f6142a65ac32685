from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edupulse.features.catalog import INDEX
from edupulse.risk.explanation import typical
from edupulse.risk.facts import FIRST_TOLD, facts_of


@pytest.fixture(scope="module")
def one(windows):
    row = int(np.flatnonzero(windows.held.all(1))[0])
    return windows.take([row])


def test_a_fact_is_the_newest_value_observed(one):
    at = INDEX["gpa_term"]
    observed, values = one.observed.copy(), one.values.copy()
    observed[0, -3:, at], observed[0, -4, at] = False, True
    values[0, -3:, at], values[0, -4, at] = np.nan, 2.25
    facts = {
        fact.feature: fact
        for fact in facts_of(replace(one, values=values, observed=observed), None, 0)
    }
    assert facts["gpa_term"].value == 2.25
    assert "(in week " in facts["gpa_term"].text


def test_what_was_never_observed_is_not_told(one):
    nothing = replace(
        one, observed=np.zeros_like(one.observed), values=np.full_like(one.values, np.nan)
    )
    assert facts_of(nothing, None, 0) == ()


def test_facts_stand_in_a_fixed_order_beside_the_peers_value(one, peers):
    facts = facts_of(one, typical(one, peers), 0)
    assert [fact.feature for fact in facts] == list(FIRST_TOLD)
    assert all(fact.typical is not None and "typical" in fact.text for fact in facts)
    assert all(
        fact.typical is None and "typical" not in fact.text for fact in facts_of(one, None, 0)
    )
