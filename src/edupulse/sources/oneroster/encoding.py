"""The bytes of a file as UTF-8, whatever of three encodings it has; what was done is said."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

Pieces = Callable[[], Iterator[bytes]]
"""Reads a file from its beginning, piece by piece."""

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
NOT_UTF8 = "not UTF-8: read as Windows-1252"


def as_utf8(pieces: Pieces) -> tuple[Iterator[bytes], str | None]:
    """The file's text as UTF-8, and what a person should know of its encoding.

    UTF-16 is known by its byte-order mark. A file in which more lines with other than ASCII fail as
    UTF-8 than hold is read as Windows-1252; else such lines are left for the reader to reject.
    """
    first = next(pieces(), b"")
    for mark, name in _UTF16.items():
        if first.startswith(mark):
            return _decoded(pieces(), name, len(mark)), f"read as {name.upper()}"
    if _is_western(pieces()):
        return _decoded(pieces(), "cp1252", 0), NOT_UTF8
    return pieces(), None


def _decoded(pieces: Iterator[bytes], name: str, skipped: int) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(name)(errors="replace")
    for piece in pieces:
        yield decoder.decode(piece[skipped:]).encode()
        skipped = 0
    yield decoder.decode(b"", final=True).encode()


def _is_western(pieces: Iterator[bytes]) -> bool:
    """Do more of the lines that are not ASCII fail as UTF-8 than hold?"""
    failing = holding = 0
    kept = b""
    for piece in pieces:
        whole, end, rest = (kept + piece).rpartition(b"\n")
        if not end and len(rest) < 1 << 24:
            kept = rest
            continue
        kept = rest if end else b""
        fails, holds = _failing(whole if end else rest)
        failing, holding = failing + fails, holding + holds
    fails, holds = _failing(kept)
    return failing + fails > holding + holds


def _failing(text: bytes) -> tuple[int, int]:
    """Of the lines that are not ASCII, how many fail as UTF-8 and how many hold."""
    if text.isascii():
        return 0, 0
    lines = [line for line in text.split(b"\n") if not line.isascii()]
    try:
        text.decode()
    except UnicodeDecodeError:
        failing = sum(not _holds(line) for line in lines)
        return failing, len(lines) - failing
    return 0, len(lines)


def _holds(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
