"""The rows of Ed-Fi resources, laid down on the disk while a source is read.

A source of any size and any order goes in row by row and comes out resource by resource, so that
memory holds a part at a time. The file has no name: nobody else can open it, and it is gone with
the process, however that ends.
"""

from __future__ import annotations

import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from os import SEEK_END

import polars as pl

from edupulse.sources.edfi.resource import Link, Resource, Row
from edupulse.sources.edfi.resources import BY_ELEMENT

PART = 50_000
"""Rows of a resource that are laid down together."""

BUCKET = 250_000
"""Rows of a resource, about, that are worked on at a time where a student's must be together."""

DEALT = 10
"""Parts that are dealt out to the buckets together, so that these are not of many small pieces."""

Place = tuple[int, int]
"""Where a frame lies in the file: from which byte on, and how many."""


class Spool:
    """Rows laid down by resource; `rows` counts them, `others` what is no resource of ours.

    `is_of_changes`: the rows are those that changed, with all that these touch, not all there are.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="edupulse-")  # noqa: SIM115  (until close)
        self._end = weakref.finalize(self, self._file.close)
        self._waiting: dict[str, list[list[object]]] = {}
        self._parts: dict[str, list[Place]] = {}
        self._named: dict[Link, pl.DataFrame] = {}
        self._buckets: dict[tuple[str, int], list[list[Place]]] = {}
        self.rows: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self._seen: set[str] = set()
        self.is_of_changes = False

    def close(self) -> None:
        """Give the disk back."""
        self._end()

    def see(self, resource: Resource) -> None:
        """The source has this resource, be it without any row."""
        self._seen.add(resource.element)

    def saw(self, resource: Resource) -> bool:
        """Does the source have this resource at all?"""
        return resource.element in self._seen

    def add(self, resource: Resource, row: Row, file: str, line: int, deleted: bool) -> None:
        """Lay down one row."""
        self.see(resource)
        self.rows[resource.element] += 1
        waiting = self._waiting.setdefault(resource.element, [])
        waiting.append([*row, deleted, file, line])
        if len(waiting) >= PART:
            self._lay_down(resource)

    def parts(self, resource: Resource) -> Iterator[pl.DataFrame]:
        """The rows of a resource, part by part, links followed."""
        self._lay_down(resource)
        for place in self._parts.get(resource.element, []):
            yield self._linked(resource, self._read(place))

    def whole(self, resource: Resource) -> pl.DataFrame:
        """All rows of a resource, each once."""
        parts = [pl.DataFrame(schema=resource.schema), *self.parts(resource)]
        return _each_once(resource, pl.concat(parts))

    def live(self, resource: Resource) -> pl.DataFrame:
        """The same without those that were deleted at the source."""
        return self.whole(resource).filter(~pl.col("deleted"))

    def buckets(self, *resources: Resource) -> Iterator[tuple[pl.DataFrame, ...]]:
        """Frames of the resources, each row once, so that all of one student come together."""
        most = max((self.rows[r.element] for r in resources), default=0)
        many = 1 + most // BUCKET
        for bucket in range(many):
            yield tuple(self._bucket(resource, bucket, many) for resource in resources)

    def _bucket(self, resource: Resource, bucket: int, many: int) -> pl.DataFrame:
        if many == 1:
            return self.whole(resource)
        parts = map(self._read, self._buckets_of(resource, many)[bucket])
        found = pl.concat([pl.DataFrame(schema=resource.schema), *parts])
        return _each_once(resource, found)

    def _buckets_of(self, resource: Resource, many: int) -> list[list[Place]]:
        """Where each bucket lies: every row is dealt once, by a hash of its student."""
        key = (resource.element, many)
        if key not in self._buckets:
            places: list[list[Place]] = [[] for _ in range(many)]
            bucket = (pl.col("student").hash() % many).fill_null(0).alias("bucket")
            parts = self.parts(resource)
            while some := list(islice(parts, DEALT)):
                dealt = pl.concat(some).with_columns(bucket).partition_by("bucket", as_dict=True)
                for (at,), rows in dealt.items():
                    places[at].append(self._written(rows.drop("bucket")))
            self._buckets[key] = places
        return self._buckets[key]

    def _written(self, frame: pl.DataFrame) -> Place:
        packed = BytesIO()
        frame.write_ipc(packed, compression="zstd")
        begin = self._file.seek(0, SEEK_END)
        return begin, self._file.write(packed.getbuffer())

    def _read(self, place: Place) -> pl.DataFrame:
        begin, length = place
        self._file.seek(begin)
        return pl.read_ipc(self._file.read(length))

    def _lay_down(self, resource: Resource) -> None:
        waiting = self._waiting.pop(resource.element, None)
        if not waiting:
            return
        frame = pl.DataFrame(waiting, schema=resource.schema, orient="row")
        self._parts.setdefault(resource.element, []).append(self._written(frame))

    def _linked(self, resource: Resource, frame: pl.DataFrame) -> pl.DataFrame:
        for link in resource.links:
            if frame[link.ref].null_count() < frame.height:
                frame = self._followed(link, frame)
        return frame

    def _followed(self, link: Link, frame: pl.DataFrame) -> pl.DataFrame:
        """What a reference by id stands for, from the element of that id in the same file."""
        if link not in self._named:
            self._named[link] = self._names(link)
        joined = frame.join(
            self._named[link],
            left_on=["file", link.ref],
            right_on=["file", "id"],
            how="left",
            maintain_order="left",
            suffix="_named",
        )
        filled = (pl.coalesce(name, f"{name}_named").alias(name) for name in link.fills)
        return joined.with_columns(filled).select(frame.columns)

    def _names(self, link: Link) -> pl.DataFrame:
        named = pl.concat(
            part.select("file", "id", *link.fills).filter(pl.col("id").is_not_null())
            for name in link.elements
            for part in [self.whole(BY_ELEMENT[name])]
        )
        return named.unique(["file", "id"], keep="first", maintain_order=True)


def _each_once(resource: Resource, frame: pl.DataFrame) -> pl.DataFrame:
    """Without repetitions: pages may overlap, and what changed meanwhile may come in both states.

    Of one id in one file (or path) the latest change stays; of equal contents the first row.
    """
    order = ["changed", "file", "line"]
    newest = frame.sort(*order, descending=[True, False, False], nulls_last=True)
    with_id = newest.filter(pl.col("id").is_not_null())
    by_id = with_id.unique(["file", "id", "deleted"], keep="first", maintain_order=True)
    rest = newest.filter(pl.col("id").is_null())
    both = pl.concat([by_id, rest]).unique(
        [*resource.content, "deleted"], keep="first", maintain_order=True
    )
    return both.sort("file", "line", maintain_order=True)
