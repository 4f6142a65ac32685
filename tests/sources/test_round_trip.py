"""Records of any kind, written as CSV in any lawful shape, come back as they were."""

from __future__ import annotations

import csv
import io
import tempfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from edupulse.school.errors import BadInput
from edupulse.school.fields import Day, Field, Flag, Milli, Ref, Text, Whole, Word
from edupulse.school.kind import Kind
from edupulse.school.records import KINDS, MARKS
from edupulse.sources.checks import CHECKS
from edupulse.sources.delivery import batch_schema
from edupulse.sources.derived import with_defaults
from sources.csv_writing import folder_of, records

WORDS = st.text(st.sampled_from('ab,"\né-9'), min_size=1, max_size=5).map(str.strip).filter(bool)
DAYS = st.dates(date(1900, 1, 1), date(2200, 12, 31))
INSTANTS = st.datetimes(
    datetime.fromisoformat("1950-01-01"),
    datetime.fromisoformat("2100-01-01"),
    timezones=st.just(UTC),
)


def values(field: Field) -> st.SearchStrategy[object]:
    match field.type:
        case Text() | Ref():
            some = WORDS
        case Day():
            some = DAYS
        case Flag():
            some = st.booleans()
        case Whole(low, high):
            some = st.integers(low, high)
        case Milli(low, high):
            some = st.integers(int(low * 1000), int(high * 1000))
        case Word(words):
            some = st.sampled_from(words)
    return some if field.required or field.default is not None else st.none() | some


def as_text(value: object, field: Field | None = None) -> str:
    if value is None:
        return ""
    if field and isinstance(field.type, Milli):
        return str(Decimal(str(value)) / 1000)
    return value.isoformat() if isinstance(value, date) else str(value)


@st.composite
def kinds_with_records(draw: st.DrawFn) -> tuple[Kind, list[dict[str, object]]]:
    kind = draw(st.sampled_from([kind for kind in KINDS if not CHECKS.get(kind.name)]))
    columns = {field.name: values(field) for field in kind.fields}
    row = st.fixed_dictionaries({**columns, "known_at": INSTANTS, "retracted": st.booleans()})
    return kind, draw(st.lists(row, min_size=1, max_size=5))


@given(
    kinds_with_records(),
    st.randoms(use_true_random=False),
    st.sampled_from(["", ".gz", ".zst"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)
@settings(max_examples=60)
def test_records_survive_any_lawful_csv(
    made: tuple[Kind, list[dict[str, object]]],
    random: Random,
    ending: str,
    newline: str,
    mark: str,
) -> None:
    kind, rows = made
    fields = {field.name: field for field in kind.fields}
    columns = random.sample(list(rows[0]), len(rows[0]))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=newline)
    writer.writerow(columns)
    writer.writerows([as_text(row[name], fields.get(name)) for name in columns] for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        found = records(folder_of(Path(folder), kind, mark + text.getvalue(), ending), kind)
    wanted = with_defaults(kind, pl.DataFrame(rows, batch_schema(kind), orient="row"))
    not_derived = [name for name in rows[0] if name not in ("subject", "severity", "status")]
    assert_frame_equal(found.select(not_derived), wanted.select(not_derived))


HEADER = ",".join(field.name for field in MARKS.fields).encode() + b",known_at,retracted\n"
GOOD = b"s1,x,a1,2026-03-16,practice,9.5,10,scored,1,,2026-03-16T12:00:00Z,false\n"


@given(st.binary(max_size=60), st.integers(0, len(HEADER + GOOD)), st.integers(0, 5))
@settings(max_examples=100)
def test_any_damage_gives_records_rejections_or_bad_input(
    damage: bytes, at: int, lost: int
) -> None:
    whole = HEADER + GOOD * 2
    with tempfile.TemporaryDirectory() as folder:
        try:
            delivery = folder_of(Path(folder), MARKS, whole[:at] + damage + whole[at + lost :])
            heights = [batch.frame.height for batch in delivery.batches(MARKS)]
        except BadInput:
            return
        ledger = delivery.ledger
        assert sum(heights) == ledger.read(MARKS) - ledger.rejected(MARKS)
        assert ledger.rejections.height == ledger.rejected(MARKS)
        assert ledger.rejections["reason"].null_count() == 0


@given(st.binary(max_size=100), st.sampled_from(["", ".gz", ".zst"]))
@settings(max_examples=50)
def test_any_bytes_for_a_file_give_bad_input(data: bytes, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"marks.csv{ending}").write_bytes(data)
        try:
            folder_of(Path(folder), KINDS[0], "school_id,name\n")
        except BadInput as error:
            assert error.file == f"marks.csv{ending}"  # noqa: PT017
        else:
            raise AssertionError("rubbish was taken for marks")
