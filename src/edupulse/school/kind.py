"""What a kind of record is: its fields, its natural key, and when it counts as known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from edupulse.school.fields import INSTANT, Field, Text


@dataclass(frozen=True, slots=True)
class Always:
    """Known from the beginning."""


@dataclass(frozen=True, slots=True)
class AtImport:
    """Known at the instant of the import that brings it."""


@dataclass(frozen=True, slots=True)
class OnDay:
    """Known at the end of the day in `field`."""

    field: str


@dataclass(frozen=True, slots=True)
class SchoolDaysAfter:
    """Known at the end of the `days`-th instructional day after the day in `field`."""

    field: str
    days: int


Knowledge = Always | AtImport | OnDay | SchoolDaysAfter


@dataclass(frozen=True, slots=True)
class Revision:
    """Fields that become known later than the record itself, as its second version.

    The first version has them empty; a row in which they are empty has no second version.
    """

    fields: tuple[str, ...]
    known: Knowledge


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record.

    `known` is the knowledge date of a row without `known_at` in a first, historical import.
    `coverage` names the kind in `coverage.csv` that says when it was observed. `apart` kinds are
    kept in a schema of their own and never come out of `known()`.
    """

    name: str
    doc: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    known: Knowledge
    occurred_on: str | None = None
    revision: Revision | None = None
    coverage: str | None = None
    apart: bool = False

    @property
    def file(self) -> str:
        """The file in a CSV folder."""
        return f"{self.name}.csv"

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The natural key, as columns of frames and tables."""
        return tuple(self.field(name).column for name in self.key)

    @property
    def content_columns(self) -> tuple[str, ...]:
        """The columns beside the key."""
        return tuple(f.column for f in self.fields if f.name not in self.key)

    @property
    def sealed(self) -> tuple[str, ...]:
        """The columns that the store keeps encrypted."""
        return tuple(f.column for f in self.fields if isinstance(f.type, Text) and f.type.sealed)

    @property
    def open_fields(self) -> tuple[Field, ...]:
        """The fields that the store does not seal."""
        return tuple(field for field in self.fields if field.column not in self.sealed)

    @property
    def sought(self) -> tuple[str, ...]:
        """Those of the sealed columns by which a person is found."""
        return tuple(f.column for f in self.fields if isinstance(f.type, Text) and f.type.sought)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Column to Polars type of the record itself, without the columns of its versions."""
        return {field.column: field.dtype for field in self.fields}

    @property
    def version_schema(self) -> dict[str, pl.DataType]:
        """The schema of a frame of versions: the record, since when and until when it was known."""
        return {**self.schema, **VERSION_COLUMNS}

    def field(self, name: str) -> Field:
        """The field of that (CSV) name."""
        return next(field for field in self.fields if field.name == name)

    @property
    def is_by_student(self) -> bool:
        """True for kinds of which each record belongs to one student."""
        return any(field.name == "student_id" for field in self.fields)


VERSION_COLUMNS: Mapping[str, pl.DataType] = MappingProxyType(
    {"known_from": INSTANT, "known_until": INSTANT, "retracted": pl.Boolean()}
)
