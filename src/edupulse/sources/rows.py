"""From the bytes of a CSV file to rows of text with the line each began on, nothing lost.

Clean pieces go through Polars at once; a piece in which anything is odd (a cell too many, a stray
quote, bytes that are not UTF-8) is read line by line, so that only the bad rows fall out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.school.errors import BadInput

LONGEST_HEADER = 1024 * 1024
LONGEST_RECORD = 4 * 1024 * 1024
MOST_LINES = 1000
"""Lines of one record: a quote that stays open longer is taken for a stray one."""

QUOTES = "the quotes of this row do not match (write a quote inside a quoted cell twice)"
NOT_UTF8 = "bytes that are not UTF-8 (export the file as UTF-8)"
ZERO_BYTE = "holds a zero byte"

_QUOTE, _COMMA, _NEWLINE = b'",\n'


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows: `cells` are String columns `0`, `1`, … (null where empty); `line` of each row.

    `lines` counts all lines read. `bad` are the lines of rows that could not be read, with the
    reason. `may_need_trimming` is False where no cell can have blanks around it.
    """

    cells: pl.DataFrame
    line: npt.NDArray[np.int64]
    lines: int
    bad: list[tuple[int, str]] = field(default_factory=list)
    may_need_trimming: bool = True


def split_header(pieces: Iterator[bytes], file: str) -> tuple[list[str], Iterator[bytes]]:
    """The cells of the first line, in lower case, and the bytes after it."""
    start = b""
    for piece in pieces:
        start += piece
        if b"\n" in piece or len(start) > LONGEST_HEADER:
            break
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput("the file is UTF-16.", "Export it as UTF-8.", file=file)
    first, _, rest = start.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    if len(first) > LONGEST_HEADER or b"\r" in first.removesuffix(b"\r"):
        raise BadInput("the first line does not end.", "End each line with LF or CRLF.", file=file)
    try:
        cells = next(csv.reader([first.decode().rstrip("\r")], strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(
            "the header cannot be read.", "Export it as UTF-8 CSV.", file=file, line=1
        ) from error
    return [cell.strip().lower() for cell in cells], chain([rest], pieces)


def rows(pieces: Iterator[bytes], wanted: Sequence[int], width: int, file: str) -> Iterator[Piece]:
    """The rows after the header, of which the columns at the `wanted` positions of `width`."""
    line, kept = 2, b""
    for piece in pieces:
        whole, kept = _whole_records(kept + piece)
        while not whole and len(kept) > LONGEST_RECORD:
            _, end, kept = kept.partition(b"\n")
            if not end:
                raise BadInput("the line does not end.", "Is this CSV?", file=file, line=line)
            yield _piece([], [], wanted, 1, [(line, QUOTES)])
            line += 1
            whole, kept = _whole_records(kept)
        if not whole:
            continue
        read = _at_once(whole, wanted, width, line)
        if read is None:
            read, unread = _line_by_line(whole, wanted, width, line, is_last=False)
            kept = unread + kept
        yield read
        line += read.lines
    if kept:
        yield _last(kept, wanted, width, line)


def _last(data: bytes, wanted: Sequence[int], width: int, line: int) -> Piece:
    """The end of a file, where no further line can close what is open."""
    data = data.rstrip(b"\r\n") + b"\n"
    whole, open_record = _whole_records(data)
    read = None if open_record else _at_once(whole, wanted, width, line)
    return read or _line_by_line(data, wanted, width, line, is_last=True)[0]


def _whole_records(data: bytes) -> tuple[bytes, bytes]:
    """The data up to the last line end outside quotes, and what follows it."""
    cut = data.rfind(b"\n") + 1
    if b'"' not in data:
        return data[:cut], data[cut:]
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text == _NEWLINE)
    ends = ends[_is_outside(np.flatnonzero(text == _QUOTE), ends)]
    cut = int(ends[-1]) + 1 if ends.size else 0
    return data[:cut], data[cut:]


def _is_outside(quotes: npt.NDArray[np.intp], at: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Is each position outside quotes: after an even number of them?"""
    return np.asarray(np.searchsorted(quotes, at) % 2 == 0, np.bool_)


def _at_once(data: bytes, wanted: Sequence[int], width: int, line: int) -> Piece | None:
    """Whole records through Polars; None where any of them is odd."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if b"\0" in data or b"\r" in data or not _is_utf8(data):
        return None
    text = np.frombuffer(data, np.uint8)
    lines = int(np.count_nonzero(text == _NEWLINE))
    starts = _starts(text, lines, width, has_quotes=b'"' in data)
    if starts is None:
        return None
    try:
        cells = pl.read_csv(
            data,
            has_header=False,
            schema={str(i): pl.String for i in range(width)},
            columns=list(wanted),
            quote_char='"' if b'"' in data else None,
        )
    except pl.exceptions.PolarsError:
        return None
    if cells.height != starts.size:
        return None
    return Piece(cells, starts + line, lines, may_need_trimming=_has_blanks(data, text, lines))


def _starts(
    text: npt.NDArray[np.uint8], lines: int, width: int, *, has_quotes: bool
) -> npt.NDArray[np.int64] | None:
    """The line (from 0) on which each record begins; None where quotes or commas do not fit.

    Together with the refusal of rows that are too long, the right number of commas in all means
    the right number in each.
    """
    if not has_quotes:
        fits = np.count_nonzero(text == _COMMA) == lines * (width - 1)
        return np.arange(lines, dtype=np.int64) if fits else None
    quotes = np.flatnonzero(text == _QUOTE)
    ends = np.flatnonzero(text == _NEWLINE)
    closing = np.flatnonzero(_is_outside(quotes, ends))
    commas = np.count_nonzero(_is_outside(quotes, np.flatnonzero(text == _COMMA)))
    if not _quotes_fit(text, quotes) or commas != closing.size * (width - 1):
        return None
    return np.concatenate([[0], closing[:-1] + 1]).astype(np.int64)


def _quotes_fit(text: npt.NDArray[np.uint8], quotes: npt.NDArray[np.intp]) -> bool:
    """Does each quote open after, and close before, a comma, a line end or its twin?"""
    edges = np.array([_COMMA, _NEWLINE, _QUOTE], np.uint8)
    opening, closing = quotes[::2], quotes[1::2]
    before = text[opening - 1]
    opens = np.isin(before, edges) | (opening == 0)
    twin_before = (before == _QUOTE) & (opening > 0)
    opens &= ~twin_before | np.isin(opening - 1, closing)
    closes = np.isin(text[np.minimum(closing + 1, text.size - 1)], edges)
    return bool(opens.all() and closes.all() and opening.size == closing.size)


def _has_blanks(data: bytes, text: npt.NDArray[np.uint8], lines: int) -> bool:
    """Could a cell begin or end with white space, or be quoted and empty?

    White space and the quote are all at or below the quote's code; line ends are expected.
    """
    return not data.isascii() or int(np.count_nonzero(text <= _QUOTE)) > lines


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _line_by_line(
    data: bytes, wanted: Sequence[int], width: int, line: int, *, is_last: bool
) -> tuple[Piece, bytes]:
    """The readable rows and the lines of the others; and the bytes left over.

    A record that is still open at the end is left over, unless nothing can follow.
    """
    lines = data.splitlines(keepends=True) if b"\r" not in data else _split_at_newlines(data)
    good: list[list[str]] = []
    begun: list[int] = []
    bad: list[tuple[int, str]] = []
    at = 0
    while at < len(lines):
        found, used = _record(lines, at)
        if used == 0 and not is_last:
            break
        if isinstance(found, list) and len(found) == width:
            good.append([found[i] for i in wanted])
            begun.append(line + at)
        elif isinstance(found, list) and found:
            bad.append((line + at, f"{width} cells expected, as in the header"))
        elif isinstance(found, str):
            bad.append((line + at, found))
        at += max(used, 1)
    return _piece(good, begun, wanted, at, bad), b"".join(lines[at:])


def _piece(
    good: list[list[str]],
    begun: list[int],
    wanted: Sequence[int],
    lines: int,
    bad: list[tuple[int, str]],
) -> Piece:
    cells = pl.DataFrame(good, {str(i): pl.String() for i in wanted}, orient="row")
    empty_is_null = pl.all().replace("", None)
    return Piece(cells.select(empty_is_null), np.array(begun, np.int64), lines, bad)


def _split_at_newlines(data: bytes) -> list[bytes]:
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _record(lines: list[bytes], at: int) -> tuple[list[str] | str, int]:
    """The cells of the record that begins at a line, or why there are none; and its lines.

    No cells: a blank line. 0 lines: it is still open where the lines end.
    """
    first = lines[at]
    if b"\0" in first:
        return ZERO_BYTE, 1
    if not _is_utf8(first):
        return NOT_UTF8, 1
    if not first.strip():
        return [], 1
    if b'"' not in first and b"\r" not in first:
        return first.decode().rstrip("\n").split(","), 1
    end = min(at + MOST_LINES, len(lines))
    try:
        reader = csv.reader((_text(line) for line in lines[at:end]), strict=True)
        return next(reader), reader.line_num
    except UnicodeDecodeError:
        return QUOTES, 1
    except csv.Error:
        runs_out = end == len(lines) and reader.line_num == end - at
        return QUOTES, 0 if runs_out else 1


def _text(line: bytes) -> str:
    """The line with one kind of line end; zero bytes are as bad as broken UTF-8."""
    if b"\0" in line:
        line = b"\xff"
    return line.replace(b"\r\n", b"\n").decode()
