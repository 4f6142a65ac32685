"""What a worker gives back once all is loaded: what loading took, and what only loading read.

A library's code comes from its file page by page as it runs, and stays counted as the process's own
even if it runs once. Loading numba's loops runs most of LLVM, 70 MB, and serving hardly any of it;
a list of many students runs code that a single question does not need. The pages stay in the
system's cache: whoever needs one again finds it there, in microseconds.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import mmap
import os
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

FILES_MOST = 32 * 2**20
"""Bytes of files that lie in memory unnoticed: what a single question needs is less."""

LOOKS_EVERY = 60.0
"""Seconds."""

_SELF = Path("/proc/self")
_RANGE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(.*)")
_AS_ON_DISK = {"r--p", "r-xp"}
_CHANGED = ("Anonymous:", "Swap:")


class Range(NamedTuple):
    """Where a part of a file lies in memory, read only: from `begin` to `end`."""

    begin: int
    end: int
    file: str


def settle() -> list[Range]:
    """Give back what can be had again, and say which parts of files that is: on Linux, and while
    nobody loads a library.

    What is left is kept from the garbage collector: to look through it would hold up all requests.
    """
    gc.collect()
    gc.freeze()
    if sys.platform != "linux":
        return []
    system = ctypes.CDLL(None)
    if hasattr(system, "malloc_trim"):  # musl has none
        system.malloc_trim(0)
    maps = _SELF / "smaps"
    settled = list(unchanged(maps.read_text())) if maps.exists() else []
    _give_back(settled)
    return settled


async def stay_settled(settled: Collection[Range]) -> None:
    """From time to time give back the same parts again, where much of them came back.

    Only what lay there, whole and read only, when all was loaded: it is never changed afterwards,
    while a library that somebody loads at this moment is.
    """
    while settled:
        await asyncio.sleep(LOOKS_EVERY)
        if _of_files() > FILES_MOST:
            await asyncio.to_thread(give_back, settled)


def give_back(settled: Collection[Range]) -> None:
    """Those parts that still lie where they lay."""
    lines = (_SELF / "maps").read_text().splitlines()
    _give_back({there for line in lines if (there := _range(line))}.intersection(settled))


def unchanged(maps: str) -> Iterator[Range]:
    """Where files lie in memory as they are on disk, by the lines of `smaps`.

    Ranges of files that cannot be written to, and of which no page was: what the loader changed
    before it locked a range could not be read from the file again.
    """
    lies: Range | None = None
    changed = 0
    for line in (*maps.splitlines(), "0-0 ---p 0 0 0 "):
        if not _RANGE.fullmatch(line):
            name, size, *_ = line.split()
            changed += int(size) if name in _CHANGED else 0
            continue
        if lies and not changed:
            yield lies
        lies, changed = _range(line), 0


def _range(line: str) -> Range | None:
    found = _RANGE.fullmatch(line)
    if found is None or found[3] not in _AS_ON_DISK or not found[4].startswith("/"):
        return None
    return Range(int(found[1], 16), int(found[2], 16), found[4])


def _give_back(ranges: Collection[Range]) -> None:
    system = ctypes.CDLL(None)
    for begin, end, _ in ranges:
        system.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)


def _of_files() -> int:
    """Bytes of files that lie in memory now."""
    return int((_SELF / "statm").read_text().split()[2]) * os.sysconf("SC_PAGE_SIZE")
