"""Who is in which section, and from that, where each student is enrolled.

OneRoster enrolls users in classes alone. A student is taken as enrolled at a school, within one
school year, from the first day in any class there to the last; a class that ends with its session
says nothing about leaving, so who stays to the end of a session is enrolled to the year's end.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import ENROLLMENTS, SECTION_STUDENTS
from edupulse.sources.oneroster.material import Material, exploded
from edupulse.sources.oneroster.people import roles
from edupulse.sources.oneroster.tables import CLASSES, ENROLLED, USERS
from edupulse.sources.oneroster.terms import class_days
from edupulse.sources.words import IGNORE

_NO_DAY = "no beginDate, and no academic session of the class says one"
_NO_LEVEL = (
    "users.csv says no grade of the student (the mapping may take it from the classes: "
    '[oneroster.settings] "grade levels" = "classes")'
)


def placed(material: Material) -> pl.DataFrame:
    """Rows of enrollments with their class's days, role as our word, and days as dates."""
    rows = material.rows.whole(ENROLLED)
    days = class_days(material).rename({"deleted": "class_deleted", "school_id": "class_school"})
    joined = rows.join(days, on="class_id", how="left", maintain_order="left")
    return joined.with_columns(
        role=material.words.of("roles", joined["role"]),
        begun=pl.coalesce(_day("begins"), "first"),
        ended=_day("ends"),
        school_id=pl.coalesce("school_id", "class_school"),
    )


def _day(name: str) -> pl.Expr:
    """A date, or the date of a timestamp."""
    return pl.col(name).str.head(10).str.to_date(strict=False)


def section_students(material: Material) -> Iterator[pl.DataFrame]:
    """Students in classes; without dates of their own, for the days of the class."""
    rows = placed(material)
    mine = rows.filter(pl.col("role") == "student")
    ignored = rows.filter(pl.col("role") == IGNORE)
    material.note(SECTION_STUDENTS, "enrollments", "of a role we keep nothing of", ignored.height)
    begins = pl.when(pl.col("begins").is_null()).then(pl.col("first").cast(pl.String))
    lacking = pl.col("begins").is_null() & pl.col("first").is_null()
    yield mine.select(
        "deleted",
        "file",
        "line",
        section_id="class_id",
        student_id="user_id",
        entered_on=pl.coalesce(begins, _cut("begins")),
        left_on=pl.coalesce(_cut("ends"), pl.col("last").cast(pl.String)),
        known_at=known_at(material),
        wrong_field=pl.when(lacking).then(pl.lit("entered_on")),
        wrong=pl.when(lacking).then(pl.lit(_NO_DAY)),
    )


def section_staff(material: Material) -> Iterator[pl.DataFrame]:
    """Teachers of classes, co-teachers too."""
    mine = placed(material).filter(
        pl.col("role").is_not_null() & ~pl.col("role").is_in(["student", IGNORE])
    )
    yield mine.select("deleted", "file", "line", section_id="class_id", staff_id="user_id")


def enrollments(material: Material) -> Iterator[pl.DataFrame]:
    """One row a student, school and school year, derived from the classes."""
    rows = placed(material).filter(pl.col("role") == "student", pl.col("begun").is_not_null())
    key = ["user_id", "school_id", "year_begins"]
    alive = rows.filter(~pl.col("deleted"))
    gone = rows.join(alive, on=key, how="anti", nulls_equal=True)
    stays = pl.concat([_stays(alive, key), _stays(gone, key).with_columns(deleted=pl.lit(True))])
    material.note(
        ENROLLMENTS,
        "enrollments",
        "students all of whose classes were deleted",
        gone.select(key).n_unique() if gone.height else 0,
    )
    levels = _levels(material, rows)
    _count_classless(material, rows)
    yield (
        stays.join(levels, on="user_id", how="left")
        .sort(*key)
        .select(
            "grade_level",
            "deleted",
            "file",
            "line",
            student_id="user_id",
            school_id="school_id",
            entered_on=pl.col("begun").cast(pl.String),
            left_on=pl.col("left").cast(pl.String),
            wrong_field=pl.when(pl.col("grade_level").is_null()).then(pl.lit("grade_level")),
            wrong=pl.when(pl.col("grade_level").is_null()).then(
                pl.when(pl.col("unmapped"))
                .then(pl.lit("a grade that no table has"))
                .otherwise(pl.lit(_NO_LEVEL))
            ),
        )
    )


def _stays(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """First and last day by key.

    The last is that of the class left last; where that class ran to its end, the year's, and open
    where no year is known.
    """
    cut_short = (pl.col("ended") < pl.col("last")).fill_null(value=False) | (
        pl.col("last").is_null() & pl.col("ended").is_not_null()
    )
    until = pl.coalesce(pl.when(cut_short).then("ended"), "last")
    each = rows.with_columns(cut=cut_short, until=until)
    after_all = pl.col("until").is_null().any()
    last_cut = (~pl.col("cut")).filter(pl.col("until") == pl.col("until").max()).any().not_()
    return (
        each.sort("file", "line")
        .group_by(key, maintain_order=True)
        .agg(
            pl.col("begun").min(),
            pl.col("deleted", "file", "line").first(),
            left=pl.when(after_all)
            .then(pl.col("year_ends").max())
            .when(last_cut)
            .then(pl.col("until").max())
            .otherwise(pl.col("year_ends").max()),
        )
    )


def _levels(material: Material, rows: pl.DataFrame) -> pl.DataFrame:
    """The one grade of each student as our level: `user_id`, `grade_level`, `unmapped`.

    By users, or, where the district says so, by the classes, if all name one and the same.
    """
    if material.setting("grade levels") == "classes":
        classes = material.rows.alive(CLASSES).select("grades", class_id="id")
        said = rows.join(classes, on="class_id").select("user_id", "grades")
    else:
        said = material.rows.whole(USERS).select("grades", user_id="id")
    each = exploded(said, "grades", "grade").filter(pl.col("grade").is_not_null()).unique()
    word = each.with_columns(grade_level=material.words.of("grade_levels", each["grade"]))
    return word.group_by("user_id").agg(
        grade_level=pl.when(pl.col("grade_level").n_unique() == 1).then(
            pl.col("grade_level").first()
        ),
        unmapped=pl.col("grade_level").null_count() > 0,
    )


def _count_classless(material: Material, rows: pl.DataFrame) -> None:
    students = roles(material).filter(pl.col("role") == "student", ~pl.col("deleted"))
    without = (
        students.select("id").unique().join(rows, left_on="id", right_on="user_id", how="anti")
    )
    material.note(ENROLLMENTS, "users", "students without a class: not enrolled", without.height)


def _cut(name: str) -> pl.Expr:
    """A timestamp as its date; what is neither is left for the check of the record."""
    is_stamp = pl.col(name).str.contains(r"^\d{4}-\d{2}-\d{2}T")
    return pl.when(is_stamp).then(pl.col(name).str.head(10)).otherwise(name)


def known_at(material: Material) -> pl.Expr:
    """When the source system learned it, unless the district says that its date tells nothing."""
    known = material.setting("dateLastModified") != IGNORE
    return pl.col("modified") if known else pl.lit(None, pl.String)
