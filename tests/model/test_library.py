"""The network on plain arrays: the documented example runs, and arrays that do not fit are told."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edupulse.model.arrays import array_outcomes, array_windows
from edupulse.model.training import train
from edupulse.school.errors import BadInput
from model.planted_rows import FAST, SMALL, planted_labels, random_rows

DOCUMENT = Path(__file__).parents[2] / "docs" / "library.md"


@pytest.fixture(scope="module")
def example():
    """The names that the document's example leaves behind."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    names: dict = {}
    exec(compile(code, str(DOCUMENT), "exec"), names)  # noqa: S102 - our own document
    return names


def test_the_documented_example_comes_near_the_truth(example):
    label, chance = example["label"], example["chance"]
    best = example["roc_auc_score"](label[example["test"]], chance[example["test"]])
    assert 0.6 < best - 0.05 < example["auroc"] < 0.95


def test_the_documented_example_is_calibrated_and_bounded(example):
    risk, low, high = example["risk"], example["low"], example["high"]
    assert (low <= risk).all()
    assert (risk <= high).all()
    assert risk.mean() == pytest.approx(example["label"][example["test"]].mean(), abs=0.06)


def test_arrays_teach_the_same_as_windows_from_records():
    rows = random_rows(240, features=6, weeks=6)
    labels = planted_labels(rows)
    ends = np.cumsum(SMALL.families)[:-1]
    parts = np.split(rows.values, ends, axis=2)
    arrays = array_windows(
        dict(zip("abc", parts, strict=True)), held=rows.held, student=rows.student
    )
    outcomes = array_outcomes(labels.off_track, severity=labels.severity)
    validation = rows.student % 7 == 0
    network = arrays.network(hidden=SMALL.hidden, heads=SMALL.heads)
    assert network == SMALL
    ours, theirs = (
        train(x, y, validation=validation, network=network, training=FAST).predict(x)[0]
        for x, y in ((arrays, outcomes), (rows, labels))
    )
    np.testing.assert_array_equal(ours, theirs)


def test_a_mask_hides_a_value_as_nan_does():
    values = np.arange(24.0).reshape(2, 3, 4)
    mask = values % 5 > 0
    masked = array_windows({"a": values}, observed={"a": mask})
    missing = array_windows({"a": np.where(mask, values, np.nan)})
    np.testing.assert_array_equal(masked.observed, missing.observed)


@pytest.mark.parametrize(
    ("families", "more", "problem"),
    [
        ({"a": np.zeros((2, 3, 1)), "b": np.zeros((2, 4, 1))}, {}, "do not share rows and weeks"),
        ({"a": np.zeros((2, 3))}, {}, "do not share rows and weeks"),
        ({}, {}, "do not share rows and weeks"),
        ({"a": np.zeros((2, 3, 1))}, {"observed": {"b": np.ones((2, 3, 1))}}, "mask for no family"),
        ({"a": np.zeros((2, 3, 1))}, {"observed": {"a": np.ones((2, 3))}}, "not of its family's"),
        ({"a": np.zeros((2, 3, 1))}, {"held": [[1, 0, 1], [1, 1, 1]]}, "has a gap"),
        ({"a": np.zeros((2, 3, 1))}, {"held": [[1, 1, 0], [1, 1, 1]]}, "has a gap"),
        ({"a": np.zeros((2, 3, 1))}, {"held": [[1, 1, 1]]}, "shape"),
        ({"a": np.zeros((2, 3, 1))}, {"student": [1]}, "one value for each"),
        (
            {"a": np.full((2, 3, 1), np.nan)},
            {"observed": {"a": np.ones((2, 3, 1))}},
            "observed but is not a number",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_told(families, more, problem):
    with pytest.raises(BadInput, match=problem):
        array_windows(families, **more)


@pytest.mark.parametrize(
    ("labels", "more", "problem"),
    [
        ([0, 1, 2], {}, "row of 0 and 1"),
        ([0, 1, np.nan], {}, "row of 0 and 1"),
        ([0, 1], {"known": [True]}, "differ in length"),
        ([0, 1], {"severity": [0, 4]}, "outside 0 to 3"),
    ],
)
def test_labels_that_do_not_fit_are_told(labels, more, problem):
    with pytest.raises(BadInput, match=problem):
        array_outcomes(labels, **more)


def test_an_unknown_severity_may_be_anything():
    found = array_outcomes([0, 1], severity=[0, -1], known=[True, False])
    np.testing.assert_array_equal(found.known, [True, False])
