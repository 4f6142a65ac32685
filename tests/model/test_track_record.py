"""A track record: its shapes are those of the rows, and it comes back whole from its file."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edupulse.model.profiles import (
    BINS,
    SHARES,
    Rows,
    capacities,
    coverages,
    leads,
    reliability,
    widths,
)
from edupulse.model.track_record import FORMAT, TrackRecord
from edupulse.school.errors import BadInput
from model.sample_record import Sample, sample, sample_record


@pytest.fixture(scope="module")
def made() -> Sample:
    return sample()


@pytest.fixture(scope="module")
def rows(made: Sample) -> Rows:
    return made.shaped()


@pytest.fixture(scope="module")
def record() -> TrackRecord:
    return sample_record()


def test_it_comes_back_whole_from_its_file(record):
    assert TrackRecord.from_json(record.to_json()) == record


def test_another_format_or_another_file_is_refused(record):
    other = json.loads(record.to_json()) | {"format": FORMAT + 1}
    with pytest.raises(BadInput, match="format"):
        TrackRecord.from_json(json.dumps(other))
    with pytest.raises(BadInput, match="no track record"):
        TrackRecord.from_json(record.evaluation.to_json())


def test_a_true_risk_comes_as_often_as_it_says(made, rows):
    bins = [one for one in reliability(rows, made.said) if one.method == "gru_attention"]
    assert len(bins) == BINS
    assert sum(one.rows for one in bins) == len(made.labels.truth)
    assert sum(one.rate.low <= one.risk <= one.rate.high for one in bins) >= 8
    assert [one.risk for one in bins] == sorted(one.risk for one in bins)
    assert not [one for one in reliability(rows, made.said) if one.method == "abc_rules"]


def test_a_longer_list_finds_more_and_is_right_less_often(made, rows):
    mine = [one for one in capacities(rows, made.said) if one.method == "gru_attention"]
    assert [one.share for one in mine] == list(SHARES)
    found = [one.recall.value for one in mine]
    right = [one.precision.value for one in mine]
    assert found == sorted(found)
    assert right[0] > right[-1]


def test_capacities_are_those_of_the_evaluation(made, rows, record):
    ours = {one.share: one for one in capacities(rows, made.said[-1:])}
    metrics = record.evaluation.result("gru_attention").metrics
    assert ours[0.10].precision == metrics["precision_10"]
    assert ours[0.05].recall == metrics["recall_5"]


def test_fewer_had_been_named_the_longer_before_and_all_name_as_many(made, rows):
    ahead = list(leads(rows, made.said, made.timing, 0.3))
    assert {one.length for one in ahead} == {(made.labels.truth >= 0.3).mean()}
    mine, rule = (
        [one.share.value for one in ahead if one.method == name]
        for name in ("gru_attention", "abc_rules")
    )
    assert mine == sorted(mine, reverse=True)
    assert mine[-1] == 0
    assert mine[0] > rule[0]


def test_widths_are_told_by_band_from_low_to_critical(made, rows):
    network = made.said[-1]
    bands = np.where(network.risk < 0.5, "low", "critical")
    low, critical = widths(rows, network, bands)
    assert (low.band, critical.band) == ("low", "critical")
    width = network.high - network.low
    assert low.mean.value == pytest.approx(width[network.risk < 0.5].mean(), rel=1e-5)
    assert low.rows + critical.rows == len(width)


def test_coverage_is_told_by_group_and_class_and_not_of_a_few(made, rows):
    school = np.where(made.rows.student < 8, "tiny", "large")
    large, tiny = coverages(rows, made.said[-1], {"school": school})
    inside = (school == "large") & made.labels.off_track
    held = made.said[-1].in_set[inside, 1].mean()
    assert large.off_track.value == pytest.approx(held, rel=1e-5)
    assert large.off_track.low < held < large.off_track.high
    assert (tiny.group, tiny.on_track, tiny.off_track) == ("tiny", None, None)
