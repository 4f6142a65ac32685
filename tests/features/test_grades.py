"""The 15 grades features, by hand: school runs Monday to Friday from Monday 2025-08-18."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from builders import District, value_of, weekdays

DAYS = weekdays("2025-08-18", "2026-06-12")
FALL, SPRING = ("F", "2025-08-18", "2025-12-19"), ("S", "2026-01-05", "2026-06-12")
JANUARY = next(at for at, day in enumerate(DAYS) if day.isoformat() == "2026-01-05")
EXACT = {"rel": 1e-6, "abs": 1e-5}


def enrolled(**school):
    district = District().school(1, DAYS, **school).enrolled(1, 1, "2025-08-18")
    for term in (FALL, SPRING):
        district.term(1, *term, school_year=2026)
    return district


def section(district, number, subject="math", term="F", **fields):
    return district.add(
        "sections", section=number, school=1, subject=subject, term_id=term, **fields
    )


def mark(district, number, day, points, possible=10, **fields):
    serial = len(district.rows["marks"])
    return district.add(
        "marks",
        student=1,
        section=number,
        assignment_id=f"m{serial}",
        due_on=day,
        points=points,
        points_possible=possible,
        **fields,
    )


def posted(district, number, day, percent=None, code=None, kind="final", **fields):
    return district.add(
        "course_grades",
        student=1,
        section=number,
        posted_on=day,
        percent=percent,
        code=code,
        kind=kind,
        **fields,
    )


def courses(**percents):
    """One fall course a subject, with a posted percent."""
    district = enrolled()
    for number, (subject, percent) in enumerate(percents.items()):
        posted(section(district, number, subject), number, DAYS[5], percent)
    return district


def test_a_current_percent_is_points_earned_of_points_possible_by_weight():
    district = section(enrolled(), 1)
    mark(district, 1, DAYS[0], 9)
    mark(district, 1, DAYS[1], 5, weight=3)
    mark(district, 1, DAYS[2], 0, status="excused")
    assert value_of(district, DAYS[9], "lowest_percent") == pytest.approx(60, **EXACT)


def test_a_missing_mark_counts_nothing_from_the_third_day_after():
    district = mark(section(enrolled(), 1), 1, DAYS[0], 8)
    mark(district, 1, DAYS[1], None, status="missing")
    assert value_of(district, DAYS[3], "lowest_percent") == pytest.approx(80, **EXACT)
    assert value_of(district, DAYS[4], "lowest_percent") == pytest.approx(40, **EXACT)


def test_a_mark_counts_from_the_day_due():
    district = mark(mark(section(enrolled(), 1), 1, DAYS[0], 8), 1, DAYS[3], 2)
    assert value_of(district, DAYS[2], "lowest_percent") == pytest.approx(80, **EXACT)
    assert value_of(district, DAYS[3], "lowest_percent") == pytest.approx(50, **EXACT)


def test_categories_weigh_as_given():
    district = section(enrolled(), 1)
    mark(district, 1, DAYS[0], 5, category="assessment", category_weight=0.7)
    mark(district, 1, DAYS[1], 10, category="practice", category_weight=0.3)
    mark(district, 1, DAYS[2], 10, category="practice")
    percent = value_of(district, DAYS[9], "lowest_percent")
    assert percent == pytest.approx(0.7 * 50 + 0.3 * 100, **EXACT)


def test_a_posted_grade_takes_the_place_of_marks():
    district = mark(section(enrolled(), 1), 1, DAYS[0], 5)
    posted(district, 1, DAYS[6], 72, kind="progress")
    assert value_of(district, DAYS[5], "lowest_percent") == pytest.approx(50, **EXACT)
    assert value_of(district, DAYS[6], "lowest_percent") == pytest.approx(72, **EXACT)
    posted(district, 1, DAYS[6], 75, kind="final")
    assert value_of(district, DAYS[6], "lowest_percent") == pytest.approx(75, **EXACT)


def test_a_code_is_read_by_the_schools_scale_and_an_unknown_one_is_ignored():
    district = posted(section(enrolled(), 1), 1, DAYS[6], code="B")
    assert math.isnan(value_of(district, DAYS[9], "lowest_percent"))
    district.add("scales", school=1, code="B", percent=85, gpa_points=3)
    assert value_of(district, DAYS[9], "lowest_percent") == pytest.approx(85, **EXACT)
    assert value_of(district, DAYS[9], "gpa_term") == pytest.approx(3, **EXACT)


def test_a_whole_year_section_begins_again_each_term():
    district = section(enrolled(), 1, term=None)
    mark(mark(district, 1, DAYS[0], 2), 1, DAYS[JANUARY], 9)
    assert value_of(district, "2025-12-19", "lowest_percent") == pytest.approx(20, **EXACT)
    assert value_of(district, DAYS[JANUARY], "lowest_percent") == pytest.approx(90, **EXACT)


def test_between_terms_no_course_is_current():
    district = District().school(1, DAYS).enrolled(1, 1, "2025-08-18")
    district.term(1, "F", "2025-08-18", "2025-09-05").term(1, "S", "2025-10-06", "2026-06-12")
    mark(section(district, 1), 1, DAYS[0], 8)
    assert value_of(district, "2025-09-05", "lowest_percent") == pytest.approx(80, **EXACT)
    assert math.isnan(value_of(district, "2025-09-12", "lowest_percent"))
    assert value_of(district, "2025-09-12", "gpa_ytd") == 3


def test_the_gpa_is_weighted_by_credits():
    district = enrolled()
    posted(section(district, 1, credits=1), 1, DAYS[5], 95)
    posted(section(district, 2, credits=0.5), 2, DAYS[5], 65)
    posted(section(district, 3, credits=0), 3, DAYS[5], 10)
    assert value_of(district, DAYS[9], "gpa_term") == pytest.approx(4.5 / 1.5, **EXACT)


def test_the_gpa_of_the_year_holds_closed_courses_and_the_change_compares_terms():
    district = posted(section(enrolled(), 1), 1, DAYS[30], 95)
    posted(section(district, 2, term="S"), 2, DAYS[JANUARY + 2], 75)
    day = DAYS[JANUARY + 3]
    assert value_of(district, day, "gpa_ytd") == pytest.approx(3, **EXACT)
    assert value_of(district, day, "gpa_term") == pytest.approx(2, **EXACT)
    assert value_of(district, day, "gpa_change_prev") == pytest.approx(-2, **EXACT)
    assert math.isnan(value_of(district, DAYS[40], "gpa_change_prev"))


def test_the_percent_slope_is_of_weekly_means():
    district = section(section(enrolled(), 1), 2)
    for week, points in enumerate((10, 8, 6, 4)):
        mark(district, 1, DAYS[5 * week], points)
        mark(district, 2, DAYS[5 * week], 5)
    # Running percents 100, 90, 80, 70 and always 50: means 75, 70, 65, 60.
    assert value_of(district, DAYS[19], "percent_slope_w8") == pytest.approx(-5, **EXACT)
    assert math.isnan(value_of(district, DAYS[14], "percent_slope_w8"))


def test_the_volatility_of_single_marks():
    district = section(enrolled(), 1)
    for at, points in enumerate((10, 9, 7, 5, 5)):
        mark(district, 1, DAYS[at], points)
    # Median 70, deviations 30 20 0 20 20.
    volatility = value_of(district, DAYS[4], "percent_volatility_w8")
    assert volatility == pytest.approx(1.4826 * 20, **EXACT)
    assert math.isnan(value_of(district, DAYS[3], "percent_volatility_w8"))


def test_the_largest_drop_is_between_week_ends_of_20_days():
    district = section(enrolled(), 1)
    for at in range(3):
        mark(district, 1, DAYS[at], 9)
    mark(district, 1, DAYS[8], 3, 30)
    for at in (10, 11, 12):
        mark(district, 1, DAYS[at], 10, 10)
    # Week ends at 90, 30/60 = 50, 60/90 = 66.7.
    assert value_of(district, DAYS[14], "max_drop_d20") == pytest.approx(40, **EXACT)
    assert value_of(district, DAYS[23], "max_drop_d20") == pytest.approx(40, **EXACT)
    assert value_of(district, DAYS[24], "max_drop_d20") == 0
    assert math.isnan(value_of(enrolled(), DAYS[14], "max_drop_d20"))


def test_a_drop_needs_three_marks_at_both_ends():
    district = section(enrolled(), 1)
    mark(mark(district, 1, DAYS[0], 10), 1, DAYS[1], 10)
    mark(district, 1, DAYS[6], 0)
    assert value_of(district, DAYS[9], "max_drop_d20") == 0


def test_subjects_and_their_spread():
    district = courses(ela=90, math=70, science=80, other=95)
    day = DAYS[9]
    assert value_of(district, day, "ela_percent") == pytest.approx(90, **EXACT)
    assert value_of(district, day, "math_percent") == pytest.approx(70, **EXACT)
    assert value_of(district, day, "core_percent") == pytest.approx(80, **EXACT)
    assert value_of(district, day, "core_elective_gap") == pytest.approx(-15, **EXACT)
    assert value_of(district, day, "core_spread") == pytest.approx(20, **EXACT)
    assert value_of(district, day, "lowest_percent") == pytest.approx(70, **EXACT)


def test_one_core_course_is_no_core_mean():
    district = courses(math=70)
    names = ("core_percent", "core_spread", "core_elective_gap", "ela_percent")
    assert all(math.isnan(value_of(district, DAYS[9], name)) for name in names)


def test_failing_is_under_the_schools_passing_mark_or_as_the_code_says():
    district = courses(ela=59.9, math=60, science=90)
    assert value_of(district, DAYS[9], "failing_share") == pytest.approx(1 / 3, **EXACT)
    district.add("scales", school=1, code="U", percent=99, passing=False)
    posted(section(district, 8, "other"), 8, DAYS[5], code="U")
    assert value_of(district, DAYS[9], "failing_share") == pytest.approx(2 / 4, **EXACT)


def test_missing_work_waits_three_days_and_leaves_out_the_excused():
    district = section(enrolled(), 1)
    for at, status in enumerate(("missing", "scored", "late", "excused", "missing")):
        mark(district, 1, DAYS[10 + at], 5, status=status)
    name = "missing_work_rate_d20"
    assert math.isnan(value_of(district, DAYS[14], name))
    assert value_of(district, DAYS[15], name) == pytest.approx(1 / 3, **EXACT)
    assert value_of(district, DAYS[17], name) == pytest.approx(2 / 4, **EXACT)
    # The window has moved on: only the last three are in it.
    assert value_of(district, DAYS[30], name) == pytest.approx(1 / 3, **EXACT)


def test_missing_work_is_not_observed_without_a_gradebook():
    district = section(enrolled(records_gradebook=False), 1)
    for at in range(5):
        mark(district, 1, DAYS[at], 5)
    assert math.isnan(value_of(district, DAYS[14], "missing_work_rate_d20"))


def test_the_gap_between_assessments_and_practice():
    district = section(enrolled(), 1)
    for points, category in (
        (5, "assessment"),
        (7, "assessment"),
        (9, "practice"),
        (10, "practice"),
    ):
        mark(district, 1, DAYS[3], points, category=category)
    gap = value_of(district, DAYS[9], "assessment_practice_gap_d45")
    assert gap == pytest.approx(60 - 95, **EXACT)
    assert math.isnan(value_of(district, DAYS[48], "assessment_practice_gap_d45"))


def test_a_mark_due_tomorrow_has_not_happened():
    district = mark(section(enrolled(), 1), 1, DAYS[4] + timedelta(days=3), 5)
    assert math.isnan(value_of(district, DAYS[4], "lowest_percent"))


def test_marks_outside_coverage_are_not_observed():
    district = enrolled(covered=("attendance",))
    mark(section(district, 1), 1, DAYS[0], 5)
    assert math.isnan(value_of(district, DAYS[4], "lowest_percent"))
