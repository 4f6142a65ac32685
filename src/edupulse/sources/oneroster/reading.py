"""Rows of OneRoster's tables as text, from all sets of a delivery together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from edupulse.school.errors import BadInput
from edupulse.sources import cells
from edupulse.sources.delivery import REJECTION_SCHEMA, Progress
from edupulse.sources.oneroster.tables import Table

WHEREABOUTS = {"deleted": pl.Boolean(), "file": pl.String(), "line": pl.Int64()}
"""What a row has beside its table's columns: is it deleted, and where does it stand?"""

_GUID = r"^\{?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?$"


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a table: text columns by our names with WHEREABOUTS, and rows unreadable."""

    rows: pl.DataFrame
    bad: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(REJECTION_SCHEMA)))


Parts = Callable[[Progress | None], Iterator[Part]]
"""Reads one file, or one answer of a server, from its beginning."""


def schema_of(table: Table) -> dict[str, pl.DataType]:
    """Column to type of a table's rows."""
    return {**dict.fromkeys(table.columns, pl.String()), **WHEREABOUTS}


def tidied(table: Table, raw: pl.DataFrame, *, may_need_trimming: bool = True) -> pl.DataFrame:
    """Rows in the schema of the table, from text columns of which some may be absent.

    An id that is a GUID is in lower case without braces, since files of one export differ there.
    """
    ids = [name for name in table.ids if name in raw.columns]
    frame = raw
    if may_need_trimming:
        frame = cells.trimmed(raw.drop("file", "line")).with_columns(raw["file"], raw["line"])
    frame = frame.with_columns(same_guid(pl.col(name)) for name in ids)
    absent = [name for name in table.columns if name not in raw.columns]
    frame = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    deleted = (pl.col("status").str.to_lowercase() == "tobedeleted").fill_null(value=False)
    return frame.with_columns(deleted=deleted).select(*schema_of(table))


def same_guid(ids: pl.Expr) -> pl.Expr:
    """One spelling of each GUID; every other id, and a list of ids, as it is."""
    bare = ids.str.extract(_GUID).str.to_lowercase()
    return pl.coalesce(bare, ids)


class Rows:
    """The rows of a delivery, table by table, read as often as they are asked for."""

    def __init__(self, parts: Mapping[str, list[Parts]]) -> None:
        self._parts = parts
        self.progress: Progress | None = None
        self._whole: dict[str, pl.DataFrame] = {}
        self._bad: dict[str, list[pl.DataFrame]] = {}
        self.read: Counter[str] = Counter()
        self.deleted: Counter[str] = Counter()

    def has(self, table: Table) -> bool:
        """Is there a file of this table?"""
        return bool(self._parts.get(table.name))

    def files(self, table: Table) -> int:
        """How many files of this table there are."""
        return len(self._parts.get(table.name, []))

    def bad(self, table: Table) -> pl.DataFrame:
        """The rows that could not be read when the table was read last."""
        return pl.concat(
            [pl.DataFrame(schema=dict(REJECTION_SCHEMA)), *self._bad.get(table.name, [])]
        )

    def parts(self, table: Table) -> Iterator[pl.DataFrame]:
        """The rows of a table, in bounded frames."""
        self.read[table.name] = self.deleted[table.name] = 0
        self._bad[table.name] = []
        for parts in self._parts.get(table.name, []):
            for part in parts(self.progress):
                self._bad[table.name].append(part.bad)
                self.read[table.name] += part.rows.height + part.bad.height
                self.deleted[table.name] += int(part.rows["deleted"].sum())
                yield part.rows

    def whole(self, table: Table) -> pl.DataFrame:
        """Each row of a table as it stands now: of several with one id the one modified last.

        Which that is does not depend on the order of the files. A deleted row that says no more
        than its id keeps what was said before.
        """
        if table.name not in self._whole:
            empty = pl.DataFrame(schema=schema_of(table))
            self._whole[table.name] = latest(table, pl.concat([empty, *self.parts(table)]))
        return self._whole[table.name]

    def alive(self, table: Table) -> pl.DataFrame:
        """The rows of a table that are not deleted."""
        return self.whole(table).filter(~pl.col("deleted"))


def latest(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """Of the rows of each id the one modified last; rows without an id are all kept."""
    named = rows.filter(pl.col("id").is_not_null())
    if not named["id"].is_duplicated().any():
        return rows
    content = [name for name in table.columns if name not in ("id", "status", "modified")]
    order = in_time(named, content)
    before = order.with_columns(pl.col(name).forward_fill().over("id") for name in content)
    said = order.with_columns(
        pl.when("deleted").then(before[name]).otherwise(pl.col(name)).alias(name)
        for name in content
    )
    last = said.unique("id", keep="last", maintain_order=True)
    return pl.concat([last, rows.filter(pl.col("id").is_null())])


def in_time(rows: pl.DataFrame, content: list[str]) -> pl.DataFrame:
    """The rows by id and, within an id, in the order in which they were modified.

    Of two modified at once, or at no known time, the content decides, not the order of files.
    """
    when = cells.knowledge(rows["modified"])
    at = pl.coalesce(when["known_at"].dt.replace_time_zone(None), when["known_local"])
    timed = rows.with_columns(when=when.select(at).to_series())
    return timed.sort("id", "when", "modified", "deleted", *content, "file", "line").drop("when")


def refuse_column(file: str, missing: list[str], header: list[str]) -> BadInput:
    """What to say of a file that lacks a column."""
    return BadInput(
        f"the header lacks {', '.join(missing)}; it has {', '.join(header)[:300]}.",
        f'Export it, or name the column in the mapping, under [columns."{file}"].',
        file=file,
    )
