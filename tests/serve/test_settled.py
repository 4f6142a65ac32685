"""What a worker gives back can be had again."""

from __future__ import annotations

import ctypes
import mmap
import subprocess
import sys

import pytest

from edupulse.serve.settled import Range, give_back, unchanged


def mapped(place: str, rights: str, file: str, *, changed: int = 0, swapped: int = 0) -> str:
    return (
        f"{place} {rights} 00000000 fe:00 26723                      {file}\n"
        f"Size:                  8 kB\nRss:                   4 kB\n"
        f"Anonymous:             {changed} kB\nSwap:                  {swapped} kB\n"
        "SwapPss:               0 kB\nVmFlags: rd mr mw me \n"
    )


def test_only_what_lies_in_memory_as_on_disk_is_given_back() -> None:
    maps = [
        mapped("1000-3000", "r--p", "/lib/one.so"),
        mapped("3000-5000", "r-xp", "/lib/one.so"),
        mapped("5000-7000", "r--p", "/lib/one.so", changed=8),
        mapped("7000-9000", "r--p", "/lib/one.so", swapped=8),
        mapped("9000-a000", "rw-p", "/lib/one.so"),
        mapped("a000-b000", "r--s", "/counts/1.db"),
        mapped("b000-c000", "r-xp", ""),
        mapped("c000-d000", "r-xp", "[vdso]"),
        mapped("7f00c000-7f00e000", "r-xp", "/lib/two (with a space).so"),
    ]
    assert list(unchanged("".join(maps))) == [
        (0x1000, 0x3000, "/lib/one.so"),
        (0x3000, 0x5000, "/lib/one.so"),
        (0x7F00C000, 0x7F00E000, "/lib/two (with a space).so"),
    ]


PROGRAM = """
import numpy as np
from edupulse.features.loading import load_loops
from edupulse.serve.settled import give_back, settle

def of_files():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))

def worked_out():
    load_loops()
    return np.linalg.svd(np.arange(12.0).reshape(3, 4))[1].tobytes()

said, before = worked_out(), of_files()
settled = settle()
first = of_files()
for _ in range(3):
    assert worked_out() == said
    give_back(settled)
    again = of_files()
assert worked_out() == said
print(before, first, again)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what lies where")
def test_libraries_that_only_loading_ran_count_no_more_and_run_as_before() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    before, first, again = map(int, done.stdout.split())
    assert max(first, again) < before / 2


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what lies where")
def test_what_lies_there_instead_by_now_is_left_alone() -> None:
    page = mmap.mmap(-1, mmap.PAGESIZE)
    page.write(b"somebody's own")
    begin = ctypes.addressof(ctypes.c_char.from_buffer(page))
    give_back([Range(begin, begin + mmap.PAGESIZE, "/lib/gone.so")])
    assert page[:14] == b"somebody's own"
