from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from edupulse.school.errors import BadInput
from edupulse.school.knowledge import History, Known, end_of_day, with_known_until
from edupulse.school.records import INCIDENTS, SCHOOLS, STUDENT_IDS

BEHAVIOR = "defiance"


def instant(day: int) -> datetime:
    return datetime(2024, 3, day, tzinfo=UTC)


def incident(day: int, *, known: int, severity: int = 2, student: int = 1, retracted: bool = False):
    return {
        "incident_id": f"i{day}",
        "student": student,
        "date": date(2024, 3, day),
        "behavior": BEHAVIOR,
        "severity": severity,
        "role": "perpetrator",
        "school": 1,
        "overturned": False,
        "known_from": instant(known),
        "retracted": retracted,
    }


def history(*rows, merges=(), students=(1,)) -> History:
    schema = {k: v for k, v in INCIDENTS.version_schema.items() if k != "known_until"}
    merged = pl.DataFrame(
        [(old, new, instant(known), None, False) for old, new, known in merges],
        schema=STUDENT_IDS.version_schema,
        orient="row",
    )
    incidents = with_known_until(INCIDENTS, pl.DataFrame(rows, schema=schema))
    return History(np.array(students), {"incidents": incidents, "student_ids": merged})


def severities(history: History, day: int) -> list[int]:
    return history.at(instant(day)).frame(INCIDENTS)["severity"].to_list()


def test_a_record_is_unseen_until_it_is_known() -> None:
    late = history(incident(1, known=5))
    assert severities(late, 4) == []
    assert severities(late, 5) == [2]


def test_a_correction_replaces_what_was_known_before_it() -> None:
    corrected = history(incident(1, known=2), incident(1, known=6, severity=4))
    assert [severities(corrected, day) for day in (3, 6, 9)] == [[2], [4], [4]]


def test_a_retraction_removes_the_record_from_then_on() -> None:
    retracted = history(incident(1, known=2), incident(1, known=6, retracted=True))
    assert [severities(retracted, day) for day in (5, 6)] == [[2], []]


def test_order_and_repetition_of_versions_do_not_matter() -> None:
    a, b = incident(1, known=2), incident(1, known=2, severity=5)
    assert severities(history(a, b, a), 3) == severities(history(b, a), 3) == [5]


def test_a_merged_number_is_followed_from_the_day_it_is_known() -> None:
    merged = history(
        incident(1, known=1, student=9), incident(2, known=2), merges=[(9, 8, 4), (8, 1, 4)]
    )
    assert len(severities(merged, 5)) == 2


def test_a_record_under_both_numbers_counts_once_after_the_merge() -> None:
    twice = history(incident(1, known=1, student=9), incident(1, known=1), merges=[(9, 1, 4)])
    assert severities(twice, 5) == [2]


def test_before_the_merge_the_other_number_is_somebody_else() -> None:
    merged = history(incident(1, known=1, student=9), incident(2, known=2), merges=[(9, 1, 4)])
    assert merged.at(instant(3)).frame(INCIDENTS)["student"].to_list() == [1]


def test_an_instant_of_any_time_zone_will_do() -> None:
    there = instant(3).astimezone(ZoneInfo("America/Chicago"))
    assert history(incident(1, known=2)).at(there).frame(INCIDENTS).height == 1


def test_a_circle_of_merges_ends() -> None:
    circle = history(incident(1, known=1), merges=[(1, 2, 3), (2, 1, 3)])
    assert len(severities(circle, 5)) <= 1


def test_nothing_but_a_history_makes_known() -> None:
    with pytest.raises(TypeError, match=r"History\.at"):
        Known(np.array([1], np.int32), {}, {}, instant(1), object())


def test_an_as_of_without_time_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="time zone"):
        history().at(datetime(2024, 3, 1))  # noqa: DTZ001 - that is the error


def test_a_frame_with_other_columns_is_refused() -> None:
    with pytest.raises(BadInput, match="schools"):
        History(np.array([1]), {SCHOOLS.name: pl.DataFrame({"school": [1]})})


def test_a_day_ends_where_it_ends_last() -> None:
    ends = end_of_day(date(2024, 3, 1), ["America/New_York", "America/Los_Angeles"])
    assert ends == datetime(2024, 3, 2, 7, 59, 59, 999999, tzinfo=UTC)
