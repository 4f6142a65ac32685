"""What a worker gives back once all is loaded: what loading took, and what only loading read.

A library's code comes from its file page by page as it runs, and stays counted as the process's own
even if it runs once. Loading numba's loops runs most of LLVM, 70 MB, and serving hardly any of it.
The pages stay in the system's cache: whoever needs one again finds it there, in microseconds.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_MAPS = Path("/proc/self/smaps")
_RANGE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(.*)")
_AS_ON_DISK = {"r--p", "r-xp"}
_CHANGED = ("Anonymous:", "Swap:")


def settle() -> None:
    """Give back what can be had again, on Linux; while nobody loads a library.

    What is left is kept from the garbage collector: to look through it would hold up all requests.
    """
    gc.collect()
    gc.freeze()
    if sys.platform != "linux":
        return
    system = ctypes.CDLL(None)
    if hasattr(system, "malloc_trim"):  # musl has none
        system.malloc_trim(0)
    maps = _MAPS.read_text() if _MAPS.exists() else ""
    for begin, end in unchanged(maps):
        system.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)


def unchanged(maps: str) -> Iterator[tuple[int, int]]:
    """Where files lie in memory as they are on disk, by the lines of `smaps`.

    Ranges of files that cannot be written to, and of which no page was: what the loader changed
    before it locked a range could not be read from the file again.
    """
    lies: tuple[int, int] | None = None
    changed = 0
    for line in (*maps.splitlines(), "0-0 ---p 0 0 0 "):
        found = _RANGE.fullmatch(line)
        if found is None:
            name, size, *_ = line.split()
            changed += int(size) if name in _CHANGED else 0
            continue
        if lies and not changed:
            yield lies
        is_file = found[3] in _AS_ON_DISK and found[4].startswith("/")
        lies, changed = (int(found[1], 16), int(found[2], 16)) if is_file else None, 0
