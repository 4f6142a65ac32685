"""The 14 attendance features, by hand: school runs Monday to Friday from Monday 2025-08-18."""

from __future__ import annotations

import math

import pytest

from builders import District, value_of, weekdays

DAYS = weekdays("2025-08-18", "2026-06-12")
EXACT = {"rel": 1e-6, "abs": 1e-6}


def enrolled(days=DAYS, **school):
    return District().school(1, days, **school).enrolled(1, 1, "2025-08-18")


def absent(district, *days, status="unexcused", fraction=None):
    for day in days:
        district.add("attendance", student=1, school=1, date=day, status=status, fraction=fraction)
    return district


def test_the_week_counts_halves_of_days():
    district = absent(absent(enrolled(), DAYS[0]), DAYS[1], fraction=0.5)
    assert value_of(district, DAYS[4], "attendance_rate_w") == pytest.approx(1 - 1.5 / 5, **EXACT)


def test_the_current_week_is_the_week_to_date():
    district = absent(enrolled(), DAYS[1])
    assert value_of(district, DAYS[1], "attendance_rate_w") == pytest.approx(0.5, **EXACT)


def test_more_than_a_day_cannot_be_missed_on_one_day():
    district = absent(absent(enrolled(), DAYS[0]), DAYS[0], status="excused", fraction=0.5)
    assert value_of(district, DAYS[4], "attendance_rate_w") == pytest.approx(0.8, **EXACT)


def test_the_last_20_days_leave_out_what_lies_before():
    district = absent(enrolled(), DAYS[9], DAYS[10], DAYS[29])
    assert value_of(district, DAYS[29], "attendance_rate_d20") == pytest.approx(0.9, **EXACT)


def test_the_last_20_days_need_10():
    district = enrolled()
    assert math.isnan(value_of(district, DAYS[8], "attendance_rate_d20"))
    assert value_of(district, DAYS[9], "attendance_rate_d20") == 1


def test_the_year_to_date_begins_again_with_the_school_year():
    district = enrolled().term(1, "Y1", "2025-08-18", "2025-12-19", school_year=2026)
    district.term(1, "Y2", "2026-01-05", "2026-06-12", school_year=2027)
    absent(district, DAYS[0], DAYS[1], DAYS[2])
    december = [day for day in DAYS if day.year == 2025]
    january = [day for day in DAYS if day.isoformat() >= "2026-01-05"]
    rate = value_of(district, "2025-12-19", "absence_rate_ytd")
    counted = len([day for day in december if day.isoformat() <= "2025-12-19"])
    assert rate == pytest.approx(3 / counted, **EXACT)
    assert value_of(district, january[12], "absence_rate_ytd") == 0
    assert math.isnan(value_of(district, january[8], "absence_rate_ytd"))


def test_excused_and_unexcused_are_apart():
    district = absent(enrolled(), DAYS[1], DAYS[2])
    absent(district, DAYS[3], status="excused", fraction=0.5)
    absent(district, DAYS[4], status="absent")
    assert value_of(district, DAYS[44], "unexcused_rate_d45") == pytest.approx(2 / 45, **EXACT)
    assert value_of(district, DAYS[44], "excused_rate_d45") == pytest.approx(0.5 / 45, **EXACT)


def test_excuses_are_not_observed_where_they_are_not_recorded():
    district = absent(enrolled(records_excuse=False), DAYS[1])
    assert math.isnan(value_of(district, DAYS[44], "unexcused_rate_d45"))
    assert math.isnan(value_of(district, DAYS[44], "excused_rate_d45"))


def test_tardy_days_are_counted_and_are_no_absence():
    district = absent(enrolled(), DAYS[0], DAYS[12], DAYS[13], status="tardy")
    assert value_of(district, DAYS[24], "tardy_rate_d20") == pytest.approx(2 / 20, **EXACT)
    assert value_of(district, DAYS[24], "attendance_rate_d20") == 1


def test_tardies_are_not_observed_where_they_are_not_recorded():
    assert math.isnan(value_of(enrolled(records_tardies=False), DAYS[24], "tardy_rate_d20"))


def test_partial_days_are_neither_whole_nor_none():
    district = absent(absent(enrolled(), DAYS[20]), DAYS[21], DAYS[22], fraction=0.25)
    assert value_of(district, DAYS[24], "partial_day_rate_d20") == pytest.approx(0.1, **EXACT)


def test_partial_days_are_not_observed_where_they_are_not_recorded():
    district = enrolled(records_partial_days=False)
    assert math.isnan(value_of(district, DAYS[24], "partial_day_rate_d20"))


def test_a_weekend_does_not_break_a_streak():
    district = absent(enrolled(), DAYS[3], DAYS[4], DAYS[5], DAYS[8])
    assert value_of(district, DAYS[14], "longest_streak_d45") == 3


def test_a_streak_is_cut_where_its_window_begins():
    district = absent(enrolled(), *DAYS[:10])
    assert value_of(district, DAYS[49], "longest_streak_d45") == 5


def test_a_quarter_of_a_day_is_no_streak():
    district = absent(enrolled(), DAYS[3], DAYS[4], fraction=0.25)
    assert value_of(district, DAYS[14], "longest_streak_d45") == 0


def test_days_since_absence_count_days_of_school():
    district = absent(enrolled(), DAYS[4])
    assert value_of(district, DAYS[4], "days_since_absence") == 0
    assert value_of(district, DAYS[5], "days_since_absence") == 1
    assert value_of(district, DAYS[100], "days_since_absence") == 60
    assert value_of(enrolled(), DAYS[10], "days_since_absence") == 60


def test_the_slope_is_the_median_of_pairwise_slopes():
    district = enrolled()
    for week, lost in enumerate((0, 1, 2, 0, 4)):
        absent(district, *DAYS[5 * week : 5 * week + lost])
    # Rates 1, .8, .6, 1, .2: pairwise slopes −.2 −.2 0 −.2 −.2 .1 −.2 .4 −.2 −.8.
    slope = value_of(district, DAYS[24], "attendance_slope_w8")
    assert slope == pytest.approx(-20, **EXACT)


def test_a_slope_needs_four_weeks_of_three_days():
    district = absent(enrolled(), DAYS[0])
    assert math.isnan(value_of(district, DAYS[16], "attendance_slope_w8"))
    assert math.isnan(value_of(district, DAYS[16], "attendance_volatility_w8"))
    assert not math.isnan(value_of(district, DAYS[17], "attendance_slope_w8"))


def test_volatility_is_the_scaled_median_deviation():
    district = enrolled()
    for week, lost in enumerate((0, 1, 2, 0, 4)):
        absent(district, *DAYS[5 * week : 5 * week + lost])
    # Median .8, deviations .2 0 .2 .2 .6: their median is .2.
    volatility = value_of(district, DAYS[24], "attendance_volatility_w8")
    assert volatility == pytest.approx(1.4826 * 0.2, **EXACT)


def test_the_change_compares_two_windows_of_20():
    district = absent(enrolled(), DAYS[0], DAYS[20], DAYS[21], DAYS[39])
    change = value_of(district, DAYS[39], "absence_change_d20")
    assert change == pytest.approx(100 * (3 / 20 - 1 / 20), **EXACT)
    assert math.isnan(value_of(district, DAYS[38], "absence_change_d20"))


def test_monday_and_friday_are_shrunk_to_the_students_own_rate():
    district = absent(enrolled(), DAYS[0], DAYS[5])
    # 10 days, 4 of them Monday or Friday in two weeks: too few; after 15 days 6 and 9.
    assert math.isnan(value_of(district, DAYS[9], "monday_friday_excess_d60"))
    own = 2 / 15
    excess = 100 * ((2 + 20 * own) / (6 + 20) - (0 + 20 * own) / (9 + 20))
    assert value_of(district, DAYS[14], "monday_friday_excess_d60") == pytest.approx(
        excess, **EXACT
    )


def test_absences_on_one_weekday_are_concentrated():
    mondays = absent(enrolled(), DAYS[0], DAYS[5], DAYS[10])
    rates = [(3 + 1) / (3 + 5), *[1 / 8] * 4]
    shares = [rate / sum(rates) for rate in rates]
    expected = 1 + sum(p * math.log(p) for p in shares) / math.log(5)
    name = "weekday_concentration_d60"
    assert value_of(mondays, DAYS[14], name) == pytest.approx(expected, **EXACT)
    assert math.isnan(value_of(mondays, DAYS[9], name))


def test_a_day_without_a_row_is_unobserved_where_every_day_is_written():
    district = enrolled(attendance_recording="all")
    absent(district, DAYS[0])
    absent(district, DAYS[1], DAYS[2], status="present")
    assert value_of(district, DAYS[4], "attendance_rate_w") == pytest.approx(2 / 3, **EXACT)
    assert math.isnan(value_of(district, DAYS[9], "attendance_rate_w"))


def test_the_days_of_each_school_count_under_its_own_calendar():
    district = enrolled(DAYS[:10]).school(2, DAYS[13:20])
    district.rows["enrollments"].clear()
    district.enrolled(1, 1, "2025-08-18", DAYS[9]).enrolled(1, 2, DAYS[10].isoformat())
    absent(district, DAYS[9])
    # Between the schools three days of school were held by neither: one day after the absence.
    assert value_of(district, DAYS[13], "days_since_absence") == 1


def test_attendance_at_another_than_the_primary_school_is_left_out():
    district = enrolled().school(2, DAYS).enrolled(1, 2, "2025-08-18", primary=False)
    district.add("attendance", student=1, school=2, date=DAYS[0], status="unexcused")
    assert value_of(district, DAYS[4], "attendance_rate_w") == 1


def test_a_student_who_has_left_keeps_the_last_weeks():
    district = enrolled()
    district.rows["enrollments"].clear()
    district.enrolled(1, 1, "2025-08-18", DAYS[4].isoformat())
    absent(district, DAYS[4])
    assert value_of(district, DAYS[40], "attendance_rate_w") == pytest.approx(0.8, **EXACT)
    assert math.isnan(value_of(district, DAYS[40], "attendance_rate_w", week=-2))
