"""The district as OneRoster 1.1 CSV, with the mapping that a district adds.

OneRoster has rosters and gradebooks: no calendar, no discipline, no posted course grades, no days
of enrollment at a school but those in its classes. Attendance stands in a file of its own, as some
vendors add it. What has no place is left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from edupulse.simulator.days import World
from edupulse.simulator.folder import Folder
from edupulse.simulator.formats.mapping import mapping_of
from edupulse.simulator.formats.newest import newest

_DISTRICT = "district"
_STATUSES = {
    "scored": "fully graded",
    "late": "fully graded",
    "missing": "not submitted",
    "excused": "exempt",
}
_RACES = {
    "american_indian": "americanIndianOrAlaskaNative",
    "asian": "asian",
    "black": "blackOrAfricanAmerican",
    "pacific_islander": "nativeHawaiianOrOtherPacificIslander",
    "white": "white",
    "two_or_more": "demographicRaceTwoOrMoreRaces",
    "hispanic": "hispanicOrLatinoEthnicity",
}
_FIRST = ("sourcedId", "status", "dateLastModified")
_KEPT = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments", "demographics")
_ATTENDANCE = {
    "present": "Present",
    "excused": "Excused Absence",
    "unexcused": "Unexcused Absence",
    "absent": "Absent",
    "tardy": "Tardy",
}
_GRADEBOOK = ("categories", "lineItems", "results")


class OneRosterFolder(Folder):
    """An output folder of OneRoster files; the frames of one student come together."""

    def __init__(self, path: Path, world: World, compress: str = "none") -> None:
        super().__init__(path, compress)
        self._world = world
        self._sections = pl.DataFrame()
        self._schools: list[dict[str, object]] = []
        self._scales: list[dict[str, object]] = []
        self._items = pl.DataFrame(schema={"item": pl.String})
        self._students = pl.DataFrame()

    def add(self, name: str, frame: pl.DataFrame) -> None:
        """Write the records of one kind; what OneRoster has no place for is left out."""
        write = getattr(self, f"_add_{name}", None)
        if write is not None:
            write(newest(name, frame))

    def close(self) -> None:
        """Write the manifest and the mapping, and close all files."""
        text = mapping_of(self._schools, self._scales, {})
        (self.path / "mapping.toml").write_text(text, encoding="utf-8")
        present = [name for name in (*_KEPT, *_GRADEBOOK) if name in self.files]
        rows = [("manifest.version", "1.0"), ("oneroster.version", "1.1")]
        rows += [(f"file.{name}", "bulk") for name in present]
        manifest = pl.DataFrame(rows, schema=["propertyName", "value"], orient="row")
        self.append_csv("manifest", manifest)
        super().close()

    def _write(self, name: str, rows: pl.DataFrame, /, **columns: pl.Expr) -> None:
        """Append rows to a file; each is active and says nothing of its last change."""
        made = rows.with_columns(
            **columns, status=pl.lit("active"), dateLastModified=pl.lit(None, pl.String)
        )
        self.append_csv(name, made.select(*_FIRST, *(n for n in columns if n not in _FIRST)))

    def _add_schools(self, frame: pl.DataFrame) -> None:
        self._schools = frame.to_dicts()
        district = pl.DataFrame({"sourcedId": [_DISTRICT], "name": ["District"]})
        self._write(
            "orgs",
            district,
            type=pl.lit("district"),
            name=pl.col("name"),
            parentSourcedId=pl.lit(None),
        )
        self._write(
            "orgs",
            frame.select("school_id", "name"),
            sourcedId=pl.col("school_id"),
            type=pl.lit("school"),
            name=pl.col("name"),
            parentSourcedId=pl.lit(_DISTRICT),
        )

    def _add_scales(self, frame: pl.DataFrame) -> None:
        self._scales = frame.to_dicts()

    def _add_terms(self, frame: pl.DataFrame) -> None:
        whole = frame.group_by("school_id", "school_year", maintain_order=True).agg(
            pl.col("begins_on").min(), pl.col("ends_on").max()
        )
        year = pl.concat_str("school_id", "school_year", separator="-")
        same = {"startDate": pl.col("begins_on"), "endDate": pl.col("ends_on")}
        self._write(
            "academicSessions",
            whole,
            sourcedId=year,
            title=pl.concat_str(pl.lit("School year "), "school_year"),
            type=pl.lit("schoolYear"),
            **same,
            parentSourcedId=pl.lit(None),
            schoolYear=pl.col("school_year"),
        )
        self._write(
            "academicSessions",
            frame,
            sourcedId=pl.concat_str("school_id", "term_id", separator="-"),
            title=pl.col("name"),
            type=pl.lit("gradingPeriod"),
            **same,
            parentSourcedId=year,
            schoolYear=pl.col("school_year"),
        )

    def _add_sections(self, frame: pl.DataFrame) -> None:
        ends = np.asarray(self._world.courses.year) + self._world.plan.first_year + 1
        sections = frame.with_columns(
            course=pl.concat_str(
                "school_id", pl.col("title").str.replace_all(r"\W+", "-"), separator="-"
            ),
            year=pl.Series(ends),
        )
        self._sections = sections.select("section_id", "school_id")
        year = pl.concat_str("school_id", "year", separator="-")
        self._write(
            "courses",
            sections.unique("course", maintain_order=True),
            sourcedId=pl.col("course"),
            schoolYearSourcedId=pl.lit(None),
            title=pl.col("title"),
            courseCode=pl.col("course"),
            orgSourcedId=pl.col("school_id"),
            subjectCodes=pl.col("sced_code"),
        )
        self._write(
            "classes",
            sections,
            sourcedId=pl.col("section_id"),
            title=pl.col("title"),
            courseSourcedId=pl.col("course"),
            classType=pl.lit("scheduled"),
            schoolSourcedId=pl.col("school_id"),
            termSourcedIds=year,
            subjectCodes=pl.col("sced_code"),
        )

    def _add_staff(self, frame: pl.DataFrame) -> None:
        teachers = frame.filter(pl.col("role") == "teacher").unique("staff_id", maintain_order=True)
        self._users(
            teachers.with_columns(
                first_name=pl.col("name").str.extract(r"^(\S+)"),
                last_name=pl.col("name").str.extract(r"(\S+)$"),
                grades=pl.lit(None, pl.String),
            ),
            "staff_id",
            "teacher",
            pl.col("school_id").fill_null(_DISTRICT),
            pl.col("email"),
        )

    def _users(
        self, frame: pl.DataFrame, key: str, role: str, orgs: pl.Expr, email: pl.Expr
    ) -> None:
        self._write(
            "users",
            frame,
            sourcedId=pl.col(key),
            enabledUser=pl.lit("true"),
            orgSourcedIds=orgs,
            role=pl.lit(role),
            username=pl.col(key),
            givenName=pl.col("first_name"),
            familyName=pl.col("last_name"),
            identifier=pl.col(key),
            email=email,
            grades=pl.col("grades"),
        )

    def _add_section_staff(self, frame: pl.DataFrame) -> None:
        known = frame.join(self._sections, on="section_id", maintain_order="left")
        self._enrolled(known, "staff_id", "teacher", pl.lit(None), pl.lit(None))

    def _enrolled(
        self, frame: pl.DataFrame, key: str, role: str, begins: pl.Expr, ends: pl.Expr
    ) -> None:
        self._write(
            "enrollments",
            frame,
            sourcedId=pl.concat_str("section_id", key, begins, separator="-", ignore_nulls=True),
            classSourcedId=pl.col("section_id"),
            schoolSourcedId=pl.col("school_id"),
            userSourcedId=pl.col(key),
            role=pl.lit(role),
            beginDate=begins,
            endDate=ends,
        )

    def _add_students(self, frame: pl.DataFrame) -> None:
        self._students = frame

    def _add_enrollments(self, frame: pl.DataFrame) -> None:
        """A user's school and grade are those of the newest stay; the days are not told."""
        newest_stay = frame.sort("entered_on").unique("student_id", keep="last")
        users = self._students.join(
            newest_stay.select("student_id", "school_id", "grade_level"),
            on="student_id",
            maintain_order="left",
        ).with_columns(
            grades=pl.col("grade_level").cast(pl.Int32).replace_strict(
                {-1: "PK", 0: "KG"},
                default=pl.col("grade_level").cast(pl.String).str.zfill(2),
                return_dtype=pl.String,
            )
        )  # fmt: skip
        self._users(users, "student_id", "student", pl.col("school_id"), pl.lit(None))

    def _add_demographics(self, frame: pl.DataFrame) -> None:
        race = pl.col("race_ethnicity").str.to_lowercase()
        self._write(
            "demographics",
            frame,
            sourcedId=pl.col("student_id"),
            birthDate=pl.lit(None),
            sex=pl.col("sex").str.to_lowercase(),
            **{
                column: pl.when(race.is_not_null()).then(race == word)
                for word, column in _RACES.items()
            },
        )

    def _add_section_students(self, frame: pl.DataFrame) -> None:
        known = frame.join(self._sections, on="section_id", maintain_order="left")
        days = pl.col("entered_on"), pl.col("left_on")
        self._enrolled(known, "student_id", "student", *days)

    def _add_attendance(self, frame: pl.DataFrame) -> None:
        self._write(
            "attendance",
            frame,
            sourcedId=pl.concat_str("student_id", "date", "status", separator="-"),
            attendanceDate=pl.col("date"),
            attendanceStatus=pl.col("status").replace_strict(_ATTENDANCE),
            studentSourcedId=pl.col("student_id"),
            schoolSourcedId=pl.col("school_id"),
            fraction=pl.col("fraction"),
            reason=pl.col("reason"),
        )

    def _add_marks(self, frame: pl.DataFrame) -> None:
        marks = frame.with_columns(item=pl.concat_str("section_id", "assignment_id", separator="-"))
        if "categories" not in self.files:
            kinds = pl.DataFrame({"sourcedId": ["practice", "assessment"]})
            self._write("categories", kinds, title=pl.col("sourcedId"))
        items = marks.unique("item", maintain_order=True).join(
            self._items, on="item", how="anti", maintain_order="left"
        )
        self._items = pl.concat([self._items, items.select("item")])
        self._write(
            "lineItems",
            items,
            sourcedId=pl.col("item"),
            title=pl.col("assignment_id"),
            assignDate=pl.col("due_on"),
            dueDate=pl.col("due_on"),
            classSourcedId=pl.col("section_id"),
            categorySourcedId=pl.col("category"),
            gradingPeriodSourcedId=pl.lit(None),
            resultValueMin=pl.lit("0"),
            resultValueMax=pl.col("points_possible"),
        )
        self._write(
            "results",
            marks,
            sourcedId=pl.concat_str("item", "student_id", separator="-"),
            lineItemSourcedId=pl.col("item"),
            studentSourcedId=pl.col("student_id"),
            scoreStatus=pl.col("status").replace_strict(_STATUSES),
            score=pl.col("points"),
            scoreDate=pl.col("due_on"),
        )
