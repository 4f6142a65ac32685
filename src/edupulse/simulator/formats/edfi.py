"""The district as Ed-Fi bulk XML (Data Standard 5), with the mapping that a district adds.

Ed-Fi keeps no versions, no coverage and no grading scales: of a record its newest version is
written, and the mapping says what the standard has no place for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from edupulse.school.behaviors import SEVERITY_OF_BEHAVIOR
from edupulse.simulator.days import World
from edupulse.simulator.folder import Folder
from edupulse.simulator.formats.edfi_elements import ELEMENTS
from edupulse.simulator.formats.mapping import mapping_of
from edupulse.simulator.formats.newest import newest
from edupulse.simulator.formats.texts import filled

_ROOT = '<?xml version="1.0" encoding="UTF-8"?>\n<Interchange{} xmlns="http://ed-fi.org/5.2.0">\n'
_NUMBERS = (
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
    "Eleventh",
    "Twelfth",
)
_LEVELS = {
    -1: "Preschool/Prekindergarten",
    0: "Kindergarten",
    **{at: f"{word} grade" for at, word in enumerate(_NUMBERS, 1)},
}
_EXITS = {
    "promoted": "End of school year",
    "graduated": "Graduated",
    "transferred": "Transferred",
    "dropped_out": "Dropout",
    "other": "Other",
}
_ATTENDANCE = {
    "present": "In Attendance",
    "excused": "Excused Absence",
    "unexcused": "Unexcused Absence",
    "absent": "Absent",
    "tardy": "Tardy",
}
_SUBMISSIONS = {
    "scored": "Graded",
    "late": "Graded",
    "missing": "Not Submitted",
    "excused": "Exempt",
}
_ENTRY_TYPES = {"practice": "Homework", "assessment": "Unit Test"}
_GRADE_TYPES = {"progress": "Progress Report", "final": "Grading Period"}
_DISCIPLINES = {
    "in_school": "In School Suspension",
    "out_of_school": "Out of School Suspension",
    "expulsion": "Expulsion",
}
_TABLES = {
    "edfi.attendance": {"Absent": "absent"},
    "behaviors": {word: str(severity) for word, severity in SEVERITY_OF_BEHAVIOR.items()},
}


class EdFiFolder(Folder):
    """An output folder of interchange files; the frames of one student come together."""

    def __init__(self, path: Path, world: World, compress: str = "none") -> None:
        super().__init__(path, compress)
        self._world = world
        self._sections = pl.DataFrame()
        self._terms = pl.DataFrame()
        self._schools: list[dict[str, object]] = []
        self._scales: list[dict[str, object]] = []
        self._incidents = pl.DataFrame()
        self._entries = pl.DataFrame(schema={"entry": pl.String})

    def add(self, name: str, frame: pl.DataFrame) -> None:
        """Write the records of one kind as their elements; what Ed-Fi has no place for is left."""
        write = getattr(self, f"_add_{name}", None)
        if write is not None:
            write(newest(name, frame))

    def close(self) -> None:
        """End the interchanges, and write the mapping."""
        for name, file in self.files.items():
            file.write(f"</Interchange{name}>\n".encode())
        (self.path / "mapping.toml").write_text(
            mapping_of(self._schools, self._scales, _TABLES), encoding="utf-8"
        )
        super().close()

    def _write(self, element: str, frame: pl.DataFrame) -> None:
        interchange, template = ELEMENTS[element]
        is_new = interchange not in self.files
        file = self.opened(interchange, "xml")
        if is_new:
            file.write(_ROOT.format(interchange).encode())
        texts = filled(f"<{element}>{template}</{element}>\n", frame)
        file.write("".join(texts.to_list()).encode())
        self.rows[interchange] += frame.height

    def _add_schools(self, frame: pl.DataFrame) -> None:
        self._schools = frame.to_dicts()
        self._write("School", frame)

    def _add_scales(self, frame: pl.DataFrame) -> None:
        self._scales = frame.to_dicts()

    def _add_terms(self, frame: pl.DataFrame) -> None:
        place = pl.col("term_id").rank("ordinal").over("school_id", "school_year") - 1
        several = pl.len().over("school_id", "school_year")
        length = pl.when(several > 2).then(pl.lit("Nine Weeks")).otherwise(pl.lit("Semester"))
        word = place.replace_strict(dict(enumerate(_NUMBERS)), return_dtype=pl.String)
        terms = frame.with_columns(
            years=_years(pl.col("school_year")),
            period=pl.concat_str(word, length, separator=" "),
        )
        self._terms = terms.select("school_id", "term_id", term="name")
        self._write("GradingPeriod", terms)

    def _add_calendar(self, frame: pl.DataFrame) -> None:
        day = pl.col("date").cast(pl.Date)
        ends = day.dt.year() + (day.dt.month() >= 7).cast(pl.Int32)
        event = pl.when(pl.col("instructional").cast(pl.String) == "true")
        self._write(
            "CalendarDate",
            frame.with_columns(
                years=_years(ends),
                event=event.then(pl.lit("Instructional day")).otherwise(
                    pl.lit("Non-instructional day")
                ),
            ),
        )

    def _add_sections(self, frame: pl.DataFrame) -> None:
        first = self._world.plan.first_year
        year = np.asarray(self._world.courses.year) + first + 1
        sections = frame.with_columns(
            year=pl.Series(year), course=pl.col("title").str.replace_all(r"\W+", "-")
        ).with_columns(years=_years(pl.col("year")), session=pl.lit("Whole year"))
        self._sections = sections.select("section_id", "school_id", "course", "years", "session")
        self._write("Course", sections.unique(["school_id", "course"], maintain_order=True))
        offered = sections.unique(["school_id", "course", "years"], maintain_order=True)
        self._write("CourseOffering", offered)
        self._write("Section", sections)

    def _add_students(self, frame: pl.DataFrame) -> None:
        self._write("Student", frame)

    def _add_enrollments(self, frame: pl.DataFrame) -> None:
        self._write(
            "StudentSchoolAssociation",
            frame.with_columns(
                level=pl.col("grade_level").cast(pl.Int32).replace_strict(_LEVELS),
                exit=pl.col("exit_type").replace_strict(_EXITS, default=None),
            ),
        )

    def _add_section_students(self, frame: pl.DataFrame) -> None:
        self._write("StudentSectionAssociation", frame.join(self._sections, on="section_id"))

    def _add_attendance(self, frame: pl.DataFrame) -> None:
        category = pl.col("status").replace_strict(_ATTENDANCE)
        self._write("StudentSchoolAttendanceEvent", frame.with_columns(category=category))

    def _add_marks(self, frame: pl.DataFrame) -> None:
        status = pl.col("status")
        marks = frame.with_columns(
            entry=pl.concat_str("section_id", "assignment_id", separator="-"),
            type=pl.col("category").replace_strict(_ENTRY_TYPES, default=None),
            submission=status.replace_strict(_SUBMISSIONS),
            lateness=pl.when(status == "late").then(pl.lit("Late")),
        ).join(self._sections, on="section_id")
        entries = marks.unique("entry", maintain_order=True).join(
            self._entries, on="entry", how="anti", maintain_order="left"
        )
        self._entries = pl.concat([self._entries, entries.select("entry")])
        self._write("GradebookEntry", entries)
        self._write("StudentGradebookEntry", marks)

    def _add_course_grades(self, frame: pl.DataFrame) -> None:
        self._write(
            "Grade",
            frame.with_columns(type=pl.col("kind").replace_strict(_GRADE_TYPES))
            .join(self._sections, on="section_id")
            .join(self._terms, on=["school_id", "term_id"], how="left", maintain_order="left"),
        )

    def _add_incidents(self, frame: pl.DataFrame) -> None:
        self._incidents = frame.select("incident_id", "student_id", "school_id", "behavior")
        self._write("DisciplineIncident", frame.unique("incident_id", maintain_order=True))
        self._write("StudentDisciplineIncidentBehaviorAssociation", frame)

    def _add_exclusions(self, frame: pl.DataFrame) -> None:
        self._write(
            "DisciplineAction",
            frame.with_columns(
                discipline=pl.col("kind").replace_strict(_DISCIPLINES),
                action=pl.concat_str("incident_id", "begins_on", separator="-"),
            ).join(self._incidents, on=["incident_id", "student_id"]),
        )


def _years(ends: pl.Expr) -> pl.Expr:
    """`2023-2024` of 2024, as the bulk XML writes a school year."""
    ends = ends.cast(pl.Int32)
    return pl.concat_str(ends - 1, ends, separator="-")
