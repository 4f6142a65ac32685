"""The 13 discipline features, by hand: school runs Monday to Friday from Monday 2025-08-18."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from builders import District, value_of, weekdays

DAYS = weekdays("2025-08-18", "2026-06-12")
SATURDAY = DAYS[4] + timedelta(days=1)
EXACT = {"rel": 1e-6, "abs": 1e-6}


def enrolled(**school):
    return District().school(1, DAYS, **school).enrolled(1, 1, "2025-08-18")


def incidents(*facts, district=None):
    """Incidents from (day, severity) or (day, severity, behavior)."""
    district = district or enrolled()
    for number, (day, severity, *behavior) in enumerate(facts):
        district.add(
            "incidents",
            incident_id=f"i{number}",
            student=1,
            date=day,
            behavior=(behavior or ["fighting"])[0],
            severity=severity,
        )
    return district


def excluded(district, incident, day, days, **fields):
    return district.add(
        "exclusions",
        incident_id=incident,
        student=1,
        kind="out_of_school",
        begins_on=day,
        days=days,
        **fields,
    )


def test_two_incidents_on_one_day_are_one_incident_day():
    district = incidents((DAYS[0], 1), (DAYS[0], 2), (DAYS[3], 1))
    assert value_of(district, DAYS[4], "incident_days_w") == 2


def test_an_incident_on_a_saturday_counts_on_friday():
    district = incidents((DAYS[4], 1), (SATURDAY, 1))
    assert value_of(district, DAYS[6], "incident_days_w", week=-2) == 1
    assert value_of(district, DAYS[6], "days_since_incident") == 2


def test_zero_is_a_true_zero_only_where_incidents_are_recorded():
    assert value_of(enrolled(), DAYS[44], "incident_rate_d45") == 0
    district = enrolled(records_incidents=False)
    for name in ("incident_days_w", "incident_rate_d45", "severity_load_d60", "exclusion_days_ytd"):
        assert math.isnan(value_of(district, DAYS[44], name))


def test_the_rate_is_per_100_observed_days():
    district = incidents((DAYS[0], 1), (DAYS[19], 1), (DAYS[19], 3))
    assert value_of(district, DAYS[19], "incident_rate_d45") == pytest.approx(10, **EXACT)
    assert value_of(district, DAYS[44], "incident_rate_d45") == pytest.approx(200 / 45, **EXACT)
    assert value_of(district, DAYS[45], "incident_rate_d45") == pytest.approx(100 / 45, **EXACT)
    assert math.isnan(value_of(district, DAYS[8], "incident_rate_d45"))


def test_the_load_halves_in_20_days():
    district = incidents((DAYS[0], 4), (DAYS[20], 3))
    assert value_of(district, DAYS[20], "severity_load_d60") == pytest.approx(5, **EXACT)
    assert value_of(district, DAYS[40], "severity_load_d60") == pytest.approx(2.5, **EXACT)
    assert value_of(district, DAYS[60], "severity_load_d60") == pytest.approx(0.75, **EXACT)


def test_highest_and_mean_severity_of_60_days():
    district = incidents((DAYS[0], 5), (DAYS[10], 1), (DAYS[11], 2))
    assert value_of(district, DAYS[59], "severity_max_d60") == 5
    assert value_of(district, DAYS[60], "severity_max_d60") == 2
    assert value_of(district, DAYS[60], "severity_mean_d60") == pytest.approx(1.5, **EXACT)
    assert math.isnan(value_of(district, DAYS[75], "severity_max_d60"))
    assert math.isnan(value_of(district, DAYS[75], "severity_mean_d60"))


def test_severity_rises_from_incident_to_incident():
    district = incidents((DAYS[0], 1), (DAYS[1], 2), (DAYS[30], 4))
    # Pairwise slopes 1, 2 and 3/2.
    assert value_of(district, DAYS[30], "severity_slope_d60") == pytest.approx(1.5, **EXACT)
    assert math.isnan(value_of(district, DAYS[29], "severity_slope_d60"))


def test_the_change_compares_two_windows_of_20_days():
    district = incidents((DAYS[5], 1), (DAYS[25], 1), (DAYS[26], 1))
    assert value_of(district, DAYS[39], "incident_change_d20") == pytest.approx(5, **EXACT)
    assert math.isnan(value_of(district, DAYS[38], "incident_change_d20"))


def test_days_since_incident_are_capped():
    district = incidents((DAYS[3], 1))
    assert value_of(district, DAYS[3], "days_since_incident") == 0
    assert value_of(district, DAYS[13], "days_since_incident") == 10
    assert value_of(district, DAYS[150], "days_since_incident") == 120
    assert value_of(enrolled(), DAYS[3], "days_since_incident") == 120


def test_the_median_gap_is_between_incident_days():
    district = incidents((DAYS[0], 1), (DAYS[0], 1), (DAYS[2], 1), (DAYS[12], 1))
    assert value_of(district, DAYS[12], "median_gap_ytd") == 6
    assert math.isnan(value_of(district, DAYS[1], "median_gap_ytd"))


def test_only_incidents_whose_30_days_have_passed_can_recur():
    district = incidents((DAYS[0], 1), (DAYS[30], 1), (DAYS[61], 1))
    assert math.isnan(value_of(district, DAYS[29], "recidivism_30_ytd"))
    assert value_of(district, DAYS[30], "recidivism_30_ytd") == 1
    assert value_of(district, DAYS[61], "recidivism_30_ytd") == 0.5


def test_a_second_incident_on_the_same_day_is_no_recidivism():
    district = incidents((DAYS[0], 1), (DAYS[0], 1))
    assert value_of(district, DAYS[30], "recidivism_30_ytd") == 0


def test_repeated_behaviors_and_their_variety():
    district = incidents((DAYS[0], 1, "theft"), (DAYS[1], 1, "theft"), (DAYS[2], 1, "fighting"))
    assert value_of(district, DAYS[2], "repeat_behavior_d60") == pytest.approx(1 / 3, **EXACT)
    assert value_of(district, DAYS[2], "behavior_variety_d60") == pytest.approx(3 / 5, **EXACT)
    assert value_of(district, DAYS[60], "repeat_behavior_d60") == 0
    assert math.isnan(value_of(district, DAYS[0], "repeat_behavior_d60"))
    assert value_of(district, DAYS[0], "behavior_variety_d60") == pytest.approx(2 / 3, **EXACT)
    assert math.isnan(value_of(enrolled(), DAYS[2], "behavior_variety_d60"))


def test_exclusion_days_are_those_served_so_far():
    district = excluded(incidents((DAYS[3], 4)), "i0", DAYS[4], 3)
    assert value_of(district, DAYS[5], "exclusion_days_ytd") == 2
    assert value_of(district, DAYS[20], "exclusion_days_ytd") == 3


def test_an_open_exclusion_lasts():
    district = excluded(incidents((DAYS[3], 4)), "i0", DAYS[4], None)
    assert value_of(district, DAYS[20], "exclusion_days_ytd") == 17


def test_what_was_overturned_did_not_happen():
    district = excluded(incidents((DAYS[3], 4)), "i0", DAYS[4], 3)
    fact = district.rows["incidents"].pop()
    district.rows["incidents"].append({**fact, "overturned": True})
    assert value_of(district, DAYS[20], "exclusion_days_ytd") == 0
    assert value_of(district, DAYS[20], "incident_rate_d45") == 0


@pytest.mark.parametrize("change", [{"role": "victim"}, {"role": "witness"}, {"severity": None}])
def test_victims_witnesses_and_unmapped_behaviors_do_not_count(change):
    district = incidents((DAYS[3], 4))
    fact = district.rows["incidents"].pop()
    district.rows["incidents"].append({**fact, **change})
    assert value_of(district, DAYS[20], "days_since_incident") == 120
