"""The content hash: the same everywhere, blind to the order of rows, sharp for every value."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from edupulse.school.records import ATTENDANCE, INCIDENTS
from edupulse.store.content import content_hash


def absence(**more: Any) -> dict[str, Any]:
    row = {
        "student": 1,
        "date": date(2025, 9, 15),
        "status": "excused",
        "school": 1,
        "fraction": 1000,
        "reason": "flu",
        "retracted": False,
    }
    return {**row, **more}


def hashes(*rows: dict[str, Any]) -> list[int]:
    frame = pl.DataFrame(list(rows), schema={**ATTENDANCE.schema, "retracted": pl.Boolean()})
    return content_hash(ATTENDANCE, frame).to_list()


def test_the_hash_is_the_same_on_every_machine_and_in_every_release():
    assert hashes(absence(), absence(reason=None, fraction=None)) == [GOLDEN, GOLDEN_UNKNOWN]


GOLDEN, GOLDEN_UNKNOWN = 4923906211213496464, -4492969387153038745


def test_every_value_counts_and_unknown_is_not_zero():
    rows = [
        absence(),
        absence(fraction=500),
        absence(fraction=0),
        absence(fraction=None),
        absence(reason="cold"),
        absence(reason=None),
        absence(retracted=True),
    ]
    assert len(set(hashes(*rows))) == len(rows)
    assert hashes(*rows[::-1]) == hashes(*rows)[::-1]


def test_the_key_does_not_count():
    assert len(set(hashes(absence(), absence(student=2, date=date(2025, 9, 16))))) == 1


def test_a_reference_counts_by_the_districts_own_text():
    row = {"school": 1, "school_id": "N", "behavior": "theft", "retracted": False}
    schema = {**INCIDENTS.schema, "school_id": pl.String(), "retracted": pl.Boolean()}
    one, other, third = (
        content_hash(INCIDENTS, pl.DataFrame([{**row, **more}], schema=schema)).item()
        for more in ({}, {"school": 2}, {"school_id": "S"})
    )
    assert one == other
    assert one != third
