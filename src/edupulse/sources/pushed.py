"""Records of one kind that somebody pushes, row by row, as a delivery like any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from edupulse.school.errors import BadInput
from edupulse.school.kind import Kind
from edupulse.sources import cells
from edupulse.sources.checking import checked
from edupulse.sources.csv_folder import VERSION_FIELDS
from edupulse.sources.delivery import Batch, Ledger, Progress

Row = Mapping[str, str | bool | int | float | None]
"""A record's fields by their names in `docs/csv.md`; absent or null is unknown."""


class Pushed:
    """The delivery of some rows of one kind; the line of a row is its place, the first is 1."""

    through = None
    keeps = None

    def __init__(self, kind: Kind, rows: Sequence[Row], source: str, *, simulated: bool) -> None:
        self.kind, self.source, self.simulated = kind, source, simulated
        self.ledger = Ledger()
        self._rows = rows

    @property
    def kinds(self) -> frozenset[str]:
        """The one kind."""
        return frozenset({self.kind.name})

    def has(self, kind: Kind) -> bool:
        """Is it the one?"""
        return kind == self.kind

    def batches(self, kind: Kind, _progress: Progress | None = None) -> Iterator[Batch]:
        """The good rows; the ledger gets the others."""
        if not self.has(kind):
            return
        self.ledger.open(kind)
        self.ledger.count(kind, len(self._rows))
        _require_text(self._rows)
        known = [*(f.name for f in kind.fields), *VERSION_FIELDS]
        strange = Counter(name for row in self._rows for name in row if name not in known)
        for name, count in sorted(strange.items()):
            self.ledger.note(kind, kind.name, f"field {name} ignored", count)
        yield Batch(kind, checked(kind, self._raw(known), self.ledger, kind.name))

    def _raw(self, names: list[str]) -> pl.DataFrame:
        """The cells as text, as a file would hold them."""
        columns = [
            pl.Series(name, [_text(row.get(name)) for row in self._rows], pl.String)
            for name in names
        ]
        line = pl.Series("line", range(1, len(self._rows) + 1), pl.Int64)
        return cells.trimmed(pl.DataFrame(columns)).with_columns(line, file=pl.lit(self.kind.name))


def _require_text(rows: Sequence[Row]) -> None:
    """Raises BadInput for half of a character (a lone surrogate), which JSON can write."""
    try:
        for row in rows:
            for name, value in row.items():
                f"{name}{value}".encode()
    except UnicodeEncodeError:
        raise BadInput(
            "A text holds half of a character.", "Write it as UTF-8, or as both halves."
        ) from None


def _text(value: str | bool | float | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower()
