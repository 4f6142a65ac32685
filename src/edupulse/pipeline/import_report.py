"""What an import did, file by file: for a person, for `report.json`, and for the database."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl

MOST_LINES = 5
"""Lines that are told of each reason; `rejected.csv` has all."""

UNDATED = "history without knowledge dates"
"""Said where the dates on which records became known are defaults, not the source's own."""


@dataclass(frozen=True)
class FileReport:
    """What became of one file's rows; `new`, `revised`, `retracted` and `conflicts` are versions.

    `undated` rows came without `known_at`.
    """

    kind: str
    read: int
    rejected: int
    new: int
    revised: int
    unchanged: int
    retracted: int
    conflicts: int
    undated: int


@dataclass(frozen=True)
class RejectedFor:
    """How many rows of a file were left out for one reason, and on which lines the first stand."""

    file: str
    field: str | None
    reason: str
    rows: int
    lines: tuple[int, ...] = ()

    def __str__(self) -> str:
        """For people: how many, where, and why."""
        field = f", {self.field}" if self.field else ""
        lines = ", ".join(f"{line:,}" for line in self.lines)
        more = ", …" if self.rows > len(self.lines) else ""
        return f"{self.rows:,} x {self.file}{field}: {self.reason} (line {lines}{more})"


@dataclass(frozen=True)
class ImportReport:
    """One import: `mode` is `upsert` or `snapshot`; nothing in it names a student."""

    id: UUID
    source: str
    mode: str
    historical: bool
    started: datetime
    files: tuple[FileReport, ...]
    rejected_for: tuple[RejectedFor, ...]
    notes: tuple[str, ...]
    folder: Path | None = None

    @property
    def changed(self) -> bool:
        """Did any record change?"""
        return any(file.new or file.revised for file in self.files)

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON values, without the folder."""
        plain = asdict(self)
        del plain["folder"]
        return {**plain, "id": str(self.id), "started": self.started.isoformat()}


def reasons(rejections: pl.DataFrame) -> tuple[RejectedFor, ...]:
    """Rejected rows counted by file, field and reason, the most frequent first."""
    counted = rejections.group_by("file", "field", "reason").agg(
        rows=pl.len(), lines=pl.col("line").bottom_k(MOST_LINES).sort()
    )
    ordered = counted.sort("rows", "file", "field", "reason", descending=[True, *[False] * 3])
    columns = ("file", "field", "reason", "rows", "lines")
    return tuple(
        RejectedFor(file, field, reason, rows, tuple(lines))
        for file, field, reason, rows, lines in ordered.select(columns).iter_rows()
    )


def write_rejected(folder: Path, rejections: pl.DataFrame) -> Path:
    """Write `rejected.csv`: the file, line, field and reason of each row left out."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rejected.csv"
    rejections.sort("file", "line", maintain_order=True).write_csv(path)
    return path


def write_report(folder: Path, report: ImportReport) -> None:
    """Write `report.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report.as_json(), indent=2, ensure_ascii=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")


def write_suggestions(folder: Path, suggestions: str) -> None:
    """Write `mapping-suggested.toml`: words that no table has, to be read and corrected."""
    (folder / "mapping-suggested.toml").write_text(suggestions + "\n", encoding="utf-8")
