"""Writes small CSV folders for the tests of sources."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import zstandard

from edupulse.school.kind import Kind
from edupulse.sources.csv_folder import CsvFolder, csv_folder


def csv_text(rows: Sequence[Mapping[str, str]], *, newline: str = "\n") -> str:
    """Rows as CSV; the columns of the first row."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator=newline)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def packed(data: bytes, ending: str) -> bytes:
    """Data as it stands in a file of that ending."""
    match ending:
        case ".gz":
            return gzip.compress(data, 1)
        case ".zst":
            return zstandard.ZstdCompressor(1).compress(data)
        case _:
            return data


def folder_of(folder: Path, kind: Kind, content: str | bytes, ending: str = "") -> CsvFolder:
    """A delivery of a folder that has this one file."""
    data = content.encode() if isinstance(content, str) else content
    (folder / (kind.file + ending)).write_bytes(packed(data, ending))
    return csv_folder(folder)


def records(delivery: CsvFolder, kind: Kind) -> pl.DataFrame:
    """All batches of a kind as one frame."""
    return pl.concat([batch.frame for batch in delivery.batches(kind)])


def rejected(delivery: CsvFolder) -> list[tuple[int, str | None, str]]:
    """Line, field and reason of each row left out."""
    return list(delivery.ledger.rejections.select("line", "field", "reason").iter_rows())
