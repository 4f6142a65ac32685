from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from edupulse.school.calendar import NEVER, Calendar, calendar_of, monday, weekday
from edupulse.school.records import CALENDAR, SCHOOLS, TERMS


def days(*texts: str) -> np.ndarray:
    return np.array(texts, "datetime64[D]").astype(np.int32)


@pytest.fixture
def two_schools() -> Calendar:
    """School 7 works Monday to Friday in January 2024, school 3 Monday to Thursday."""
    january = [date(2024, 1, 1) + timedelta(n) for n in range(31)]
    rows = [(7, day, day.weekday() < 5) for day in january]
    rows += [(3, day, day.weekday() < 4) for day in january]
    schools = pl.DataFrame({"school": [7, 3]}, schema={"school": SCHOOLS.schema["school"]})
    calendar = pl.DataFrame(rows, schema=CALENDAR.schema, orient="row")
    terms = pl.DataFrame(
        [
            (7, "a", date(2023, 8, 21), date(2023, 12, 22), None, None, True),
            (7, "b", date(2024, 1, 2), date(2024, 6, 7), None, 2024, True),
            (7, "c", date(2024, 8, 19), date(2024, 12, 20), None, None, True),
        ],
        schema=TERMS.schema,
        orient="row",
    )
    return calendar_of(schools, calendar, terms)


def test_days_of_the_week_begin_with_monday() -> None:
    assert weekday(days("1970-01-01", "2024-01-01", "2024-01-07")).tolist() == [3, 0, 6]
    assert monday(days("2024-01-07"))[0] == days("2024-01-01")[0]


def test_schools_are_found_by_their_key(two_schools: Calendar) -> None:
    assert two_schools.row(np.array([7, 3, 5], np.int32)).tolist() == [1, 0, -1]


def test_a_friday_is_instructional_in_one_school_only(two_schools: Calendar) -> None:
    rows = two_schools.row(np.array([7, 3], np.int32))
    assert two_schools.is_instructional(rows, days("2024-01-05", "2024-01-05")).tolist() == [
        True,
        False,
    ]


def test_a_day_outside_the_calendar_is_not_instructional(two_schools: Calendar) -> None:
    rows = np.zeros(2, np.int32)
    assert not two_schools.is_instructional(rows, days("2023-12-29", "2024-02-05")).any()


def test_five_instructional_days_after_a_friday_is_the_next_friday(two_schools: Calendar) -> None:
    row = two_schools.row(np.array([7], np.int32))
    assert two_schools.nth_after(row, days("2024-01-05"), 5)[0] == days("2024-01-12")[0]


def test_beyond_the_calendar_comes_never(two_schools: Calendar) -> None:
    row = two_schools.row(np.array([7], np.int32))
    assert two_schools.nth_after(row, days("2024-01-30"), 2)[0] == NEVER


def test_days_are_counted_through_a_weekend(two_schools: Calendar) -> None:
    rows = two_schools.row(np.array([7, 7], np.int32))
    assert two_schools.count_through(rows, days("2024-01-05", "2024-01-07")).tolist() == [5, 5]


def test_a_summer_belongs_to_the_year_that_ended(two_schools: Calendar) -> None:
    rows = np.repeat(two_schools.row(np.array([7], np.int32)), 4)
    when = days("2023-08-20", "2023-08-21", "2024-07-15", "2024-08-19")
    assert two_schools.year_of(rows, when).tolist() == [-1, 0, 0, 1]


def test_a_school_without_terms_has_years_from_august(two_schools: Calendar) -> None:
    rows = np.repeat(two_schools.row(np.array([3], np.int32)), 2)
    first, second = two_schools.year_of(rows, days("2024-07-31", "2024-08-01"))
    assert second == first + 1


def test_before_any_day_is_known_no_school_is_held(two_schools: Calendar) -> None:
    nothing = replace(two_schools, instructional=np.zeros((2, 0), np.bool_))
    assert not nothing.is_instructional(np.array([[0], [1]]), days("2024-01-05")).any()
