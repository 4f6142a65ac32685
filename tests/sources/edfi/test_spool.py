"""The spool: rows come out as they went in, references followed, and nothing stays on the disk."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from edupulse.sources.edfi import spool as spool_module
from edupulse.sources.edfi.resource import Resource
from edupulse.sources.edfi.resources import BEHAVIOR, INCIDENT, SCHOOL_ATTENDANCE
from edupulse.sources.edfi.spool import Spool


def put(spool: Spool, resource: Resource, file: str = "a.xml", **values: object) -> None:
    row = resource.row()
    for at, column in enumerate(resource.columns):
        row[at] = values.get(column.name, row[at])  # type: ignore[assignment]
    spool.add(resource, row, file, spool.rows[resource.element] + 1, deleted=False)


def test_a_reference_by_id_is_followed_in_its_own_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "PART", 2)
    spool = Spool()
    put(spool, BEHAVIOR, incident_ref="D1", student="1")
    put(spool, BEHAVIOR, incident="9", school="S", student="2")
    put(spool, BEHAVIOR, incident_ref="D7", student="3")
    put(spool, INCIDENT, id="D1", incident="1", school="N")
    put(spool, INCIDENT, "b.xml", id="D7", incident="7", school="N")
    found = spool.whole(BEHAVIOR).select("student", "incident", "school").rows()
    assert found == [("1", "1", "N"), ("2", "9", "S"), ("3", None, None)]


def test_buckets_keep_the_rows_of_a_student_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "PART", 7)
    monkeypatch.setattr(spool_module, "BUCKET", 10)
    spool = Spool()
    for n in range(100):
        put(spool, SCHOOL_ATTENDANCE, student=str(n % 20), date=str(n))
    buckets = [frame for [frame] in spool.buckets(SCHOOL_ATTENDANCE)]
    assert len(buckets) == 11
    whole = pl.concat(buckets)
    assert sorted(whole["date"].cast(int)) == list(range(100))
    students = [set(frame["student"]) for frame in buckets]
    assert sum(map(len, students)) == 20


def test_what_is_laid_down_has_no_name_and_goes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spool = Spool()
    put(spool, INCIDENT, incident="1")
    assert spool.whole(INCIDENT).height == 1
    assert list(tmp_path.iterdir()) == []
    spool.close()
    with pytest.raises(ValueError, match="closed"):
        spool.whole(INCIDENT)


def test_a_resource_without_rows_is_seen_or_not() -> None:
    spool = Spool()
    assert not spool.saw(INCIDENT)
    spool.see(INCIDENT)
    assert spool.saw(INCIDENT)
    assert spool.whole(INCIDENT).schema == INCIDENT.schema
