"""Rows out of bytes: any pieces, any quoting, any rubbish."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edupulse.school.errors import BadInput
from edupulse.sources import rows as room
from edupulse.sources.rows import rows, split_header

CELLS = st.text(st.sampled_from('ab",\n é'), max_size=4)
TABLES = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, size: int = 10**9) -> tuple[list[tuple[str | None, ...]], list[int], list]:
    """Cells, line of each row, and the lines of bad rows, of three columns without a header."""
    cells, lines, bad = [], [], []
    for piece in rows(cut(data, size), [0, 1, 2], 3, "x.csv"):
        cells += [tuple(cell or None for cell in row) for row in piece.cells.rows()]
        lines += piece.line.tolist()
        bad += piece.bad
    return cells, lines, bad


@given(TABLES, st.integers(1, 40), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_was_written_is_read_from_pieces_of_any_size(
    table: list[tuple[str, ...]], size: int, quoting: int
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=quoting).writerows(table)
    cells, lines, bad = read(text.getvalue().encode(), size)
    assert cells == [tuple(cell or None for cell in row) for row in table]
    heights = ["".join(row).count("\n") + 1 for row in table]
    assert lines == [2 + sum(heights[:i]) for i in range(len(table))]
    assert bad == []


@given(st.lists(st.sampled_from([b"a", b",", b'"', b"\n", b"\r\n", b"\r", b"\0", b"\xff"])))
def test_rubbish_gives_the_same_from_pieces_of_any_size(parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert read(data, 1) == read(data, 5) == read(data)


@given(st.binary(max_size=200))
def test_any_bytes_give_rows_or_bad_lines_and_no_other_error(data: bytes) -> None:
    cells, lines, bad = read(data)
    assert len(cells) == len(lines)
    counted = [*lines, *(line for line, _ in bad)]
    assert len(set(counted)) == len(counted)
    assert all(2 <= line <= data.count(b"\n") + 2 for line in counted)


def test_a_quote_that_is_never_closed_costs_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LONGEST_RECORD", 1_000)
    data = b'a,"b,c\n' + b"a,b,c\n" * 3_000
    cells, lines, bad = read(data, 500)
    assert len(cells) == 3_000
    assert lines[0] == 3
    assert [line for line, _ in bad] == [2]


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LONGEST_RECORD", 1_000)
    with pytest.raises(BadInput, match="line 3: the line does not end"):
        read(b"a,b,c\n" + b"a" * 5_000, 500)


def test_a_header_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LONGEST_HEADER", 1_000)
    with pytest.raises(BadInput, match="the first line does not end"):
        split_header(cut(b"a" * 5_000, 500), "x.csv")
