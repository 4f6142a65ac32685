from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from edupulse.panel.horizon import known_calendar
from edupulse.panel.outcomes import outcomes
from edupulse.panel.splits import (
    Split,
    as_of_days,
    check_labels,
    check_split,
    early_stopping,
    hashed_share,
    school_folds,
    split,
    week_ends,
)
from edupulse.school.errors import BadInput, Leakage, NotReady
from panel.districts import District, cohort, end

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def years(count: int) -> District:
    district = District().school().enroll(entered="2020-01-01")
    for year in range(2022, 2022 + count):
        begins, ends = date(year, 9, 1), date(year + 1, 6, 10)
        district.year(begins, ends).term(begins, ends, f"y{year}")
    return district


def as_of_and_closings(district: District):
    known = district.known(end("2029-12-31"))
    days = as_of_days(known_calendar(known)).astype(object)
    found = [outcomes(known, cohort(as_of=day)) for day in days]
    as_of = np.array([cohort(as_of=day).as_of[0] for day in days])
    return as_of, np.concatenate([labels.closes_at for labels in found])


def test_as_of_days_rotate_over_the_weekdays_every_four_weeks():
    days = as_of_days(known_calendar(years(1).known(NOW)))
    weekdays = [day.weekday() for day in days.astype(object)]
    assert weekdays == [0, 1, 2, 3, 4, 0, 1, 2]
    mondays = days.astype(int) - np.array(weekdays)
    assert set(np.diff(mondays)) == {28}


def test_no_as_of_day_is_out_of_season():
    calendar = known_calendar(years(2).known(NOW))
    for day in as_of_days(calendar).astype(int):
        held = np.flatnonzero(calendar.instructional[0]) + calendar.first
        year_end = calendar.year_ends[0][calendar.year_begins[0] <= day][-1]
        assert ((held > day) & (held <= year_end)).sum() >= 40


def test_a_day_on_which_most_schools_are_closed_is_no_as_of_day():
    district = years(1)
    for school in (2, 3):
        district.school(school).year("2022-09-01", "2023-01-31", school=school)
        district.term("2022-09-01", "2023-06-10", school=school)
    chosen = as_of_days(known_calendar(district.known(NOW)), every=1)
    assert chosen.max() <= np.datetime64("2023-01-31")


def test_week_ends_are_the_last_school_days_of_numbered_weeks():
    calendar = known_calendar(years(1).known(NOW))
    chosen = week_ends(calendar, 1, (1, 2, 400))
    assert chosen.tolist() == [date(2022, 9, 2), date(2022, 9, 9)]


def test_three_school_years_give_about_five_five_and_four():
    parts = split(*as_of_and_closings(years(3)), NOW)
    sizes = (parts.train.size, parts.calibrate.size, parts.test.size)
    assert min(sizes) >= 4
    assert sum(sizes) >= 14


def test_two_school_years_are_refused():
    with pytest.raises(NotReady, match="Three school years"):
        split(*as_of_and_closings(years(2)), NOW)


def test_instants_whose_labels_are_open_belong_to_no_part():
    as_of, closes_at = as_of_and_closings(years(4))
    now = datetime(2025, 9, 1, tzinfo=UTC)
    parts = split(as_of, closes_at, now)
    assert (closes_at[np.isin(as_of, parts.test)] <= np.datetime64("2025-09-01")).all()


def test_a_label_that_closes_after_the_next_part_began_is_leakage():
    as_of, closes_at = as_of_and_closings(years(3))
    parts = split(as_of, closes_at, NOW)
    check_split(parts, as_of, closes_at)
    careless = Split(as_of[:7], as_of[7:14], as_of[14:])
    with pytest.raises(Leakage):
        check_split(careless, as_of, closes_at + np.timedelta64(120, "D"))


def test_a_label_that_was_open_at_training_is_leakage():
    district = years(1)
    labels = outcomes(district.known(NOW), cohort(as_of="2022-10-03"))
    assert labels.known[0]
    check_labels(cohort(as_of="2022-10-03").as_of, labels, NOW)
    with pytest.raises(Leakage, match="not closed"):
        check_labels(cohort(as_of="2022-10-03").as_of, labels, NOW - timedelta(days=3000))
    with pytest.raises(Leakage, match="window"):
        check_labels(cohort(as_of="2022-11-03").as_of, labels, NOW)


def test_rows_between_two_parts_belong_to_none():
    as_of, _ = as_of_and_closings(years(2))
    masks = Split(as_of[:2], as_of[5:7], as_of[9:]).parts(as_of)
    together = sum(mask.astype(int) for mask in masks.values())
    assert together.max() == 1
    assert together.min() == 0


def test_a_student_is_wholly_in_or_out_whoever_else_is_there():
    students = np.arange(4000, dtype=np.int32)
    stop = early_stopping(students)
    assert stop[::7].tolist() == early_stopping(students[::7]).tolist()
    assert 0.08 < stop.mean() < 0.12


def test_different_salts_choose_different_students():
    students = np.arange(1000, dtype=np.int32)
    assert (hashed_share(students, 0.5, 1) != hashed_share(students, 0.5, 2)).any()


def test_no_school_lies_in_two_folds():
    school = np.repeat(np.arange(7), [90, 10, 50, 40, 30, 60, 20])
    folds = school_folds(school, 3)
    assert all(len(set(folds[school == s])) == 1 for s in range(7))
    assert np.bincount(folds).max() <= 110
    with pytest.raises(BadInput):
        school_folds(school, 8)
