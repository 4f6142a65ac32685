"""Is memory flat, whatever the size of a file? One file of gradebook rows, grown to gigabytes.

    .venv/bin/python benchmarks/large_files.py [--gigabytes 0.5 2 10] [--format csv]

A small simulated district is written in that format; then the file that is nearly all of it
(`marks.csv`; OneRoster's `results.csv`) is written again and again, each time under new ids, until
it has its size. Each size is read in a process of its own, as `edupulse sources check` reads it,
and beside it by Python's csv reader. Printed: CPU seconds of both, megabytes a second, and the peak
of memory. No database is involved. (For Ed-Fi's XML see edfi_rows.py.)
"""

from __future__ import annotations

import argparse
import csv
import resource
import tempfile
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from edupulse.pipeline.opening import Origin, Speaks, opened
from edupulse.school.records import MARKS
from edupulse.simulator import DistrictPlan, simulate

PLAN = DistrictPlan(students=200, schools=1, years=1, truth_pairs=0)
GROWN = {"csv": ("marks.csv", "assignment_id"), "oneroster": ("results.csv", "sourcedId")}
GIGABYTE = 10**9


def main() -> None:
    """Measure each size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gigabytes", type=float, nargs="+", default=[0.5, 2.0, 10.0])
    options.add_argument("--format", choices=tuple(GROWN), default="csv")
    chosen = options.parse_args()
    print("| GB | rows | bare csv reader | ours | MB/s | peak |\n|---|---|---|---|---|---|")
    for gigabytes in chosen.gigabytes:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "district"
            simulate(PLAN, folder, form=chosen.format)
            file = grow(folder, chosen.format, int(gigabytes * GIGABYTE))
            size = file.stat().st_size
            bare, _, _ = alone(parsed, file)
            ours, rows, peak = alone(read, folder, chosen.format)
        print(f"| {size / GIGABYTE:.1f} | {rows:,} | {bare:.0f} s | {ours:.0f} s"
              f" | {size / 1e6 / ours:.0f} | {peak:,.0f} MiB |", flush=True)  # fmt: skip


def grow(folder: Path, form: str, size: int) -> Path:
    """The large file, its rows written again under new ids until it has `size` bytes."""
    name, id_ = GROWN[form]
    file = folder / name
    with file.open(newline="", encoding="utf-8") as source:
        header, *rows = csv.reader(source)
    at = header.index(id_)
    with file.open("w", newline="", encoding="utf-8") as grown:
        writer = csv.writer(grown)
        writer.writerow(header)
        number = 0
        while grown.tell() < size:
            writer.writerows([*row[:at], f"{row[at]}-{number}", *row[at + 1 :]] for row in rows)
            number += 1
    return file


def alone(work: Callable[..., int], *about: object) -> tuple[float, int, float]:
    """CPU seconds, what the work gives, and the peak in MiB, in a process of its own."""
    spawned = get_context("spawn")  # a forked Polars may wait for threads that are not there
    with ProcessPoolExecutor(1, mp_context=spawned) as process:
        return process.submit(_measured, work, *about).result()


def _measured(work: Callable[..., int], *about: object) -> tuple[float, int, float]:
    found = work(*about)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, found, used.ru_maxrss / 1024


def parsed(file: Path) -> int:
    """By Python's csv reader alone."""
    with file.open(newline="", encoding="utf-8") as source:
        deque(csv.reader(source), maxlen=0)
    return 0


def read(folder: Path, form: str) -> int:
    """All batches of marks, checked; how many rows."""
    origin = Origin(Speaks(form), str(folder))
    with opened(origin, None, lambda _what, _part: None) as delivery:
        return sum(batch.frame.height for batch in delivery.batches(MARKS))


if __name__ == "__main__":
    main()
