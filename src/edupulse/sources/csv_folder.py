"""A folder of CSV files, the plainest way in: one file a kind, as `docs/csv.md` says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from edupulse.school.errors import BadInput
from edupulse.school.kind import Kind
from edupulse.school.records import KINDS, SIMULATED_MARKER
from edupulse.sources import cells
from edupulse.sources.checking import checked
from edupulse.sources.delivery import (
    REJECTION_SCHEMA,
    Batch,
    Ledger,
    Progress,
)
from edupulse.sources.packed import ENDINGS, pieces
from edupulse.sources.rows import Piece, rows, split_header

VERSION_FIELDS = ("known_at", "retracted")
"""Columns that every file may have beside those of its kind."""

_HEADER_PIECE = 16 * 1024


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    header: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.name


class CsvFolder:
    """The delivery of one folder. All headers are read and checked when it is made."""

    through = None
    keeps = None

    def __init__(self, folder: Path) -> None:
        self.source = f"CSV folder {folder.name}"
        self.simulated = (folder / SIMULATED_MARKER).is_file()
        self.ledger = Ledger()
        paths = _files_of(folder)
        self._files = {
            kind.name: _opened(kind, paths[kind.name]) for kind in KINDS if kind.name in paths
        }
        if not self._files:
            raise BadInput(
                f"{folder} holds no file of records.",
                f"Give the folder with schools.csv, … ({', '.join(k.file for k in KINDS)}).",
            )
        for name in _strangers(folder, {SIMULATED_MARKER, *(f.name for f in self._files.values())}):
            self.ledger.note(None, name, "not a file that we know: ignored")

    @property
    def kinds(self) -> frozenset[str]:
        """The names of the kinds that have a file."""
        return frozenset(self._files)

    def has(self, kind: Kind) -> bool:
        """Is there a file of this kind?"""
        return kind.name in self._files

    def batches(self, kind: Kind, progress: Progress | None = None) -> Iterator[Batch]:
        """The good rows of the kind's file; the ledger gets the others."""
        if not self.has(kind):
            return
        file = self._files[kind.name]
        self.ledger.open(kind)
        known = {f.name for f in kind.fields} | set(VERSION_FIELDS)
        for name in file.header:
            if name not in known:
                self.ledger.note(kind, file.name, f"column {name or '(no name)'} ignored")
        names = {name: at for at, name in enumerate(file.header) if name in known}
        _, body = split_header(pieces(file.path, progress), file.name)
        for piece in rows(body, sorted(names.values()), len(file.header), file.name):
            yield Batch(kind, self._records(kind, file.name, names, piece))

    def _records(self, kind: Kind, file: str, names: dict[str, int], piece: Piece) -> pl.DataFrame:
        self.ledger.count(kind, piece.cells.height + len(piece.bad))
        self.ledger.reject(kind, _unreadable(file, piece.bad))
        raw = piece.cells.select(**{name: str(at) for name, at in names.items()})
        raw = cells.trimmed(raw) if piece.may_need_trimming else raw
        raw = raw.with_columns(file=pl.lit(file), line=pl.Series(piece.line))
        return checked(kind, raw, self.ledger, file)


def csv_folder(folder: Path) -> CsvFolder:
    """The records in a folder of CSV files.

    Raises `BadInput` where the folder has none, two files of one kind, or a file that lacks a
    required column.
    """
    return CsvFolder(folder)


def _files_of(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder.", "Give the folder that holds the CSV files.")
    found = {}
    for kind in KINDS:
        here = [folder / (kind.file + ending) for ending in ENDINGS]
        here = [path for path in here if path.is_file()]
        if len(here) > 1:
            names = " and ".join(path.name for path in here)
            raise BadInput(f"{names} are both there.", "Remove one of them.")
        if here:
            found[kind.name] = here[0]
    return found


def _strangers(folder: Path, ours: set[str]) -> list[str]:
    there = (path for path in folder.iterdir() if path.is_file())
    return sorted(p.name for p in there if p.name not in ours and not p.name.startswith("."))


def _opened(kind: Kind, path: Path) -> _File:
    header, _ = split_header(pieces(path, size=_HEADER_PIECE), path.name)
    required = [field.name for field in kind.fields if field.required]
    missing = [name for name in required if name not in header]
    if missing:
        raise BadInput(
            f"the header lacks {', '.join(missing)}.",
            f"The columns {', '.join(required)} are required, separated by commas.",
            file=path.name,
        )
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise BadInput(f"the header names {', '.join(twice)} twice.", "Keep one.", file=path.name)
    return _File(path, tuple(header))


def _unreadable(file: str, bad: list[tuple[int, str]]) -> pl.DataFrame:
    listed = [(file, line, None, reason) for line, reason in bad]
    return pl.DataFrame(listed, dict(REJECTION_SCHEMA), orient="row")
