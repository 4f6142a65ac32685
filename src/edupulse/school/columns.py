"""The rows of a kind of record as arrays, and a frame's columns as arrays, without a query.

A query of Polars takes a tenth of a millisecond however little it is about, and one student's
features need a hundred such steps. Those of NumPy take a few microseconds each, and are no slower
for many rows. Texts, which hardly anything reads, are made when somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.school.fields import INSTANT

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
Words = list[str | None]

MISSING = np.int32(-(2**31))
"""A number, day, truth or word that is not known: below all that a field allows."""

NOT_YET = np.int64(2**63 - 1)
"""An instant that has not come: no later version took this one's place."""


class Distinct(NamedTuple):
    """The different texts of a column (None: there is none), and which of them each row has."""

    words: Words
    which: Ints


class Texts:
    """A column of texts, made once, when somebody reads them."""

    __slots__ = ("_distinct", "_read")

    def __init__(self, read: Callable[[], Distinct]) -> None:
        self._read = read
        self._distinct: Distinct | None = None

    def distinct(self) -> Distinct:
        """The texts of all rows."""
        if self._distinct is None:
            self._distinct = self._read()
        return self._distinct

    @classmethod
    def of(cls, words: Callable[[], Words]) -> Texts:
        """A column of these words."""

        def read() -> Distinct:
            every = words()
            places = {word: place for place, word in enumerate(dict.fromkeys(every))}
            return Distinct(list(places), np.array([places[word] for word in every], np.int32))

        return cls(read)


@dataclass(frozen=True, eq=False, slots=True)
class Columns:
    """Rows of one kind of record.

    `numbers` int32[F, n] are the fields named in `place`: whole numbers, days since 1970-01-01,
    truths as 0 and 1, words as their positions; MISSING where not known. `instants` int64[I, n]
    are microseconds since 1970 in UTC, named in `when` (NOT_YET: none). Row i has the text at
    `at[i]` of each of `texts`.
    """

    place: Mapping[str, int]
    numbers: Ints
    when: tuple[str, ...]
    instants: Longs
    texts: Mapping[str, Texts]
    at: Places

    def __len__(self) -> int:
        return int(self.at.size)

    def __getitem__(self, name: str) -> Ints:
        numbers: Ints = self.numbers[self.place[name]]
        return numbers

    def filled(self, name: str, missing: np.int32 | int) -> Ints:
        """A column of numbers with `missing` where one is not known."""
        values = self[name]
        return np.where(values == MISSING, np.int32(missing), values)

    def instant(self, name: str) -> Longs:
        """A column of instants."""
        instants: Longs = self.instants[self.when.index(name)]
        return instants

    def distinct(self, name: str) -> Distinct:
        """A column of texts; words that no row has may be among them."""
        words, which = self.texts[name].distinct()
        return Distinct(words, which[self.at])

    def words(self, name: str) -> Words:
        """A column of texts, row by row."""
        words, which = self.distinct(name)
        return [words[at] for at in which.tolist()]

    def rows(self, which: npt.NDArray[np.bool_] | Places | slice) -> Columns:
        """Some rows: for which a mask holds, at these places, or a slice."""
        if isinstance(which, slice):
            numbers, instants = self.numbers[:, which], self.instants[:, which]
            return Columns(self.place, numbers, self.when, instants, self.texts, self.at[which])
        if which.dtype == np.bool_:
            if which.all():
                return self
            which = np.flatnonzero(which)
        # What `[:, which]` gives has another order in memory, which compiled loops would copy.
        numbers, instants = self.numbers.take(which, 1), self.instants.take(which, 1)
        return Columns(self.place, numbers, self.when, instants, self.texts, self.at[which])

    def timeless(self) -> Columns:
        """The same rows without their instants."""
        return Columns(self.place, self.numbers, (), self.instants[:0], self.texts, self.at)

    def frame(self, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """The columns of a schema as a frame."""
        return pl.DataFrame({name: self._series(name, dtype) for name, dtype in schema.items()})

    def _series(self, name: str, dtype: pl.DataType) -> pl.Series:
        if name in self.texts:
            return pl.Series(self.words(name), dtype=dtype)
        if name in self.when:
            instants = self.instant(name)
            return _or_null(pl.Series(instants), instants == NOT_YET).cast(dtype)
        numbers = self[name]
        series = _or_null(pl.Series(numbers), numbers == MISSING)
        return series.cast(pl.Int16).cat.to(dtype) if dtype == pl.Enum else series.cast(dtype)

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Columns:
        """A frame's columns: texts, instants, and all others as numbers."""
        texts = {
            name: Texts.of(frame[name].to_list)
            for name, dtype in frame.schema.items()
            if dtype == pl.String
        }
        when = tuple(name for name, dtype in frame.schema.items() if dtype == INSTANT)
        names = [name for name in frame.columns if name not in texts and name not in when]
        shape = (len(names), frame.height), (len(when), frame.height)
        return cls(
            {name: number for number, name in enumerate(names)},
            np.array([_numbers(frame[name]) for name in names], np.int32).reshape(shape[0]),
            when,
            np.array([_instants(frame[name]) for name in when], np.int64).reshape(shape[1]),
            texts,
            np.arange(frame.height),
        )


def joined(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, one or more of one kind, in order."""
    first = parts[0]
    if len(parts) == 1:
        return first
    ends = np.cumsum([len(part) for part in parts])
    return Columns(
        first.place,
        np.concatenate([part.numbers for part in parts], axis=1),
        first.when,
        np.concatenate([part.instants for part in parts], axis=1),
        {name: Texts.of(_words_of(parts, name)) for name in first.texts},
        np.arange(ends[-1]),
    )


def inserted(rows: Columns, before: Places, others: Columns) -> Columns:
    """The rows with each of others (of the same kind) before the one at that place."""
    numbers = [others.place[name] for name in rows.place]
    instants = [others.when.index(name) for name in rows.when]
    return Columns(
        rows.place,
        np.insert(rows.numbers, before, others.numbers[numbers], axis=1),
        rows.when,
        np.insert(rows.instants, before, others.instants[instants], axis=1),
        {name: Texts.of(_words_of((rows, others), name)) for name in rows.texts},
        np.insert(np.arange(len(rows)), before, len(rows) + np.arange(len(others))),
    )


def integers(column: pl.Series, missing: int) -> Ints:
    """Whole numbers, days since 1970-01-01 or truths as int32, null as `missing`."""
    if column.null_count() == column.len():
        return np.full(column.len(), missing, np.int32)
    # 32 bits and fewer: where there are nulls, NumPy gets floats that hold them exactly.
    values = column.cast(pl.Int32).to_numpy()
    if column.null_count():
        values = np.where(np.isnan(values), missing, values).astype(np.int32)
    return values


def clipped(values: Ints, low: int, high: int) -> Ints:
    """np.clip, which looks at its bounds for longer than it takes to keep a few values in them."""
    return np.minimum(np.maximum(values, np.int32(low)), np.int32(high))


def columns_of(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """The frame with these columns alone."""
    return pl.DataFrame([frame[name] for name in names])


def rows_of(frame: pl.DataFrame, mask: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """The rows for which the mask holds."""
    if mask.all():
        return frame
    chosen = pl.Series(mask)
    return pl.DataFrame([column.filter(chosen) for column in frame.get_columns()])


def _words_of(parts: Sequence[Columns], name: str) -> Callable[[], Words]:
    return lambda: [word for part in parts for word in part.words(name)]


def _numbers(column: pl.Series) -> Ints:
    physical = column.to_physical() if column.dtype == pl.Enum else column
    return integers(physical, int(MISSING))


def _instants(column: pl.Series) -> Longs:
    return column.cast(pl.Int64).fill_null(int(NOT_YET)).to_numpy()


def _or_null(values: pl.Series, missing: npt.NDArray[np.bool_]) -> pl.Series:
    return values.set(pl.Series(missing), None) if missing.any() else values
