"""What the makers of records work with: rows, words and the ledger, and what they share."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from edupulse.school.kind import Kind
from edupulse.sources.delivery import Ledger
from edupulse.sources.oneroster.reading import Rows, same_guid
from edupulse.sources.oneroster.vocabulary import Words


@dataclass(frozen=True)
class Material:
    """The rows of a delivery, the words in force, the ledger, and tables of which only changes
    are there (by the manifest)."""

    rows: Rows
    words: Words
    ledger: Ledger
    only_changes: frozenset[str] = frozenset()

    def note(self, kind: Kind, table: str, what: str, count: int) -> None:
        """Say of a table's rows what became of them."""
        self.ledger.note(kind, f"{table}.csv", what, count)

    def setting(self, name: str) -> str:
        """A setting of the district's mapping, or its default."""
        return self.words.word("settings", name) or ""


def exploded(frame: pl.DataFrame, lists: str, one: str) -> pl.DataFrame:
    """A row for each id of a list (separated by commas), as `one`; an empty list has one row."""
    parts = pl.col(lists).str.split(",").alias(one)
    each = frame.with_columns(parts).explode(one, empty_as_null=True)
    bare = pl.col(one).str.strip_chars(" []\"'")
    return each.with_columns(same_guid(pl.when(bare != "").then(bare)).alias(one))
