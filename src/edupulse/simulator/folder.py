"""The output folder on disk: files that grow block by block, plain or compressed."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, cast

import polars as pl
import zstandard

from edupulse.school.errors import BadInput
from edupulse.school.records import SIMULATED_MARKER
from edupulse.simulator.plan import DistrictPlan
from edupulse.simulator.truth import Truth

FLUSH = 1 << 20

_NOT_REAL = """The students of this folder are simulated: nobody here is real.
An import takes note of this file, and what learns from these records says so.
"""


class Folder:
    """An output folder; a context that closes all its files."""

    def __init__(self, path: Path, compress: str = "none") -> None:
        """Make the folder; refuses one that already holds something."""
        if compress not in ("none", "zst"):
            raise BadInput(f"{compress} is no way to compress.", "Use none or zst.")
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise BadInput("The output folder already holds something.", "Name a new folder.")
        self.path, self.compress = path, compress
        self.rows: dict[str, int] = {}
        self.files: dict[str, IO[bytes]] = {}

    def __enter__(self) -> Folder:
        """Create the folder."""
        (self.path / "truth").mkdir(parents=True, exist_ok=True)
        (self.path / SIMULATED_MARKER).write_text(_NOT_REAL)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all files."""
        self.close()

    def close(self) -> None:
        """Close all files."""
        for file in self.files.values():
            file.close()

    def add(self, name: str, frame: pl.DataFrame) -> None:
        """Append the records of one kind."""
        self.append_csv(name, frame)

    def append_csv(self, name: str, frame: pl.DataFrame) -> None:
        """Append rows to a CSV file; the first call writes the header."""
        header = name not in self.files
        file = self.opened(name, "csv")
        buffer = io.BytesIO()
        for part in frame.iter_slices(FLUSH):
            part.write_csv(buffer, include_header=header, datetime_format="%Y-%m-%dT%H:%M:%SZ")
            file.write(buffer.getvalue())
            buffer, header = io.BytesIO(), False
        if header:
            file.write((",".join(frame.columns) + "\n").encode())
        self.rows[name] += frame.height

    def opened(self, name: str, ending: str) -> IO[bytes]:
        """The file of that name, made at the first call."""
        if name not in self.files:
            path = self.path / f"{name}.{ending}"
            self.rows[name] = 0
            self.files[name] = (
                path.open("wb")
                if self.compress == "none"
                else cast("IO[bytes]", zstandard.open(f"{path}.zst", "wb"))
            )
        return self.files[name]

    def add_truth(self, truth: Truth, plan: DistrictPlan) -> None:
        """Write what no import ever reads: the truth, and the plan that it came from."""
        folder = self.path / "truth"
        truth.paths.write_parquet(folder / "paths.parquet")
        truth.probabilities.write_parquet(folder / "probabilities.parquet")
        truth.interventions.write_parquet(folder / "interventions.parquet")
        (folder / "plan.json").write_text(json.dumps(asdict(plan), indent=2) + "\n")
