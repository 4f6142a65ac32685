"""From text to checked records of a kind: what does not fit is left out, counted and listed."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from edupulse.school.fields import Flag
from edupulse.school.kind import Kind
from edupulse.sources import cells
from edupulse.sources.checks import CHECKS
from edupulse.sources.delivery import Ledger, dtype_in_batch
from edupulse.sources.derived import completed, with_defaults


def checked(kind: Kind, raw: pl.DataFrame, ledger: Ledger, source: str) -> pl.DataFrame:
    """The good rows of `raw` in the batch schema of the kind; the ledger gets the others.

    `raw` has `file`, `line`, and as text (null where empty) the kind's fields, `known_at` and
    `retracted`, each where the source has it. `source` is named in the ledger's notes.
    """
    typed = _typed(kind, raw).with_columns(raw["file"], raw["line"])
    good = _kept(kind, typed, _problems_of_cells(kind, raw, typed), ledger)
    good = _kept(kind, good, _problems_between_fields(kind, good), ledger)
    return completed(kind, with_defaults(kind, good), ledger, source)


def _typed(kind: Kind, raw: pl.DataFrame) -> pl.DataFrame:
    """Each column in its type; null where it is empty, absent or does not parse."""
    empty = pl.Series("", [None] * raw.height, pl.String)
    columns = [
        cells.parsed(raw[field.name], field.type).alias(field.name)
        if field.name in raw
        else pl.Series(field.name, [None], dtype_in_batch(field)).new_from_index(0, raw.height)
        for field in kind.fields
    ]
    known = cells.knowledge(raw.get_column("known_at", default=empty))
    retracted = cells.parsed(raw.get_column("retracted", default=empty), Flag())
    return pl.DataFrame([*columns, *known, retracted.alias("retracted")])


@dataclass(frozen=True, slots=True)
class _Problem:
    """Rows (a mask) in which a field is wrong, and why."""

    field: str
    rows: pl.Series
    reason: str


def _kept(
    kind: Kind, frame: pl.DataFrame, problems: list[_Problem], ledger: Ledger
) -> pl.DataFrame:
    """The rows without a problem; the ledger gets the others, each with its first one."""
    problems = [problem for problem in problems if problem.rows.any()]
    if not problems:
        return frame
    why = pl.coalesce(
        pl.when(pl.lit(problem.rows)).then(
            pl.struct(field=pl.lit(problem.field), reason=pl.lit(problem.reason))
        )
        for problem in problems
    )
    found = frame.with_columns(why=why)
    bad = found.filter(pl.col("why").is_not_null())
    ledger.reject(kind, bad.select("file", "line", pl.col("why").struct.unnest()))
    return found.filter(pl.col("why").is_null()).drop("why")


def _problems_of_cells(kind: Kind, raw: pl.DataFrame, typed: pl.DataFrame) -> list[_Problem]:
    """Cells that are required and empty, or that did not parse."""
    problems = []
    for name, is_required, expected in _expectations(kind):
        if name not in raw:
            continue
        lost = _is_empty(typed, name)
        if is_required:
            problems.append(_Problem(name, raw[name].is_null(), "is required"))
        problems.append(_Problem(name, lost & raw[name].is_not_null(), expected))
    return problems


def _expectations(kind: Kind) -> list[tuple[str, bool, str]]:
    """Each column of a file: is it required, and what is expected in it?"""
    return [
        *((f.name, f.required, cells.expectation(f)) for f in kind.fields),
        ("known_at", False, cells.KNOWN_AT_EXPECTED),
        ("retracted", False, "true or false expected"),
    ]


def _is_empty(typed: pl.DataFrame, name: str) -> pl.Series:
    if name == "known_at":
        return typed["known_at"].is_null() & typed["known_local"].is_null()
    return typed[name].is_null()


def _problems_between_fields(kind: Kind, frame: pl.DataFrame) -> list[_Problem]:
    """What the checks of the kind find."""
    return [
        _Problem(check.field, frame.select(check.broken.fill_null(False)).to_series(), check.reason)
        for check in CHECKS.get(kind.name, ())
    ]
