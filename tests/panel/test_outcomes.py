from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from edupulse.panel.definition import FAILS_OR_WITHDRAWS, OFF_TRACK
from edupulse.panel.outcomes import closed_outcomes, outcomes
from panel.districts import YEAR_BEGINS, YEAR_ENDS, District, cohort, end, weekdays

AS_OF = "2024-10-01"
HORIZON = weekdays("2024-10-09", "2024-12-31")
"""Instructional days 6 to 65 after a Tuesday: 60 days, without a holiday."""
LATER = end("2025-08-30")


def ordinary(term_ends="2024-12-20", **school) -> District:
    return (
        District()
        .school(**school)
        .year()
        .term(YEAR_BEGINS, term_ends)
        .term("2025-01-06", YEAR_ENDS, "t2")
    )


def told(district: District, definition=OFF_TRACK, as_of=AS_OF, at=LATER):
    return outcomes(district.known(at), cohort(as_of=as_of), definition)


def test_the_horizon_is_instructional_days_6_to_65():
    found = told(ordinary().enroll())
    assert found.first[0] == np.datetime64(HORIZON[0])
    assert found.last[0] == np.datetime64(HORIZON[-1])
    assert len(HORIZON) == 60


def test_a_holiday_moves_the_horizon():
    district = District().school().year(without=["2024-10-02"]).term(YEAR_BEGINS, YEAR_ENDS)
    found = told(district.enroll())
    assert found.first[0] == np.datetime64("2024-10-10")
    assert found.last[0] == np.datetime64("2025-01-01")


def test_the_horizon_ends_with_the_school_year():
    found = told(ordinary().enroll(), as_of="2025-04-15")
    assert found.last[0] == np.datetime64(YEAR_ENDS)


def test_a_day_in_summer_has_no_horizon():
    found = told(ordinary().enroll(), as_of="2025-07-15")
    assert np.isnat(found.last[0])
    assert np.isnat(found.closes_at[0])
    assert not found.known[0]


def test_it_closes_30_days_after_the_horizon_at_the_end_of_the_local_day():
    just_past_midnight = datetime(2024, 10, 2, 4, tzinfo=UTC)
    found = told(ordinary(timezone="America/Chicago").enroll(), as_of=just_past_midnight)
    assert found.closes_at[0] == np.datetime64("2025-01-31T05:59:59.999999")


def test_nothing_amiss_is_severity_0():
    found = told(ordinary().enroll().grade(percent=80_000))
    assert found.known[0]
    assert not found.off_track[0]
    assert found.severity[0] == 0


def test_a_tenth_of_the_days_is_chronic_absence():
    assert told(ordinary().enroll().absent(*HORIZON[:6])).chronic_absence[0]
    assert not told(ordinary().enroll().absent(*HORIZON[:5])).chronic_absence[0]


def test_half_days_add_up_and_a_day_counts_at_most_once():
    halves = ordinary().enroll().absent(*HORIZON[:11], fraction=500)
    assert not told(halves).chronic_absence[0]
    assert told(halves.absent(HORIZON[11], fraction=500)).chronic_absence[0]
    twice = ordinary().enroll().absent(*HORIZON[:5]).absent(*HORIZON[:5], status="excused")
    assert not told(twice).chronic_absence[0]


def test_absences_before_the_sixth_day_do_not_count():
    early = weekdays("2024-10-02", "2024-10-08")
    assert not told(ordinary().enroll().absent(*early, *HORIZON[:5])).chronic_absence[0]


def test_a_tardy_is_no_absence():
    assert not told(ordinary().enroll().absent(*HORIZON[:30], status="tardy")).chronic_absence[0]


def test_days_of_out_of_school_exclusion_leave_both_sides():
    sent_home = ordinary().enroll().absent(*HORIZON[:10]).sent_home(HORIZON[0], days=10_000)
    assert not told(sent_home).chronic_absence[0]
    # 5 absences of the 50 days that remain.
    assert told(sent_home.absent(*HORIZON[10:15])).chronic_absence[0]
    in_school = ordinary().enroll().absent(*HORIZON[:10])
    assert told(in_school.sent_home(HORIZON[0], days=10_000, kind="in_school")).chronic_absence[0]


def test_an_open_expulsion_leaves_too_few_days_to_tell():
    assert not told(ordinary().enroll().sent_home(HORIZON[15], kind="expulsion")).known[0]


def test_an_exclusion_that_began_before_the_horizon_is_counted_from_its_first_day():
    begun = ordinary().enroll().absent(*HORIZON[:6]).sent_home("2024-10-07", days=3_000)
    # 7, 8 and 9 October: one day of the horizon, so 5 absences of 59 days remain.
    assert not told(begun).chronic_absence[0]
    # The first two days alone: 6 of 60.
    other = ordinary().enroll().absent(*HORIZON[:6]).sent_home("2024-10-07", days=2_000)
    assert told(other).chronic_absence[0]


def test_days_without_coverage_are_not_observed():
    district = District().school(covered=False).year().term(YEAR_BEGINS, YEAR_ENDS)
    district.covered("course_grades").covered("attendance", through=HORIZON[19])
    found = told(district.enroll().absent(*HORIZON[:2]))
    assert found.known[0]
    assert found.chronic_absence[0]
    short = District().school(covered=False).year().term(YEAR_BEGINS, YEAR_ENDS)
    short.covered("course_grades").covered("attendance", through=HORIZON[18])
    assert not told(short.enroll()).known[0]


def test_in_a_school_that_writes_every_day_down_a_silent_day_is_not_observed():
    district = ordinary(recording="all").enroll()
    assert not told(district).known[0]
    district.absent(*HORIZON[:18], status="present").absent(*HORIZON[20:22])
    assert told(district).chronic_absence[0]


def test_a_failed_core_course_is_off_track_and_an_elective_is_not():
    assert told(ordinary().enroll().grade(percent=59_999)).course_failure[0]
    assert told(ordinary().enroll().grade(code="F")).course_failure[0]
    assert not told(ordinary().enroll().grade(percent=60_000)).off_track[0]
    assert not told(ordinary().enroll().grade(code="F", subject="other")).off_track[0]
    assert not told(ordinary().enroll().grade(code="F", kind="progress")).off_track[0]
    assert not told(ordinary().enroll().grade(code="no such code")).off_track[0]


def test_a_letter_decides_before_the_percent():
    assert told(ordinary().enroll().grade(percent=90_000, code="F")).course_failure[0]
    assert not told(ordinary().enroll().grade(percent=10_000, code="A")).course_failure[0]


def test_a_term_that_ends_on_a_sunday_ends_with_its_last_school_day():
    sunday = ordinary(term_ends="2025-01-05").enroll().grade(code="F")
    found = told(sunday, as_of="2024-10-03")  # The horizon's last day is Friday, 3 January.
    assert found.last[0] == np.datetime64("2025-01-02")
    assert not found.courses_posted[0]
    assert told(sunday, as_of="2024-10-04").course_failure[0]


def test_without_a_grading_term_in_the_horizon_course_failure_is_absent():
    found = told(ordinary("2025-01-31").enroll().grade(code="F"))
    assert found.known[0]
    assert not found.courses_posted[0]
    assert not found.off_track[0]


def test_a_school_whose_export_of_course_grades_went_stale_cannot_be_told():
    district = District().school(covered=False).year().term(YEAR_BEGINS, "2024-12-20")
    district.covered("attendance").enroll()
    assert told(district).known[0]
    assert not told(district).courses_posted[0]
    stale = district.covered("course_grades", through="2024-12-19")
    assert not told(stale).known[0]


@pytest.mark.parametrize(
    ("left", "how", "known", "off_track"),
    [
        ("2024-10-08", "dropped_out", False, False),  # the fifth day
        ("2024-10-09", "dropped_out", True, True),
        ("2024-12-31", "dropped_out", True, True),
        ("2025-01-01", "dropped_out", True, False),
        ("2024-12-01", "transferred", False, False),
        ("2024-12-01", "other", False, False),
        ("2024-12-01", None, False, False),
        ("2024-12-01", "graduated", True, False),
        ("2024-10-20", "graduated", False, False),  # too few days
        ("2024-10-08", "graduated", False, False),
        ("2024-09-30", "transferred", False, False),  # before the as-of day, known only later
    ],
)
def test_what_an_exit_means(left, how, known, off_track):
    found = told(ordinary().enroll(left=left, how=how))
    assert (found.known[0], found.off_track[0]) == (known, off_track)
    assert found.withdrawal[0] == off_track


def test_a_move_within_the_district_is_followed():
    district = ordinary().school(2).year(school=2).term(YEAR_BEGINS, YEAR_ENDS, school=2)
    district.enroll(left=HORIZON[29], how="transferred").enroll(entered=HORIZON[31], school=2)
    assert not told(district.absent(*HORIZON[:5])).chronic_absence[0]
    # 59 days were enrolled; an absence at the new school is the sixth.
    assert told(district.absent(HORIZON[40], school=2)).chronic_absence[0]


def test_a_student_who_was_not_enrolled_that_day_is_not_told():
    assert not told(ordinary().enroll(entered="2024-10-02")).known[0]


def test_dropping_out_of_a_second_school_is_no_withdrawal():
    district = ordinary().school(2).year(school=2).enroll()
    district.enroll(school=2, primary=False, left="2024-11-01", how="dropped_out")
    found = told(district)
    assert found.known[0]
    assert not found.withdrawal[0]


@pytest.mark.parametrize(
    ("days", "failed", "left", "severity"),
    [
        (0, False, False, 0),
        (6, False, False, 1),
        (0, True, False, 1),
        (6, True, False, 2),
        (12, False, False, 2),
        (12, True, False, 3),
        (0, False, True, 3),
    ],
)
def test_severity_classes(days, failed, left, severity):
    district = ordinary().absent(*HORIZON[:days])
    district.enroll(left="2024-12-30", how="dropped_out") if left else district.enroll()
    if failed:
        district.grade(code="F")
    assert told(district).severity[0] == severity


def test_an_unknown_row_says_nothing_else():
    found = told(ordinary().enroll(left="2024-12-01", how="transferred").absent(*HORIZON[:30]))
    assert found.severity[0] == -1
    assert not (found.off_track | found.chronic_absence | found.course_failure)[0]


def test_a_correction_after_the_closing_does_not_change_the_label():
    district = ordinary().enroll().grade(code="F", known_from=end("2025-03-01"))
    history = district.history()
    label = closed_outcomes(lambda _, at: history.at(at), cohort(as_of=AS_OF), LATER)
    assert label.known[0]
    assert not label.off_track[0]
    assert told(district).off_track[0]


def test_rows_come_back_in_their_order_whatever_closes_first():
    district = ordinary().enroll(1).enroll(2, left="2024-12-01", how="dropped_out").enroll(3)
    history = district.history((1, 2, 3))
    rows = cohort((3, 2, 1))
    mixed = replace(
        rows,
        as_of=np.array(
            [end(d).replace(tzinfo=None) for d in ("2024-12-02", "2024-10-01", "2025-07-01")],
            "datetime64[us]",
        ),
    )
    found = closed_outcomes(lambda _, at: history.at(at), mixed, LATER)
    assert found.known.tolist() == [True, True, False]
    assert found.withdrawal.tolist() == [False, True, False]


def test_where_absence_is_no_part_attendance_need_not_be_observed():
    district = District().school(covered=False).year().term(YEAR_BEGINS, YEAR_ENDS)
    district.covered("course_grades").enroll().grade(code="F", subject="other")
    found = told(district, FAILS_OR_WITHDRAWS)
    assert found.course_failure[0]
    assert found.last[0] == np.datetime64(YEAR_ENDS)
    assert found.first[0] == np.datetime64("2024-10-02")


def test_no_rows_give_no_outcomes():
    known = ordinary().known(datetime(2025, 1, 1, tzinfo=UTC))
    assert len(outcomes(known, cohort(students=()))) == 0
    assert len(closed_outcomes(lambda _students, _at: known, cohort(students=()), LATER)) == 0
