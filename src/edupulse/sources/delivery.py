"""What every source hands over: batches of checked records a kind, and what it had to leave out.

A source (the CSV folder, OULAD, …) is a `Delivery`. It yields only the kinds it has: a kind that
it does not have is *not observed*, never empty. Ids are the district's own text; the store turns
them into keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import polars as pl

from edupulse.school.fields import INSTANT, Field, Ref
from edupulse.school.kind import Kind

PROVENANCE = MappingProxyType(
    {
        "known_at": INSTANT,
        "known_local": pl.Datetime("us"),
        "retracted": pl.Boolean(),
        "file": pl.String(),
        "line": pl.Int64(),
    }
)
"""The columns that a batch has beside the fields of its kind.

`known_at`: the instant the source system learned it, where it was given with an offset.
`known_local`: else the same on the wall clock of the record's school; a bare date is the last
microsecond of that day (see `on_the_clock_of`). Both null: the source did not say.
`retracted` is never null. `file` and `line` say where the record stood, for the report of
rejected rows.
"""

REJECTION_SCHEMA = MappingProxyType(
    {"file": pl.String(), "line": pl.Int64(), "field": pl.String(), "reason": pl.String()}
)
"""A row left out: where it stands, which field is wrong, what was expected; never a value."""

MOST_LISTED = 100_000
"""Rejected rows listed a kind; beyond, they are only counted, so that memory stays flat."""

Progress = Callable[[str, float], None]
"""Told the file being read and the part of it that is done, 0 to 1."""


def dtype_in_batch(of: Field) -> pl.DataType:
    """The type of a field in a batch: as in frames, but references are still text."""
    return pl.String() if isinstance(of.type, Ref) else of.dtype


def batch_schema(kind: Kind) -> dict[str, pl.DataType]:
    """Column to type of a batch: all fields of the kind by their CSV names, then PROVENANCE."""
    return {**{f.name: dtype_in_batch(f) for f in kind.fields}, **PROVENANCE}


def on_the_clock_of(timezone: str, local: str = "known_local") -> pl.Expr:
    """A wall-clock column of one time zone as an instant.

    An hour that the clock shows twice is taken the second time (never known too early); one that
    it skips counts from the hour after.
    """
    wall = pl.col(local)
    there = wall.dt.replace_time_zone(timezone, ambiguous="latest", non_existent="null")
    later = wall.dt.offset_by("1h").dt.replace_time_zone(
        timezone, ambiguous="latest", non_existent="null"
    )
    return pl.coalesce(there, later).dt.convert_time_zone("UTC")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of one kind; `frame` has exactly the `batch_schema` of the kind.

    Required fields are filled, values are in range, defaults are in place.

    `gone` has the key's fields alone, of records that the source says are no more: null stands for
    any value. What it matches is retracted, but for what `frame` has.
    """

    kind: Kind
    frame: pl.DataFrame
    gone: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should read in the import's report, and how often it was so."""

    file: str
    what: str
    count: int


@dataclass
class _Account:
    read: int = 0
    rejected: int = 0
    listed: list[pl.DataFrame] = field(default_factory=list)
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)


class Ledger:
    """Rows read, rows rejected and notes, written while the batches are drawn, kind by kind."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    def open(self, kind: Kind) -> None:
        """Begin a kind anew: reading it twice does not count it twice."""
        self._accounts[kind.name] = _Account()

    def count(self, kind: Kind, rows: int) -> None:
        """Rows of the kind were read, good and bad."""
        self._of(kind).read += rows

    def reject(self, kind: Kind, rejections: pl.DataFrame) -> None:
        """Rows of the kind were left out: a frame of REJECTION_SCHEMA, one row each."""
        account = self._of(kind)
        room = max(0, MOST_LISTED - account.rejected)
        account.rejected += rejections.height
        if room and rejections.height:
            account.listed.append(rejections.head(room))

    def note(self, kind: Kind | None, file: str, what: str, count: int = 1) -> None:
        """Add to what a person should read, of one kind or of the source; 0 times says nothing."""
        if count:
            self._of(kind).notes[file, what] += count

    def read(self, kind: Kind) -> int:
        """How many rows of the kind were read, good and bad."""
        return self._of(kind).read

    def rejected(self, kind: Kind) -> int:
        """How many rows of the kind were left out."""
        return self._of(kind).rejected

    @property
    def rejections(self) -> pl.DataFrame:
        """The rows left out so far, at most MOST_LISTED a kind."""
        listed = [frame for account in self._accounts.values() for frame in account.listed]
        return pl.concat([pl.DataFrame(schema=dict(REJECTION_SCHEMA)), *listed])

    @property
    def notes(self) -> list[Note]:
        """What a person should read, in the order of the kinds."""
        return [
            Note(file, what, count)
            for account in self._accounts.values()
            for (file, what), count in account.notes.items()
        ]

    def _of(self, kind: Kind | None) -> _Account:
        return self._accounts.setdefault(kind.name if kind else "", _Account())


class Delivery(Protocol):
    """Records from one source, read kind by kind, each as often as wanted."""

    @property
    def source(self) -> str:
        """What the records came from, for people."""
        ...

    @property
    def kinds(self) -> frozenset[str]:
        """The names of the kinds that the source has."""
        ...

    @property
    def simulated(self) -> bool:
        """Does the source say that its students are not real?"""
        ...

    @property
    def through(self) -> int | str | None:
        """What to give next time to read only what changed since; None where it cannot tell."""
        ...

    @property
    def keeps(self) -> bytes | None:
        """What to give next time beside `through`, so that less is asked; None for nothing."""
        ...

    @property
    def ledger(self) -> Ledger:
        """What was read, rejected and noted so far."""
        ...

    def has(self, kind: Kind) -> bool:
        """Does the source have this kind at all? Else it is not observed."""
        ...

    def batches(self, kind: Kind, progress: Progress | None = None) -> Iterator[Batch]:
        """The records of the kind, in bounded batches; nothing for a kind it does not have."""
        ...
