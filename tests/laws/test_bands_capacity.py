"""Law 11: capacity moves nobody's band, nor does anybody else's score."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edupulse.risk.bands import BANDS, DEFAULT_POLICY

RISKS = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@given(risks=RISKS, capacity=st.integers(0, 60))
def test_the_top_of_any_list_has_the_bands_that_each_has_alone(risks, capacity):
    ranked = sorted(risks, reverse=True)
    top = DEFAULT_POLICY.bands(ranked[:capacity])
    assert top == DEFAULT_POLICY.bands(ranked)[:capacity]
    assert top == tuple(DEFAULT_POLICY.bands(risk)[0] for risk in ranked[:capacity])


@given(risks=RISKS)
def test_bands_rise_with_the_risk(risks):
    places = [BANDS.index(band) for band in DEFAULT_POLICY.bands(sorted(risks))]
    assert places == sorted(places)
