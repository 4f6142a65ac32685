"""A district's mapping file (TOML): what its codes mean, and what its systems cannot say.

Every value is checked when the file is read, and nothing in it is guessed at. The words of a
source's own tables are checked by `words.Words`, which knows what each table may say.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl

from edupulse.school.errors import BadInput
from edupulse.school.fields import Field
from edupulse.school.kind import Kind
from edupulse.school.records import SCALES, SCHOOLS
from edupulse.sources import cells
from edupulse.sources.checks import CHECKS

EVERY = "*"
"""In place of a school's id: all schools that say nothing else."""

SOURCES = ("edfi", "oneroster")
"""Sources that have tables of their own, as `[edfi.attendance]`."""

COMMON = ("subjects", "behaviors")
"""Tables that hold for every source; a source's own table of the name goes before them."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_SCHOOL_DAYS = WEEKDAYS[:5]
_TOP = ("schools", "scales", "calendar", "columns", *COMMON, *SOURCES)

Table = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SchoolDays:
    """The instructional days of some schools, as the district says: weekdays but the closed."""

    schools: tuple[str, ...]
    begins_on: date
    ends_on: date
    weekdays: tuple[str, ...]
    closed: frozenset[date]

    def days(self) -> list[tuple[date, bool]]:
        """Each day of the span, and whether school was held."""
        span = (self.ends_on - self.begins_on).days + 1
        dates = [self.begins_on + timedelta(days=n) for n in range(span)]
        return [(d, WEEKDAYS[d.weekday()] in self.weekdays and d not in self.closed) for d in dates]


@dataclass(frozen=True, slots=True)
class DistrictMapping:
    """What a mapping file says; an empty one says nothing.

    `schools` is school (or EVERY) to columns of `schools.csv`, `scales` school (or EVERY) to code
    to columns of `scales.csv`, `columns` a file's name to its column to the one it is meant to be,
    `common` table to code to word, `tables` the same of each source; all values as text.
    """

    file: str = "mapping.toml"
    schools: Mapping[str, Table] = field(default_factory=dict)
    scales: Mapping[str, Mapping[str, Table]] = field(default_factory=dict)
    calendar: tuple[SchoolDays, ...] = ()
    columns: Mapping[str, Table] = field(default_factory=dict)
    common: Mapping[str, Table] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Table]] = field(default_factory=dict)

    def words_of(self, source: str) -> dict[str, dict[str, str]]:
        """Table to code to word for a source: its own tables before those of all sources."""
        own = self.tables.get(source, {})
        names = dict.fromkeys([*self.common, *own])
        return {name: {**self.common.get(name, {}), **own.get(name, {})} for name in names}

    def school(self, school_id: str) -> dict[str, str]:
        """The columns of `schools.csv` that the district says of a school."""
        return {**self.schools.get(EVERY, {}), **self.schools.get(school_id, {})}

    def scale(self, school_id: str) -> dict[str, Table]:
        """Code to columns of `scales.csv` of a school."""
        return {**self.scales.get(EVERY, {}), **self.scales.get(school_id, {})}

    def school_days(self, school_id: str) -> dict[date, bool]:
        """The days that the district lists for a school; what is said of it alone goes first."""
        said: dict[date, bool] = {}
        for wanted in (EVERY, school_id):
            for span in self.calendar:
                if wanted in span.schools:
                    said.update(span.days())
        return said


def read_mapping(path: Path) -> DistrictMapping:
    """The mapping in a TOML file. Raises `BadInput` naming the field and what is expected."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return _Reading(path.name).mapping(tomllib.loads(text))
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({error.strerror}).", "Give the mapping file."
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput("is not UTF-8.", "Save it as UTF-8.", file=path.name) from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"is not TOML: {error}.", "Correct it there.", file=path.name) from error


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    """`Did you mean …?` where something near is known, and all that is known."""
    near = get_close_matches(word, known, n=1)
    asked = f"Did you mean {near[0]}? " if near else ""
    return f"{asked}Known are {', '.join(known)}."


class _Reading:
    """One file on its way from TOML to a mapping."""

    def __init__(self, file: str) -> None:
        self.file = file

    def mapping(self, content: dict[str, Any]) -> DistrictMapping:
        for name in content:
            if name not in _TOP:
                raise self._wrong(name, "is nothing that a mapping has.", nearest(name, _TOP))
        scales = self._table(content, "scales")
        return DistrictMapping(
            file=self.file,
            schools={
                school: self._row(SCHOOLS, said, f'schools."{school}"')
                for school, said in self._table(content, "schools").items()
            },
            scales={
                school: {
                    code: self._row(SCALES, row, f'scales."{school}"."{code}"')
                    for code, row in self._checked_table(codes, f'scales."{school}"').items()
                }
                for school, codes in scales.items()
            },
            calendar=tuple(self._calendar(content.get("calendar", []))),
            columns={
                file: self._texts(names, f'columns."{file}"')
                for file, names in self._table(content, "columns").items()
            },
            common={name: self._texts(content[name], name) for name in COMMON if name in content},
            tables={
                source: {
                    name: self._texts(table, f"{source}.{name}")
                    for name, table in self._table(content, source).items()
                }
                for source in SOURCES
                if source in content
            },
        )

    def _table(self, content: dict[str, Any], name: str) -> dict[str, Any]:
        return self._checked_table(content.get(name, {}), name)

    def _checked_table(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(where, "is not a table.", f"Write it as [{where}].")
        return value

    def _texts(self, table: Any, where: str) -> dict[str, str]:
        """Code to word; a whole number may stand for its text."""
        found = {}
        for code, word in self._checked_table(table, where).items():
            if isinstance(word, bool) or not isinstance(word, str | int) or word == "":
                what = "is still empty." if word == "" else "is neither a word nor a whole number."
                raise self._wrong(f'{where}."{code}"', what, "Fill it in, or take the line out.")
            found[code] = str(word)
        return found

    def _row(self, kind: Kind, said: Any, where: str) -> dict[str, str]:
        """Columns of a kind, each checked as a cell of its file would be."""
        keys = (*kind.key, "name") if kind is SCHOOLS else kind.key
        columns = {f.name: f for f in kind.fields if f.name not in keys}
        row = {}
        for name, value in self._checked_table(said, where).items():
            if name not in columns:
                raise self._wrong(f"{where}.{name}", "is unknown.", nearest(name, list(columns)))
            row[name] = self._cell(kind, columns[name], value, f"{where}.{name}")
        return row

    def _cell(self, kind: Kind, of: Field, value: Any, where: str) -> str:
        if not isinstance(value, str | int | float):
            raise self._wrong(where, f"{cells.expectation(of)}.")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        parsed = cells.parsed(pl.Series(of.name, [text]), of.type)
        if parsed.null_count():
            raise self._wrong(where, f"{cells.expectation(of)}.")
        for check in CHECKS.get(kind.name, ()):
            if check.field == of.name and parsed.to_frame().select(check.broken).item():
                raise self._wrong(where, f"{check.reason}.")
        return text

    def _calendar(self, spans: Any) -> Iterator[SchoolDays]:
        if not isinstance(spans, list) or not all(isinstance(span, dict) for span in spans):
            raise self._wrong("calendar", "is not a list.", "Write each span as [[calendar]].")
        known = ("schools", "begins_on", "ends_on", "weekdays", "closed")
        for at, span in enumerate(spans, 1):
            where = f"calendar {at}"
            for name in span:
                if name not in known:
                    raise self._wrong(f"{where}.{name}", "is unknown.", nearest(name, known))
            begins, ends = (self._day(span.get(n), f"{where}.{n}") for n in known[1:3])
            if not begins <= ends or (ends - begins).days > 800:
                what = "must be after begins_on, by some two years at most."
                raise self._wrong(f"{where}.ends_on", what)
            yield SchoolDays(
                schools=self._list(span.get("schools", [EVERY]), f"{where}.schools"),
                begins_on=begins,
                ends_on=ends,
                weekdays=self._weekdays(span.get("weekdays"), f"{where}.weekdays"),
                closed=frozenset(self._closed(span.get("closed", []), f"{where}.closed")),
            )

    def _weekdays(self, said: Any, where: str) -> tuple[str, ...]:
        names = self._list(_SCHOOL_DAYS if said is None else said, where)
        if strange := [name for name in names if name not in WEEKDAYS]:
            raise self._wrong(where, f"{strange[0]!r} is no weekday.", nearest("", WEEKDAYS))
        return names

    def _list(self, values: Any, where: str) -> tuple[str, ...]:
        if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
            raise self._wrong(where, "is not a list of texts.", 'Write it as ["…", "…"].')
        return tuple(values)

    def _closed(self, days: Any, where: str) -> Iterator[date]:
        if not isinstance(days, list):
            raise self._wrong(where, "is not a list of dates.", "Write it as [2026-11-26].")
        for day in days:
            if not isinstance(day, dict):
                yield self._day(day, where)
                continue
            first, last = (self._day(day.get(name), f"{where}.{name}") for name in ("from", "to"))
            yield from (first + timedelta(days=n) for n in range(min((last - first).days + 1, 400)))

    def _day(self, value: Any, where: str) -> date:
        if type(value) is not date or not cells.FIRST_DAY <= value <= cells.LAST_DAY:
            raise self._wrong(where, "a date is required, as 2026-03-16 (without quotes).")
        return value

    def _wrong(self, where: str, what: str, to_do: str = "Correct it there.") -> BadInput:
        return BadInput(what, to_do, file=self.file, field=where)
