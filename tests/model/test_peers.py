"""Peer profiles: medians of the closest group, unobserved where most peers are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edupulse.model.peers import ANY, PeerProfiles, fit_peers, patterns
from edupulse.school.errors import BadInput
from model.planted_rows import random_rows

FAMILIES = (14, 15, 13)


@pytest.fixture(scope="module")
def rows():
    rows = random_rows(600)
    observed = rows.observed.copy()
    observed[:200, :, 29:] = False  # a third go to schools that record no incidents
    return replace(rows, observed=observed, grade_level=np.where(np.arange(600) < 10, 12, 9))


def test_patterns_are_the_families_seen(rows):
    found = patterns(rows.observed, FAMILIES)
    assert set(found[:200].tolist()) <= {0b011, 0b001}
    assert (found[200:] & 0b001).all()


def test_a_profile_is_the_median_of_its_own_grade_and_pattern(rows):
    group = (patterns(rows.observed, FAMILIES) == 0b111) & (rows.grade_level == 9)
    median = np.nanmedian(np.where(rows.observed, rows.values, np.nan)[group][:, -1, 3])
    track = fit_peers(rows, FAMILIES).of(9, 0b111)
    assert track.shape == (20, 42)
    assert track[-1, 3] == pytest.approx(median, abs=1e-6)


def test_what_most_peers_lack_is_unobserved_in_the_profile(rows):
    assert np.isnan(fit_peers(rows, FAMILIES).of(9, 0b011)[:, 29:]).all()


def test_too_few_of_a_grade_fall_back_to_the_pattern_then_to_everyone(rows):
    peers = fit_peers(rows, FAMILIES)
    of_pattern = peers.tracks[
        list(zip(peers.grade_level, peers.pattern, strict=True)).index((ANY, 3))
    ]
    np.testing.assert_array_equal(peers.of(12, 0b011), of_pattern)
    np.testing.assert_array_equal(peers.of(9, 0b100), peers.tracks[-1])


def test_bytes_and_back(rows):
    peers = fit_peers(rows, FAMILIES)
    again = PeerProfiles.from_bytes(peers.to_bytes(), peers.grade_level, peers.pattern)
    np.testing.assert_array_equal(peers.tracks, again.tracks)
    assert peers.to_bytes() == again.to_bytes()
    with pytest.raises(BadInput):
        PeerProfiles.from_bytes(b"nothing", (), ())
