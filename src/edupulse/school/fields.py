"""The types that a field of a record can have, and how each looks in a frame."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

INSTANT = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Text:
    """Free text, at most `longest` characters.

    `sealed`: it names or reaches a person, so that the store keeps it encrypted. `sought`: a person
    is found by it all the same.
    """

    longest: int = 200
    sealed: bool = False
    sought: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar date, ISO 8601."""


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high`."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Milli:
    """A decimal number from `low` to `high`, kept as integer thousandths so that sums are exact."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words; a frame holds it as an Enum, the database as its position."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """The district's own id of a student, school, section or member of staff.

    Outside it is text; frames and the database hold an int32 key in a column named after the
    noun (`student_id` becomes `student`).
    """

    noun: str


FieldType = Text | Day | Flag | Whole | Milli | Word | Ref


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a kind of record.

    `default` is what an empty cell means; None means unknown. `required` columns must be in the
    header, and their cells must be filled.
    """

    name: str
    type: FieldType
    doc: str
    required: bool = False
    default: str | int | bool | None = None

    @property
    def column(self) -> str:
        """The name in frames and tables."""
        return self.type.noun if isinstance(self.type, Ref) and not self._is_other else self.name

    @property
    def _is_other(self) -> bool:
        """True where a record names a second student (`old_student_id`)."""
        return isinstance(self.type, Ref) and self.name != f"{self.type.noun}_id"

    @property
    def dtype(self) -> pl.DataType:
        """The Polars type of the column in a frame."""
        match self.type:
            case Text():
                return pl.String()
            case Day():
                return pl.Date()
            case Flag():
                return pl.Boolean()
            case Whole() | Milli() | Ref():
                return pl.Int32()
            case Word(words):
                return pl.Enum(words)
