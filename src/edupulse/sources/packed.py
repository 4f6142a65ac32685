"""The bytes of a file, plain, gzip or Zstandard, in pieces, so that no file is held whole."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import zstandard

from edupulse.school.errors import BadInput
from edupulse.sources.delivery import Progress

ENDINGS = ("", ".gz", ".zst")
"""What may follow `.csv` in the name of a file."""

PIECE = 32 * 1024 * 1024
"""Bytes of unpacked text that are worked on at a time: about half a million rows of marks."""

LARGE = 64 * 1024 * 1024
HIGHEST_RATIO = 500
"""Ed-Fi's XML packs 60 to 150 times; a file beyond this, if it is large, is no export."""

_ZSTANDARD_PIECE = 2 * 1024
"""Packed bytes at a time: Zstandard may make 32,000 times as many of them at once."""


def pieces(path: Path, progress: Progress | None = None, size: int = PIECE) -> Iterator[bytes]:
    """The unpacked bytes of a file, in pieces of about `size` bytes.

    Raises `BadInput` where the file cannot be read, is damaged or ends too early, or grows beyond
    any export.
    """
    unpacked = {".gz": _gzip, ".zst": _zstandard}.get(path.suffix, _plain)
    done = 0
    try:
        whole = max(path.stat().st_size, 1)
        with path.open("rb") as file:
            for piece in unpacked(file, size):
                done += len(piece)
                if done > max(LARGE, HIGHEST_RATIO * file.tell()):
                    raise BadInput(
                        "refused: it unpacks to hundreds of times its size.",
                        "Export it again.",
                        file=path.name,
                    )
                if progress:
                    progress(path.name, min(1.0, file.tell() / whole))
                yield piece
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise BadInput(
            "the compressed file is damaged or ends too early.", "Export it again.", file=path.name
        ) from error
    except OSError as error:
        raise BadInput(
            f"the file cannot be read ({error.strerror}).", "Check its permissions.", file=path.name
        ) from error


def _plain(file: IO[bytes] | gzip.GzipFile, size: int) -> Iterator[bytes]:
    while piece := file.read(size):
        yield piece


def _gzip(file: IO[bytes], size: int) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file) as unpacked:
        yield from _plain(unpacked, size)


def _zstandard(file: IO[bytes], size: int) -> Iterator[bytes]:
    """Frame by frame, since the library's own stream takes a cut-off frame for a whole one."""
    gathered, frame = bytearray(), None
    while packed := file.read(_ZSTANDARD_PIECE):
        while packed:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            gathered += frame.decompress(packed)
            packed = frame.unused_data if frame.eof else b""
            frame = None if frame.eof else frame
        if len(gathered) >= size:
            yield bytes(gathered)
            gathered.clear()
    if frame is not None:
        raise EOFError
    if gathered:
        yield bytes(gathered)
