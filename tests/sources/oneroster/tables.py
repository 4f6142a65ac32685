"""A small district as OneRoster 1.1 tables, and sets of CSV files written from such tables."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from edupulse.school.kind import Kind
from edupulse.sources.mapping import DistrictMapping
from edupulse.sources.oneroster.delivery import OneRoster, oneroster_csv

Row = dict[str, str]
Tables = Mapping[str, list[Row]]

YEAR = {"sourcedId": "y", "type": "schoolYear", "startDate": "2025-08-18", "endDate": "2026-05-29"}
FALL = {"sourcedId": "f", "type": "semester", "startDate": "2025-08-18", "endDate": "2025-12-19"}
SPRING = {"sourcedId": "s", "type": "semester", "startDate": "2026-01-05", "endDate": "2026-05-29"}


def small() -> dict[str, list[Row]]:
    """Two students and a teacher at one school; a class in each semester, with a result."""
    below = {"parentSourcedId": "y", "schoolYear": "2026"}
    return {
        "orgs": [
            {"sourcedId": "d", "name": "District", "type": "district"},
            {"sourcedId": "h", "name": "High School", "type": "school"},
        ],
        "academicSessions": [
            {**YEAR, "title": "Year", "schoolYear": "2026"},
            {**FALL, "title": "Fall", **below},
            {**SPRING, "title": "Spring", **below},
        ],
        "courses": [
            {"sourcedId": "alg", "title": "Algebra I", "subjects": "", "subjectCodes": "02052"},
            {"sourcedId": "eng", "title": "English I", "subjects": "English", "subjectCodes": ""},
        ],
        "classes": [
            _class("alg-f", "alg", "f"),
            _class("eng-s", "eng", "s"),
        ],
        "users": [
            _user("1", "student", grades="09"),
            _user("2", "student", grades="10"),
            _user("t", "teacher"),
        ],
        "enrollments": [
            enrolled("e1", "alg-f", "1"),
            enrolled("e2", "eng-s", "1"),
            enrolled("e3", "alg-f", "2"),
            enrolled("e4", "alg-f", "t", role="teacher"),
        ],
        "categories": [{"sourcedId": "c", "title": "Homework"}],
        "lineItems": [
            {
                "sourcedId": "i",
                "title": "Page 7",
                "dueDate": "2025-09-05",
                "classSourcedId": "alg-f",
                "categorySourcedId": "c",
                "gradingPeriodSourcedId": "f",
                "resultValueMin": "0",
                "resultValueMax": "10",
            }
        ],
        "results": [result("r1", "1", "8.5"), result("r2", "2", "", "not submitted")],
    }


def _class(name: str, course: str, terms: str) -> Row:
    return {
        "sourcedId": name,
        "title": name,
        "courseSourcedId": course,
        "classType": "scheduled",
        "schoolSourcedId": "h",
        "termSourcedIds": terms,
    }


def _user(name: str, role: str, grades: str = "") -> Row:
    return {
        "sourcedId": name,
        "orgSourcedIds": "h",
        "role": role,
        "username": f"user{name}",
        "givenName": f"G{name}",
        "familyName": f"F{name}",
        "grades": grades,
    }


def enrolled(name: str, of: str, user: str, role: str = "student", **more: str) -> Row:
    """A row of enrollments."""
    return {
        "sourcedId": name,
        "classSourcedId": of,
        "schoolSourcedId": "h",
        "userSourcedId": user,
        "role": role,
        "beginDate": "",
        "endDate": "",
        **more,
    }


def result(name: str, student: str, score: str, said: str = "fully graded", **more: str) -> Row:
    """A row of results."""
    return {
        "sourcedId": name,
        "lineItemSourcedId": "i",
        "studentSourcedId": student,
        "scoreStatus": said,
        "score": score,
        "scoreDate": "2025-09-08",
        **more,
    }


def text_of(rows: list[Row]) -> str:
    """Rows as CSV; the first columns are status and dateLastModified, as in the standard."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = ["sourcedId", "status", "dateLastModified"]
    names = [*head, *(name for name in names if name not in head)]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write_set(folder: Path, tables: Tables, mode: str = "", version: str = "1.1") -> Path:
    """A folder of CSV files; with a manifest where a mode is given."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        (folder / f"{name}.csv").write_text(text_of(rows), encoding="utf-8", newline="")
    if mode:
        said = "".join(f"file.{name},{mode}\n" for name in tables)
        text = f"propertyName,value\nmanifest.version,1.0\noneroster.version,{version}\n{said}"
        (folder / "manifest.csv").write_text(text, encoding="utf-8")
    return folder


def write_zip(path: Path, tables: Tables, inside: str = "") -> Path:
    """The same as a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in tables.items():
            archive.writestr(f"{inside}{name}.csv", text_of(rows))
    return path


def delivery_of(folder: Path, tables: Tables, mapping: DistrictMapping | None = None) -> OneRoster:
    """What a set of these tables delivers."""
    return oneroster_csv(write_set(folder, tables), mapping)


def records(delivery: OneRoster, kind: Kind) -> pl.DataFrame:
    """All records of a kind."""
    return pl.concat([batch.frame for batch in delivery.batches(kind)])


def values(delivery: OneRoster, kind: Kind, *names: str) -> list[tuple[Any, ...]]:
    """Some fields of all records of a kind, sorted."""
    rows = records(delivery, kind).select(names).rows()
    return sorted(rows, key=lambda row: tuple(str(value) for value in row))


def reasons(delivery: OneRoster, kind: Kind) -> list[tuple[Any, ...]]:
    """Why rows of a kind were left out."""
    list(delivery.batches(kind))
    rows = delivery.ledger.rejections.select("file", "line", "field", "reason").rows()
    return sorted(rows, key=str)


def notes(delivery: OneRoster) -> dict[tuple[str, str], int]:
    """What a person should read."""
    return {(note.file, note.what): note.count for note in delivery.ledger.notes}
