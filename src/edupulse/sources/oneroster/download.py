"""What was read of a service so far, page by page on disk, so that a cut reading goes on.

The folder is private to its owner. A page is written whole before the cursor moves past it: killed
at any point, the page under way is asked for again, and no other.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from edupulse.sources.delivery import Progress
from edupulse.sources.oneroster.reading import Part, Parts, tidied
from edupulse.sources.oneroster.tables import TABLES, Table

_STATE = "state.json"
_BY_NAME = {table.name: table for table in TABLES}


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a question was answered: pages and rows kept, the address of what is next.

    `done`: there is nothing more. `rounds` is how often it was asked from the beginning, `total`
    what the service counted at the beginning of the round. `absent`: the service has it not.
    """

    pages: int = 0
    rows: int = 0
    next: str | None = None
    done: bool = False
    rounds: int = 0
    total: int | None = None
    absent: bool = False


class Download:
    """The pages of one reading; `said` tells which reading it is, and when it began."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)

    @property
    def said(self) -> dict[str, Any]:
        """What `begin` was told; nothing where there is no reading."""
        return self._read(_STATE)

    def begin(self, **said: str | None) -> None:
        """Forget all pages and begin another reading."""
        self.forget()
        self.folder.mkdir(parents=True, mode=0o700)
        self._write(_STATE, said)

    def forget(self) -> None:
        """Remove all pages."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def cursor(self, question: str) -> Cursor:
        """How far a question was answered."""
        said = self._read(f"{question}.json")
        return Cursor(**said) if said else Cursor()

    def move(self, question: str, cursor: Cursor) -> None:
        """Note how far a question was answered."""
        self._write(f"{question}.json", {n: getattr(cursor, n) for n in Cursor.__slots__})

    def keep(self, question: str, page: int, frames: dict[str, pl.DataFrame]) -> None:
        """Write one page: table to rows."""
        for name, frame in frames.items():
            path = self.folder / f"{question}.{page:06}.{name}.arrow"
            frame.write_ipc(path.with_suffix(".part"), compression="zstd")
            os.replace(path.with_suffix(".part"), path)

    def pages(self, table: Table, question: str = "*") -> list[Path]:
        """The pages with rows of a table, of one question or of all."""
        return sorted(self.folder.glob(f"{question}.*.{table.name}.arrow"))

    def parts(self) -> dict[str, list[Parts]]:
        """What `Rows` reads: a table for each that was answered, be it without any row."""
        found: dict[str, list[Parts]] = {}
        for path in sorted(self.folder.glob("*.json")):
            if path.name == _STATE or self.cursor(path.stem).absent:
                continue
            for name in {path.stem.split("-")[0], *(p.name.split(".")[2] for p in self._of(path))}:
                found.setdefault(name, []).append(self._parts(_BY_NAME[name], path.stem))
        return found

    def _of(self, cursor: Path) -> list[Path]:
        return list(self.folder.glob(f"{cursor.stem}.*.arrow"))

    def _parts(self, table: Table, question: str) -> Parts:
        def parts(progress: Progress | None) -> Iterator[Part]:
            paths = self.pages(table, question)
            for n, path in enumerate(paths, 1):
                yield Part(tidied(table, pl.read_ipc(path)))
                if progress:
                    progress(question, n / len(paths))

        return parts

    def _read(self, name: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return content

    def _write(self, name: str, content: object) -> None:
        path = self.folder / name
        path.with_suffix(".part").write_text(json.dumps(content), encoding="utf-8")
        os.replace(path.with_suffix(".part"), path)
