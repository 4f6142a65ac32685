"""Ed-Fi records a second: XML as a district exports it, to checked records, beside a bare parse.

    .venv/bin/python benchmarks/edfi_rows.py [STUDENTS] [STUDENTS …]

Writes the interchanges of a district of so many students (one school year: 90 gradebook entries,
8 school attendance events and 7 sections each), reads them in a process of its own, and prints CPU
seconds (other work on the machine does not count) and the highest memory. The bare parse is expat's
own, of the same files, without a handler. No database is involved.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

MARKS, EVENTS, SECTIONS = 90, 8, 7
SCHOOL = (
    "<SchoolReference><SchoolIdentity><SchoolId>1</SchoolId></SchoolIdentity></SchoolReference>"
)
SESSION = (
    "<SessionReference><SessionIdentity><SessionName>Fall</SessionName><SchoolYear>2025-2026"
    f"</SchoolYear>{SCHOOL}</SessionIdentity></SessionReference>"
)
CATEGORIES = ("Excused Absence", "Unexcused Absence", "Tardy")

READ = """
import json, resource, sys, time
from pathlib import Path
def spent():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
folder, what = Path(sys.argv[1]), sys.argv[2]
if what == "bare":
    from xml.parsers import expat
    begun = spent()
    for path in sorted(folder.glob("*.xml")):
        with path.open("rb") as file:
            expat.ParserCreate().ParseFile(file)
    told = {"parse": spent() - begun}
else:
    from edupulse.school.records import KINDS
    from edupulse.sources.edfi.folder import edfi_folder
    begun = spent()
    delivery = edfi_folder(folder)
    told = {"read": spent() - begun, "records": 0}
    for kind in KINDS:
        for batch in delivery.batches(kind):
            told["records"] += batch.frame.height
    told["all"] = spent() - begun
    told["rejected"] = delivery.ledger.rejections.height
    delivery.close()
told["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps(told))
"""


def student(number: int) -> str:
    return (
        f"<StudentReference><StudentIdentity><StudentUniqueId>{number:07}</StudentUniqueId>"
        "</StudentIdentity></StudentReference>"
    )


def section(number: int) -> str:
    return (
        f"<SectionReference><SectionIdentity><SectionIdentifier>C{number}</SectionIdentifier>"
        f"<CourseOfferingReference><CourseOfferingIdentity><LocalCourseCode>X{number}"
        f"</LocalCourseCode>{SCHOOL}{SESSION}</CourseOfferingIdentity></CourseOfferingReference>"
        "</SectionIdentity></SectionReference>"
    )


def uri(descriptor: str, code: str) -> str:
    return f"uri://ed-fi.org/{descriptor}Descriptor#{code}"


def day(number: int) -> str:
    return f"2025-{9 + number // 28 % 4:02}-{number % 28 + 1:02}"


def entries() -> Iterator[str]:
    for number in range(SECTIONS * MARKS):
        yield (
            f"<GradebookEntry><GradebookEntryIdentifier>{number}</GradebookEntryIdentifier>"
            f"<Namespace>uri://x</Namespace>{section(number % SECTIONS)}<DateAssigned>"
            f"{day(number)}</DateAssigned><DueDate>{day(number)}</DueDate>"
            "<MaxPoints>10</MaxPoints></GradebookEntry>\n"
        )


def marks(students: int) -> Iterator[str]:
    for number in range(students * MARKS):
        yield (
            "<StudentGradebookEntry>\n  <GradebookEntryReference><GradebookEntryIdentity>"
            f"<GradebookEntryIdentifier>{number % (SECTIONS * MARKS)}</GradebookEntryIdentifier>"
            "<Namespace>uri://x</Namespace></GradebookEntryIdentity></GradebookEntryReference>\n  "
            f"{student(number // MARKS)}\n  <PointsEarned>{number % 11}</PointsEarned>\n  "
            f"<SubmissionStatus>{uri('SubmissionStatus', 'Graded')}</SubmissionStatus>\n"
            "</StudentGradebookEntry>\n"
        )


def events(students: int) -> Iterator[str]:
    for number in range(students * EVENTS):
        category = uri("AttendanceEventCategory", CATEGORIES[number % 3])
        yield (
            "<StudentSchoolAttendanceEvent>\n  <AttendanceEvent>\n    <EventDate>"
            f"{day(number % EVENTS * 11)}</EventDate>\n    <AttendanceEventCategory>{category}"
            "</AttendanceEventCategory>\n    <EventDuration>1</EventDuration>\n  "
            f"</AttendanceEvent>\n  {student(number // EVENTS)}\n  {SCHOOL}\n  {SESSION}\n"
            "</StudentSchoolAttendanceEvent>\n"
        )


def rosters(students: int) -> Iterator[str]:
    for number in range(students * SECTIONS):
        yield (
            f"<StudentSectionAssociation>{student(number // SECTIONS)}{section(number % SECTIONS)}"
            "<BeginDate>2025-09-01</BeginDate></StudentSectionAssociation>\n"
        )


def write(folder: Path, students: int) -> int:
    """The interchanges; returns their bytes."""
    files = {
        "Gradebook": entries(),
        "Marks": marks(students),
        "Attendance": events(students),
        "Enrollment": rosters(students),
    }
    for name, elements in files.items():
        with (folder / f"{name}.xml").open("w", encoding="utf-8") as file:
            file.write(f'<Interchange{name} xmlns="http://ed-fi.org/5.2.0">\n')
            file.writelines(elements)
            file.write(f"</Interchange{name}>\n")
    return sum(path.stat().st_size for path in folder.glob("*.xml"))


def told(folder: Path, what: str) -> dict[str, float]:
    command = [sys.executable, "-c", READ, str(folder), what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    print("| students | XML | records | bare parse | read | and made | records/s | memory |")
    print("|---|---|---|---|---|---|---|---|")
    for students in map(int, sys.argv[1:] or ["1000", "10000"]):
        with tempfile.TemporaryDirectory() as folder:
            size = write(Path(folder), students)
            bare, ours = told(Path(folder), "bare"), told(Path(folder), "ours")
        assert ours["rejected"] == 0
        print(
            f"| {students:,} | {size / 2**20:,.0f} MiB | {ours['records']:,.0f} "
            f"| {bare['parse']:.1f} s | {ours['read']:.1f} s | {ours['all']:.1f} s "
            f"| {ours['records'] / ours['all']:,.0f} | {ours['memory']:,.0f} MiB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
