"""Takes packed rows apart: what PostgreSQL's `record_send` makes of a row becomes columns.

A packed row is a count of its fields, then of each its type (4 bytes), its length (4 bytes, −1:
null) and its bytes, most significant first. Days and instants count from the year 2000.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edupulse.features.compiled import compiled
from edupulse.school.columns import MISSING, NOT_YET, Columns, Distinct, Ints, Longs, Texts
from edupulse.school.fields import Day, Field, Text
from edupulse.school.kind import Kind
from edupulse.school.records import STUDENT_KINDS

Letters = npt.NDArray[np.uint8]

NUMBER, DAY, INSTANT, TEXT = range(4)
"""What a field becomes."""

_NUMBER, _NOT_YET = int(MISSING), int(NOT_YET)
_DAYS = int(np.datetime64("2000-01-01", "D").astype(int))
_MICROSECONDS = _DAYS * 24 * 60 * 60 * 1_000_000
_HEAD = 4
"""Bytes of a count, a type or a length."""


class Taken(NamedTuple):
    """Rows taken apart: numbers and days `[F, n]`, instants `[I, n]` (microseconds since 1970).

    Text t of row i is in `letters` from `begin[t, i]` on, `length[t, i]` bytes long (−1: null).
    """

    numbers: Ints
    instants: Longs
    begin: Longs
    length: Ints
    letters: Letters


class Fields(NamedTuple):
    """What each field of a row becomes, and its place among those that become the same."""

    form: Ints
    place: Ints


@dataclass(frozen=True)
class Form:
    """How one kind of record is packed, and the names of what its fields become."""

    fields: Fields
    numbers: tuple[str, ...]
    instants: tuple[str, ...]
    texts: tuple[str, ...]

    def columns(self, packed: bytes, rows: int) -> Columns:
        """So many rows, packed one after the other, as columns."""
        letters = np.frombuffer(packed, np.uint8)
        sizes = len(self.numbers), len(self.instants), len(self.texts)
        taken = _taken(letters, rows, self.fields, *sizes)
        return Columns(
            {name: number for number, name in enumerate(self.numbers)},
            taken.numbers,
            self.instants,
            taken.instants,
            {name: Texts(_reader(taken, text)) for text, name in enumerate(self.texts)},
            np.arange(rows),
        )


def load_loops() -> None:
    """Take apart a row of each kind in which nothing is known, as `features.loading` does."""
    for form in forms().values():
        null = (0).to_bytes(_HEAD) + (-1).to_bytes(_HEAD, signed=True)
        columns = form.columns(bytes(_HEAD) + null * form.fields.form.size, 1)
        for name in columns.texts:
            columns.distinct(name)


@cache
def forms() -> dict[str, Form]:
    """How each kind's records of students are packed, by its name."""
    return {kind.name: _form_of(kind) for kind in STUDENT_KINDS}


def _form_of(kind: Kind) -> Form:
    """A kind's open fields, then what makes a version of it."""
    forms = {field.column: _form(field) for field in kind.open_fields}
    forms |= {"known_from": INSTANT, "known_until": INSTANT, "retracted": NUMBER}
    names: dict[int, list[str]] = {NUMBER: [], INSTANT: [], TEXT: []}
    place = []
    for name, form in forms.items():
        alike = names[NUMBER if form == DAY else form]
        place.append(len(alike))
        alike.append(name)
    fields = Fields(np.array(list(forms.values()), np.int32), np.array(place, np.int32))
    return Form(fields, *(tuple(names[form]) for form in (NUMBER, INSTANT, TEXT)))


def _form(of: Field) -> int:
    match of.type:
        case Text():
            return TEXT
        case Day():
            return DAY
        case _:
            return NUMBER


def _reader(taken: Taken, text: int) -> Callable[[], Distinct]:
    def read() -> Distinct:
        begin, length = taken.begin[text], taken.length[text]
        which, first = _distinct(taken.letters, begin, length)
        letters = taken.letters.tobytes()
        places = zip(begin[first].tolist(), length[first].tolist(), strict=True)
        words = [None if size < 0 else str(letters[at : at + size], "utf-8") for at, size in places]
        return Distinct(words, which)

    return read


@compiled
def _distinct(letters: Letters, begin: Longs, length: Ints) -> tuple[Ints, Longs]:
    """Which of the different texts each row has, and the first row that has each."""
    rows = begin.size
    which, first = np.empty(rows, np.int32), np.empty(rows, np.int64)
    room = 2
    while room < 2 * rows:
        room *= 2
    found = np.full(room, -1, np.int32)
    many = 0
    for row in range(rows):
        at, size = begin[row], length[row]
        mixed = np.uint64(size)
        for letter in range(size):
            mixed = (mixed ^ letters[at + letter]) * np.uint64(0x100000001B3)
        place = np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(room - 1))
        while found[place] >= 0 and not _same(letters, begin, length, first[found[place]], row):
            place = (place + 1) & (room - 1)
        if found[place] < 0:
            found[place], first[many] = many, row
            many += 1
        which[row] = found[place]
    return which, first[:many].copy()


@compiled
def _same(letters: Letters, begin: Longs, length: Ints, one: int, other: int) -> bool:
    if length[one] != length[other]:
        return False
    for letter in range(length[one]):
        if letters[begin[one] + letter] != letters[begin[other] + letter]:
            return False
    return True


@compiled
def _taken(
    packed: Letters, rows: int, fields: Fields, numbers: int, instants: int, texts: int
) -> Taken:
    """All rows, one after the other, with so many fields of each form."""
    taken = Taken(
        np.empty((numbers, rows), np.int32),
        np.empty((instants, rows), np.int64),
        np.zeros((texts, rows), np.int64),
        np.empty((texts, rows), np.int32),
        np.empty(packed.size if texts else 0, np.uint8),
    )
    at = written = 0
    for row in range(rows):
        at += _HEAD
        for field in range(fields.form.size):
            size = _whole(packed, at + _HEAD, _HEAD)
            at += 2 * _HEAD
            form, place = fields.form[field], fields.place[field]
            if form == TEXT:
                taken.begin[place, row], taken.length[place, row] = written, size
                for letter in range(size):
                    taken.letters[written + letter] = packed[at + letter]
                written += size if size > 0 else 0
            elif form == INSTANT:
                known = size >= 0
                value = _whole(packed, at, size) + _MICROSECONDS if known else _NOT_YET
                taken.instants[place, row] = value
            elif size < 0:
                taken.numbers[place, row] = _NUMBER
            else:
                value = _whole(packed, at, size)
                taken.numbers[place, row] = value + _DAYS if form == DAY else value
            at += size if size > 0 else 0
    letters = taken.letters[:written].copy()
    return Taken(taken.numbers, taken.instants, taken.begin, taken.length, letters)


@compiled
def _whole(packed: Letters, at: int, size: int) -> int:
    """A whole number with its sign, of so many bytes."""
    value = np.int64(np.int8(packed[at]))
    for place in range(at + 1, at + size):
        value = (value << 8) | np.int64(packed[place])
    return value  # type: ignore[return-value]  # numba's integers are both
