"""Rows a second and peak memory of the simulator, beside a bare Polars write of the same rows.

`python benchmarks/simulator.py --students 3000` writes a district of three years, reads its marks
back, and writes just those with Polars: both sides in one process, printed as rows a second.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import polars as pl

from edupulse.simulator import DistrictPlan, simulate


def main() -> None:
    """Simulate, write again, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=3000)
    parser.add_argument("--pairs", type=int, default=0, help="true probabilities as well")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edupulse-simulator-") as folder:
        district = Path(folder) / "district"
        begun = time.perf_counter()
        plan = DistrictPlan(students=chosen.students, truth_pairs=chosen.pairs)
        summary = simulate(plan, district)
        ours = time.perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        marks = pl.read_csv(district / "marks.csv")
        begun = time.perf_counter()
        marks.write_csv(Path(folder) / "bare.csv")
        bare = time.perf_counter() - begun
    rows = sum(summary.rows.values())
    print(f"{summary.students:,} students, {rows:,} rows, {summary.pairs:,} true probabilities")
    print(f"simulate: {ours:.1f} s, {rows / ours:,.0f} rows/s, peak memory {peak:.2f} GiB")
    print(f"bare write of {marks.height:,} marks: {marks.height / bare:,.0f} rows/s")
    print(f"ratio: {(marks.height / bare) / (rows / ours):.1f} x")


if __name__ == "__main__":
    main()
