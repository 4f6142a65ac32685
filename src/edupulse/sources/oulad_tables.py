"""The five tables of OULAD that are read, in their types, under the names of either edition."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from edupulse.school.errors import BadInput
from edupulse.school.fields import FieldType, Flag, Milli, Text, Whole
from edupulse.sources.cells import parsed, trimmed

_CODE, _DAY = Text(20), Whole(-3650, 3650)
_UNKNOWN = ("", "?")


@dataclass(frozen=True, slots=True)
class _Table:
    """A table: the file's name in both editions, its columns, and those that may be empty."""

    files: tuple[str, str]
    columns: dict[str, FieldType]
    may_be_empty: tuple[str, ...] = ()


_PLACE: dict[str, FieldType] = {"code_module": _CODE, "code_presentation": _CODE}
_COURSE = _Table(("course", "courses"), {**_PLACE, "module_presentation_length": Whole(1, 1000)})
_ASSESSMENT = _Table(
    ("assessment", "assessments"),
    {
        **_PLACE,
        "id_assessment": _CODE,
        "assessment_type": _CODE,
        "date": _DAY,
        "weight": Milli(0, 1000),
    },
    ("date",),
)
_STUDENT = _Table(
    ("student", "studentInfo"),
    {**_PLACE, "id_student": _CODE, "gender": _CODE, "disability": Flag(), "final_result": _CODE},
    ("gender", "disability"),
)
_REGISTRATION = _Table(
    ("student_registration", "studentRegistration"),
    {**_PLACE, "id_student": _CODE, "date_registration": _DAY, "date_unregistration": _DAY},
    ("date_registration", "date_unregistration"),
)
_SCORE = _Table(
    ("student_assessment", "studentAssessment"),
    {
        "id_assessment": _CODE,
        "id_student": _CODE,
        "date_submitted": _DAY,
        "is_banked": Flag(),
        "score": Milli(0, 100),
    },
    ("score",),
)


@dataclass(frozen=True, slots=True)
class Tables:
    """OULAD's tables under its own column names, with `file` and `line`."""

    course: pl.DataFrame
    assessment: pl.DataFrame
    student: pl.DataFrame
    registration: pl.DataFrame
    score: pl.DataFrame


def read_tables(folder: Path, presentations: Collection[str] | None) -> Tables:
    """The tables, of some presentations (as `2013J`) or of all."""
    course, assessment, student, registration, score = (
        _read(folder, table) for table in (_COURSE, _ASSESSMENT, _STUDENT, _REGISTRATION, _SCORE)
    )
    if presentations is not None:
        there = set(course["code_presentation"])
        if absent := sorted(set(presentations) - there):
            raise BadInput(
                f"There is no presentation {', '.join(absent)}.",
                f"Choose from {', '.join(sorted(there))}.",
            )
        course, assessment, student, registration = (
            table.filter(pl.col("code_presentation").is_in(list(presentations)))
            for table in (course, assessment, student, registration)
        )
        score = score.join(assessment, on="id_assessment", how="semi")
    return Tables(course, assessment, student, registration, score)


def _read(folder: Path, table: _Table) -> pl.DataFrame:
    path = _path(folder, table)
    try:
        raw = pl.read_csv(path, infer_schema=False, null_values=list(_UNKNOWN))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadInput("the file cannot be read as CSV.", file=path.name) from error
    missing = [name for name in table.columns if name not in raw.columns]
    if missing:
        raise BadInput(
            f"the header lacks {', '.join(missing)}.", "Use OULAD as published.", file=path.name
        )
    cells = trimmed(raw.select(list(table.columns)))
    typed = pl.DataFrame(
        [parsed(cells[name], as_type).alias(name) for name, as_type in table.columns.items()]
    )
    _refuse_bad(table, cells, typed, path.name)
    return typed.with_columns(
        file=pl.lit(path.name), line=pl.int_range(2, pl.len() + 2, dtype=pl.Int64)
    )


def _path(folder: Path, table: _Table) -> Path:
    for name in table.files:
        for ending in (".csv", ".csv.gz"):
            if (folder / (name + ending)).is_file():
                return folder / (name + ending)
    raise BadInput(
        f"{folder} lacks {table.files[0]}.csv(.gz) or {table.files[1]}.csv(.gz).",
        "Give the folder of OULAD's files.",
    )


def _refuse_bad(table: _Table, cells: pl.DataFrame, typed: pl.DataFrame, file: str) -> None:
    """OULAD is fixed: a cell that does not fit means that this is another file."""
    for name in table.columns:
        may_be_empty = name in table.may_be_empty
        bad = typed[name].is_null() & (cells[name].is_not_null() | (not may_be_empty))
        if bad.any():
            line = int(bad.arg_true()[0]) + 2
            raise BadInput(
                "the cell does not fit.",
                "Use OULAD as published.",
                file=file,
                line=line,
                field=name,
            )
