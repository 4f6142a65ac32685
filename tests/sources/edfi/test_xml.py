"""The reader of Ed-Fi XML: what it reads, what it refuses, and that memory stays flat."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edupulse.school.errors import BadInput
from edupulse.sources.edfi.json import row_of
from edupulse.sources.edfi.resource import Row
from edupulse.sources.edfi.resources import ACTION, BY_ELEMENT, GRADE, SCHOOL_ATTENDANCE
from edupulse.sources.edfi.xml import read_xml

EVENT = """<StudentSchoolAttendanceEvent>
  <AttendanceEvent>
    <EventDate> 2021-08-31 </EventDate>
    <AttendanceEventCategory>uri://ed-fi.org/AttendanceEventCategoryDescriptor#Tardy</AttendanceEventCategory>
    <EventDuration>0.5</EventDuration>
  </AttendanceEvent>
  <StudentReference><StudentIdentity>
    <StudentUniqueId>604&#56;22</StudentUniqueId>
  </StudentIdentity></StudentReference>
  <SchoolReference><SchoolIdentity><SchoolId>255901001</SchoolId></SchoolIdentity></SchoolReference>
</StudentSchoolAttendanceEvent>"""


def interchange(body: str, before: str = "", version: str = "5.2.0") -> str:
    space = f'xmlns="http://ed-fi.org/{version}"'
    return f"{before}<InterchangeStudentAttendance {space}>{body}</InterchangeStudentAttendance>"


def rows(folder: Path, text: str | bytes, name: str = "a.xml") -> list[tuple[str, Row, int]]:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    found: list[tuple[str, Row, int]] = []
    read_xml(path, BY_ELEMENT, lambda what, row, line: found.append((what.element, row, line)))
    return found


def test_an_element_is_read_by_the_names_of_its_values(tmp_path: Path) -> None:
    [(element, row, line)] = rows(tmp_path, interchange("\n\n" + EVENT))
    assert element == "StudentSchoolAttendanceEvent"
    assert dict(zip(SCHOOL_ATTENDANCE.schema, row, strict=False)) == {
        "student": "604822",
        "school": "255901001",
        "date": "2021-08-31",
        "category": "uri://ed-fi.org/AttendanceEventCategoryDescriptor#Tardy",
        "duration": "0.5",
        "reason": None,
        "id": None,
        "changed": None,
    }
    assert line == 3


def test_xml_and_json_give_the_same_row(tmp_path: Path) -> None:
    [(_, row, _)] = rows(tmp_path, interchange(EVENT))
    content = {
        "studentReference": {"studentUniqueId": "604822", "link": {"rel": "Student", "href": "x"}},
        "schoolReference": {"schoolId": 255901001},
        "eventDate": "2021-08-31",
        "attendanceEventCategoryDescriptor": "uri://ed-fi.org/"
        "AttendanceEventCategoryDescriptor#Tardy",
        "eventDuration": "0.5",
        "_etag": "1",
    }
    assert row_of(SCHOOL_ATTENDANCE, content) == row


def test_what_lies_in_another_part_of_the_resource_is_not_taken_for_its_own(
    tmp_path: Path,
) -> None:
    grade = """<Grade><LetterGradeEarned>B</LetterGradeEarned><LearningStandardGrade>
      <NumericGradeEarned>63</NumericGradeEarned></LearningStandardGrade></Grade>"""
    [(_, row, _)] = rows(tmp_path, interchange(grade))
    held = dict(zip(GRADE.schema, row, strict=False))
    assert (held["letter"], held["numeric"]) == ("B", None)


def test_what_may_come_several_times_is_a_list(tmp_path: Path) -> None:
    association = """<StudentDisciplineIncidentBehaviorAssociationReference><X>
      <DisciplineIncidentReference><Y><IncidentIdentifier>{}</IncidentIdentifier></Y>
      </DisciplineIncidentReference></X></StudentDisciplineIncidentBehaviorAssociationReference>"""
    action = "".join(association.format(n) for n in (7, 8))
    [(_, row, _)] = rows(tmp_path, interchange(f"<DisciplineAction>{action}</DisciplineAction>"))
    assert dict(zip(ACTION.schema, row, strict=False))["incidents"] == ["7", "8"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_files_say_their_encoding(tmp_path: Path, encoding: str) -> None:
    student = "<Student><Name><FirstName>Zoë</FirstName></Name></Student>"
    text = interchange(student, f'<?xml version="1.0" encoding="{encoding}"?>')
    [(_, row, _)] = rows(tmp_path, text.encode(encoding))
    assert row[1] == "Zoë"


@pytest.mark.parametrize("version", ["0400", "4.0.0-a", "5.2.0"])
def test_each_version_of_the_standard_has_its_own_namespace(tmp_path: Path, version: str) -> None:
    assert len(rows(tmp_path, interchange(EVENT, version=version))) == 1


def test_elements_that_are_no_resource_of_ours_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(interchange("<Person><A/></Person><Person/>" + EVENT))
    found: list[int] = []
    others = read_xml(path, BY_ELEMENT, lambda _what, _row, line: found.append(line))
    assert others == {"Person": 2}
    assert len(found) == 1


BOMB = """<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>"""
HOSTILE = {
    "entities that grow": (interchange("<Student>&d;</Student>", BOMB), "DOCTYPE"),
    "an entity from a file": (
        interchange(
            "<Student>&e;</Student>", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        ),
        "DOCTYPE",
    ),
    "an external DTD": (
        interchange(EVENT, '<!DOCTYPE x SYSTEM "http://example.org/x">'),
        "DOCTYPE",
    ),
    "a parameter entity": (
        interchange(EVENT, '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>'),
        "DOCTYPE",
    ),
    "an undeclared entity": (interchange("<Student>&lol;</Student>"), "undefined entity"),
    "too deep": (interchange("<Student>" + "<a>" * 100 + "</a>" * 100 + "</Student>"), "deeper"),
    "too deep in what is not read": (
        interchange("<b>" + "<a>" * 99 + "</a>" * 99 + "</b>"),
        "deep",
    ),
    "a text without end": (
        interchange(f"<Student><StudentUniqueId>{'1' * 70_000}</StudentUniqueId></Student>"),
        "longer than",
    ),
    "a record without end": (
        interchange("<Student>" + "<Address>1</Address>" * 300_000 + "</Student>"),
        "larger than",
    ),
    "a tag without end": (interchange(f'<Student a="{"x" * 6_000_000}"/>'), "larger than"),
    "a comment without end": (interchange(f"<!--{'x' * 6_000_000}-->"), "larger than"),
    "names without end": (
        interchange("".join(f"<e{n}/>" for n in range(6000))),
        "more names",
    ),
    "another XML": ("<html><body/></html>", "not an Ed-Fi Interchange"),
    "cut off": (interchange(EVENT)[: -len("</InterchangeStudentAttendance>")], "no element found"),
    "nothing": ("", "no element found"),
    "no XML": ("student_id,date\n1,2021-08-31\n", "syntax error"),
    "an unknown encoding": ('<?xml version="1.0" encoding="x-none"?><a/>', "encoding"),
    "a decoder that is no encoding": ('<?xml version="1.0" encoding="hex"?><a/>', "encoding"),
    "crossed tags": (interchange("<Student></Person>"), "mismatched tag"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_no_honest_export_holds_is_refused(tmp_path: Path, what: str) -> None:
    text, why = HOSTILE[what]
    with pytest.raises(BadInput, match=why) as refused:
        rows(tmp_path, text)
    assert refused.value.file == "a.xml"
    assert refused.value.to_do


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode), st.integers(0, 900))
def test_damage_anywhere_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, damage: bytes, at: int
) -> None:
    whole = interchange(EVENT).encode()
    folder = tmp_path_factory.mktemp("damaged")
    try:
        found = rows(folder, whole[:at] + damage + whole[at + len(damage) :])
    except BadInput:
        return
    assert len(found) <= 1


MEMORY = """
import resource, sys
from pathlib import Path
from edupulse.sources.edfi.resources import BY_ELEMENT
from edupulse.sources.edfi.xml import read_xml
def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = [0]
def found(*_): count[0] += 1
read_xml(Path(sys.argv[1]), BY_ELEMENT, found)
before, read = most(), count[0]
read_xml(Path(sys.argv[2]), BY_ELEMENT, found)
print(read, count[0] - read, most() - before)
"""


def test_a_file_fifty_times_as_large_needs_no_more_memory(tmp_path: Path) -> None:
    sizes = {"small": 1_000, "large": 50_000}
    for name, size in sizes.items():
        before, _, after = interchange("|").partition("|")
        with gzip.open(tmp_path / f"{name}.xml.gz", "wt", compresslevel=1) as file:
            file.write(before)
            file.writelines(EVENT for _ in range(size))
            file.write(after)
    paths = [str(tmp_path / f"{name}.xml.gz") for name in sizes]
    told = subprocess.run(
        [sys.executable, "-c", MEMORY, *paths], capture_output=True, text=True, check=True
    )
    small, large, grown = map(int, told.stdout.split())
    assert (small, large) == (1_000, 50_000)
    assert grown < 4 * 1024  # KiB; the file is 37 MiB
