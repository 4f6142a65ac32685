"""What is read of an Ed-Fi resource, whether it comes as an XML element or as JSON.

Both are flattened to the same row of text. A *key* is the path of a value as the API names it,
without list indices, `Descriptor` endings and the wrappers that only the XML has:
`eventDate`, `attendanceEventCategory`, `studentReference.studentUniqueId`,
`disciplines.discipline`. Whatever lies inside a reference is keyed by the reference and its own
name alone, since the XML nests the identities that the API lists flat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

WHEREABOUTS: Mapping[str, pl.DataType] = {
    "deleted": pl.Boolean(),
    "file": pl.String(),
    "line": pl.Int64(),
}
"""What each row has beside its columns: was it deleted at the source, and where it stood.

`line` is the line of the XML file, or the running number of the resource from the API.
"""

Value = str | list[str] | None
Row = list[Value]


@dataclass(frozen=True, slots=True)
class Column:
    """One value of a resource: under any of its keys, the first found, or `many` of them."""

    name: str
    keys: tuple[str, ...]
    many: bool = False

    @property
    def dtype(self) -> pl.DataType:
        """Text, or a list of texts."""
        return pl.List(pl.String()) if self.many else pl.String()


COMMON = (Column("id", ("@id", "id")), Column("changed", ("_lastModifiedDate",)))
"""What each resource has: an element's id in its file or the API's own id, and its last change."""


@dataclass(frozen=True, slots=True)
class Link:
    """A reference that the XML may give by the `id` of an element in the same file alone.

    `ref` is the column with that id; the columns in `fills` are then those of the named `elements`.
    """

    ref: str
    elements: tuple[str, ...]
    fills: tuple[str, ...]


@dataclass(frozen=True)
class Resource:
    """An Ed-Fi resource: its element in XML, its path in the API, and what is read of it.

    The `path` is empty for what only the XML has. `own` columns are beside those in COMMON.
    """

    element: str
    path: str
    own: tuple[Column, ...]
    links: tuple[Link, ...] = ()

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """All that is read of it."""
        return (*self.own, *COMMON)

    @cached_property
    def content(self) -> list[str]:
        """The columns that say what the resource says."""
        return [column.name for column in self.own]

    @cached_property
    def places(self) -> dict[str, tuple[int, bool]]:
        """Each key's column number, and whether that column takes many."""
        return {
            key: (at, column.many) for at, column in enumerate(self.columns) for key in column.keys
        }

    @cached_property
    def last_names(self) -> dict[str, list[tuple[int, bool]]]:
        """The same places by the last part of their keys, under which a natural key lists them."""
        found: dict[str, list[tuple[int, bool]]] = {}
        for key, place in self.places.items():
            places = found.setdefault(key.rpartition(".")[2], [])
            if place not in places:
                places.append(place)
        return found

    @cached_property
    def schema(self) -> dict[str, pl.DataType]:
        """The Polars types of its rows."""
        return {**{c.name: c.dtype for c in self.columns}, **WHEREABOUTS}

    def row(self) -> Row:
        """A row without any value yet."""
        row = self._blank.copy()
        for at in self._lists:
            row[at] = []
        return row

    @cached_property
    def _blank(self) -> Row:
        return [None] * len(self.columns)

    @cached_property
    def _lists(self) -> list[int]:
        return [at for at, column in enumerate(self.columns) if column.many]


def put(row: Row, place: tuple[int, bool], text: str) -> None:
    """Set a value: a list takes it as its next, a single one keeps the first."""
    at, many = place
    if many:
        held = row[at]
        assert isinstance(held, list)  # noqa: S101  (made so by Resource.row)
        held.append(text)
    elif row[at] is None:
        row[at] = text
