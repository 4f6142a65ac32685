"""Windows of simulated districts, kept as files: what the benchmarks of the network learn from.

`python benchmarks/simulated_rows.py FOLDER --districts 3` simulates districts of three school years
(seeds 1, 2, …), imports each into a database of its own, builds windows and outcomes by the real
path, and keeps them in FOLDER. What is there already is not made again. To learn from: all as-of
days whose labels closed before the test period begins; nothing is calibrated here.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from edupulse.panel.definition import OFF_TRACK
from edupulse.pipeline.intake import intake
from edupulse.pipeline.judging import Truth, by_time
from edupulse.pipeline.material import Material, material, past_as_of_days
from edupulse.pipeline.truth import truth_in
from edupulse.simulator import DistrictPlan, simulate
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import embedded
from edupulse.store.store import open_store
from kept_rows import arrays_of, material_of, write

NOW = datetime(2026, 11, 1, tzinfo=UTC)
"""After every horizon of the simulated years has closed."""


@dataclass(frozen=True)
class District:
    """What a simulated district gives: rows to learn from, to be tested on, and of known truth."""

    train: Material
    test: Material
    truth: Truth


def districts(folder: Path, seeds: Sequence[int], students: int = 3000) -> list[District]:
    """The districts of these seeds, read from the folder or made there first."""
    return [district(folder, seed, students) for seed in seeds]


def district(folder: Path, seed: int, students: int = 3000) -> District:
    """One district, made in a temporary home where the folder does not hold it yet."""
    path = folder / f"district-{students}-{seed}.npz"
    if not path.exists():
        _keep(path, _made(DistrictPlan(students=students, seed=seed)))
    with np.load(path) as kept:
        return District(
            material_of("train", kept),
            material_of("test", kept),
            Truth(material_of("truth", kept), kept["truth.probability"]),
        )


def _made(plan: DistrictPlan) -> District:
    """Simulate, import, build and divide, in a home that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="edupulse-rows-") as home:
        Path(home).chmod(0o711)  # the database's account must reach its own folder in it
        os.environ["EDUPULSE_HOME"] = home
        os.environ.pop("DATABASE_URL", None)
        try:
            folder = Path(home) / "district"
            simulate(plan, folder)
            with open_store() as store:
                intake(store, csv_folder(folder), now=NOW)
                rows = material(store, past_as_of_days(store, NOW), OFF_TRACK, NOW)
                parts = by_time(rows, NOW)
                truth = truth_in(folder, store, OFF_TRACK, NOW)(parts)
            assert truth is not None, "the simulator samples pairs in every year"
        finally:
            embedded.remove(Path(home))
    begins = parts.test.windows.as_of.min()
    closed = rows.outcomes.known & (rows.outcomes.closes_at <= begins)
    return District(rows.take(closed), parts.test, truth)


def _keep(path: Path, made: District) -> None:
    parts = {"train": made.train, "test": made.test, "truth": made.truth.material}
    arrays: dict[str, Any] = {"truth.probability": made.truth.probability}
    for name, part in parts.items():
        arrays |= arrays_of(name, part)
    write(path, arrays)


def main() -> None:
    """Make what is missing and say what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--districts", type=int, default=3)
    parser.add_argument("--students", type=int, default=3000)
    chosen = parser.parse_args()
    for seed in range(1, chosen.districts + 1):
        begun = time.monotonic()
        found = district(chosen.folder, seed, chosen.students)
        rate = found.test.outcomes.off_track.mean()
        print(
            f"district {seed}: {len(found.train):,} windows to learn from, {len(found.test):,} to"
            f" test ({rate:.1%} off track), {len(found.truth.material):,} of known truth;"
            f" {time.monotonic() - begun:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
