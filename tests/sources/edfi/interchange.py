"""Writes small Ed-Fi resources, as bulk XML and as the API gives them, for the tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import polars as pl

from edupulse.school.kind import Kind
from edupulse.sources.edfi.delivery import EdFi

Content = Mapping[str, Any]

SECTION = {
    "sectionIdentifier": "ALG",
    "localCourseCode": "ALG-1",
    "schoolId": 1,
    "schoolYear": 2026,
    "sessionName": "Fall",
}
OTHER_SECTION = {**SECTION, "sectionIdentifier": "ART", "localCourseCode": "ART-1"}


def uri(descriptor: str, code: str) -> str:
    return f"uri://ed-fi.org/{descriptor}Descriptor#{code}"


def day(date: str, category: str, student: str = "7", **more: Any) -> Content:
    """A studentSchoolAttendanceEvent."""
    return {
        "studentReference": {"studentUniqueId": student},
        "schoolReference": {"schoolId": 1},
        "sessionReference": {"schoolId": 1, "schoolYear": 2026, "sessionName": "Fall"},
        "eventDate": date,
        "attendanceEventCategoryDescriptor": uri("AttendanceEventCategory", category),
        **more,
    }


def period(date: str, category: str, section: Content = SECTION, student: str = "7") -> Content:
    """A studentSectionAttendanceEvent."""
    return {
        "studentReference": {"studentUniqueId": student},
        "sectionReference": section,
        "eventDate": date,
        "attendanceEventCategoryDescriptor": uri("AttendanceEventCategory", category),
    }


def in_section(section: Content = SECTION, begins: str = "2025-09-01", **more: Any) -> Content:
    """A studentSectionAssociation."""
    return {
        "studentReference": {"studentUniqueId": "7"},
        "sectionReference": section,
        "beginDate": begins,
        **more,
    }


_LISTED_WITHIN = {
    "behaviors": "Behavior",
    "identificationCodes": "CourseIdentificationCode",
    "studentCharacteristics": "StudentCharacteristic",
    "disabilities": "Disability",
    "electronicMails": "ElectronicMail",
}
"""Lists whose items have an element of their own around their values."""

_WRAPPED = {
    "AttendanceEvent": ("eventDate", "attendanceEventCategoryDescriptor", "eventDuration"),
    "Name": ("firstName", "lastSurname"),
    "BirthData": ("birthDate",),
}


def element(name: str, content: Content) -> str:
    """A resource as an element of bulk XML: an own writing of the same, to compare with."""
    inner = []
    for wrapper, names in _WRAPPED.items():
        within = {key: content[key] for key in names if key in content}
        if within:
            inner.append(f"<{wrapper}>{_values(within)}</{wrapper}>")
    wrapped = {key for names in _WRAPPED.values() for key in names}
    inner.append(_values({key: v for key, v in content.items() if key not in wrapped}))
    return f"<{name}>{''.join(inner)}</{name}>"


def _values(content: Content) -> str:
    return "".join(_value(key, value) for key, value in content.items())


def _value(key: str, value: Any) -> str:
    tag = key[:1].upper() + key[1:]
    tag = tag.removesuffix("Descriptor")
    match value:
        case dict() if key.endswith("Reference"):
            identity = tag.removesuffix("Reference") + "Identity"
            return f"<{tag}><{identity}>{_nested(value)}</{identity}></{tag}>"
        case list() if key in _LISTED_WITHIN:
            tag = _LISTED_WITHIN[key]
            return "".join(f"<{tag}>{_values(item)}</{tag}>" for item in value)
        case list():
            return "".join(_values(item) for item in value)
        case _ if key.startswith("_") or key == "id":
            return ""
        case bool():
            return f"<{tag}>{str(value).lower()}</{tag}>"
        case _:
            return f"<{tag}>{escape(str(value))}</{tag}>"


def _nested(value: Content) -> str:
    """What the API lists flat stands in references within references."""
    flat = {k: v for k, v in value.items() if k not in ("schoolYear", "sessionName", "schoolId")}
    within = "".join(
        _value(k, f"{int(v) - 1}-{v}" if k == "schoolYear" else v)
        for k, v in value.items()
        if k in ("schoolYear", "sessionName", "schoolId")
    )
    session = f"<SessionReference><SessionIdentity>{within}</SessionIdentity></SessionReference>"
    return _values(flat) + (session if within else "")


def write_xml(path: Path, name: str, contents: Iterable[Content]) -> Path:
    """An interchange of resources of one element."""
    body = "".join(element(name, content) for content in contents)
    space = 'xmlns="http://ed-fi.org/5.2.0"'
    path.write_text(f"<InterchangeTest {space}>{body}</InterchangeTest>", encoding="utf-8")
    return path


def records(delivery: EdFi, kind: Kind) -> pl.DataFrame:
    """All batches of a kind as one frame."""
    return pl.concat([batch.frame for batch in delivery.batches(kind)])


def notes(delivery: EdFi) -> dict[str, int]:
    return {note.what: note.count for note in delivery.ledger.notes}


def rejected(delivery: EdFi) -> list[tuple[str | None, str]]:
    return list(delivery.ledger.rejections.select("field", "reason").iter_rows())
