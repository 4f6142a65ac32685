"""What an import looks up in the store: of the few ids that a push names, or of all there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

FEW = 2_000
"""So many are asked for by name; who names more gets all, in one reading."""


@dataclass
class Sought:
    """Rows of the store by one of their columns: those asked for so far, or all.

    `read` gives the rows of some values of that column, or all of them for None.
    """

    read: Callable[[Sequence[Any] | None], pl.DataFrame]
    _held: pl.DataFrame | None = None
    _asked: set[Any] = field(default_factory=set)
    _all: bool = False

    def of(self, values: pl.Series) -> pl.DataFrame:
        """The rows of these values, and maybe of others."""
        if self._all:
            return self._rows()
        new = set(values.drop_nulls().unique().to_list()) - self._asked
        self._asked |= new
        if len(self._asked) > FEW:
            self._held, self._all = self.read(None), True
        elif new or self._held is None:
            self.add(self.read(sorted(new)))
        return self._rows()

    def add(self, rows: pl.DataFrame) -> None:
        """Rows that the store has got meanwhile."""
        self._held = rows if self._held is None else pl.concat([self._held, rows])

    def _rows(self) -> pl.DataFrame:
        assert self._held is not None  # noqa: S101  (of() read it)
        return self._held
