"""Packed files: what grows beyond any export is refused before it fills memory or disk."""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from edupulse.school.errors import BadInput
from edupulse.sources.packed import LARGE, pieces


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_a_file_that_grows_hundreds_of_times_is_refused(
    tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"marks.csv{ending}"
    path.write_bytes(pack(bytes(LARGE + 4 * 2**20)))
    with pytest.raises(BadInput, match="hundreds of times its size"):
        deque(pieces(path, size=2**20), maxlen=0)


def test_a_few_bytes_of_zstandard_are_never_a_piece_of_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv.zst"
    path.write_bytes(zstandard.compress(bytes(300 * 2**20)))
    first = next(pieces(path, size=2**20))
    assert len(first) < 2 * LARGE
