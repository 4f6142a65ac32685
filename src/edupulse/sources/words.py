"""From a source's codes to our words by tables, and the count of what no table has.

A value that no table has is counted and listed with what it may mean; it is never guessed. Case,
and blanks around a code, do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Protocol, runtime_checkable

import polars as pl

from edupulse.school.errors import BadInput
from edupulse.school.records import SUBJECTS
from edupulse.sources.mapping import COMMON, DistrictMapping, Table, nearest

IGNORE = "ignore"
"""A value that is known and says nothing that we keep."""

PARTIAL = "partial"
"""A part of the day was missed; only how long can say how much."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "attendance": ("present", "excused", "unexcused", "absent", "tardy", PARTIAL, IGNORE),
    "subjects": (*SUBJECTS, IGNORE),
    "behaviors": ("1", "2", "3", "4", "5", IGNORE),
    "staff_roles": ("teacher", "counselor", "school_admin", "district_admin", "analyst", IGNORE),
    "grade_levels": tuple(str(level) for level in range(-1, 13)),
}
"""What a table may say, where its defaults do not use every word."""


class Words:
    """The tables of a source in force, and what was met that they do not have.

    `defaults` is table to code to word; every word that a table may say is in it, or in `choices`
    or CHOICES.
    Raises `BadInput` where the mapping has a table or a word that the source does not.
    """

    def __init__(
        self,
        source: str,
        defaults: Mapping[str, Table],
        mapping: DistrictMapping | None = None,
        choices: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._choices = {**CHOICES, **(choices or {})}
        self.source = source
        self.mapping = mapping or DistrictMapping()
        self._defaults = defaults
        own = self._checked(self.mapping)
        self._tables = {
            name: {_plain(code): word for code, word in {**table, **own.get(name, {})}.items()}
            for name, table in defaults.items()
        }
        self._met: dict[str, Counter[tuple[str, str]]] = {}
        self._kind = ""

    def begin(self, kind: str) -> None:
        """What is met from now on is met for this kind of record, which is read anew."""
        self._kind = kind
        self._met[kind] = Counter()

    @property
    def unmapped(self) -> dict[tuple[str, str], int]:
        """Table and code of each value that is in no table, and how often it was met."""
        return dict(sorted(sum(self._met.values(), Counter()).items()))

    def unmapped_of(self, kind: str) -> dict[tuple[str, str], int]:
        """The same for one kind of record."""
        return dict(sorted(self._met.get(kind, Counter()).items()))

    def of(self, table: str, values: pl.Series) -> pl.Series:
        """The word of each code; null where it is empty, or unmapped and counted."""
        counted = values.drop_nulls().value_counts()
        found = {value: self.word(table, value) for value in counted[values.name].to_list()}
        for value, count in counted.iter_rows():
            if found[value] is None:
                self._met.setdefault(self._kind, Counter())[table, self.code_of(value)] += count
        return values.replace_strict(found, default=None, return_dtype=pl.String)

    def word(self, table: str, value: str) -> str | None:
        """The word of one value, by all of it or by its code; None where no table has it."""
        words = self._tables[table]
        return words.get(_plain(value), words.get(_plain(self.code_of(value))))

    def code_of(self, value: str) -> str:
        """The part of a value that a table names."""
        return value.strip()

    def suggestions(self) -> str:
        """The unmapped values as TOML for the district's mapping, to be read and corrected."""
        lines, before = [], None
        for (table, code), count in self.unmapped.items():
            if table != before:
                lines.append(f"[{self.source}.{table}]  # {' | '.join(self.choices(table))}")
            guess = _quoted(self._guess(table, code))
            lines.append(f"{_quoted(code)} = {guess}  # {count:,} times")
            before = table
        return "\n".join(lines)

    def choices(self, table: str) -> list[str]:
        """What the table may say."""
        said = self._choices.get(table)
        return list(said) if said else sorted({*self._defaults[table].values(), IGNORE})

    def _guess(self, table: str, code: str) -> str:
        """A word for the suggestion alone; empty where nothing is near."""
        near = get_close_matches(_plain(code), self._tables[table], n=1, cutoff=0.5)
        return self._tables[table][near[0]] if near else ""

    def _checked(self, mapping: DistrictMapping) -> dict[str, dict[str, str]]:
        own = mapping.words_of(self.source)
        for name, table in own.items():
            if name not in self._defaults:
                if name in COMMON:
                    continue
                self._refuse(name, "is no table of this source.", nearest(name, [*self._defaults]))
            choices = self.choices(name)
            for code, word in table.items():
                if word not in choices:
                    self._refuse(
                        f'{name}."{code}"', f"{word!r} is no word of it.", nearest(word, choices)
                    )
        return own

    def _refuse(self, where: str, what: str, to_do: str) -> None:
        field = f"{self.source}.{where}"
        raise BadInput(what, to_do, file=self.mapping.file, field=field)


@runtime_checkable
class Translated(Protocol):
    """A delivery whose words a district's mapping translates."""

    @property
    def words(self) -> Words:
        """The tables in force, and what was met that they do not have."""
        ...


def _plain(text: str) -> str:
    return text.strip().casefold()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
