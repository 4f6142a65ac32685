"""The CSV folder: what csv.md promises of files, headers, rows and cells."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from edupulse.school.errors import BadInput
from edupulse.school.records import (
    ATTENDANCE,
    COURSE_GRADES,
    ENROLLMENTS,
    INCIDENTS,
    KINDS,
    MARKS,
    SCHOOLS,
    SECTIONS,
    STUDENTS,
)
from edupulse.sources.csv_folder import csv_folder
from edupulse.sources.delivery import batch_schema, on_the_clock_of
from sources.csv_writing import csv_text, folder_of, packed, records, rejected

MARK = {
    "student_id": "s1",
    "section_id": "alg",
    "assignment_id": "a1",
    "due_on": "2026-03-16",
    "points": "9.5",
    "points_possible": "10",
}


def one(tmp_path: Path, **cells: str) -> dict[str, object]:
    """The record that a row of marks with these cells becomes."""
    delivery = folder_of(tmp_path, MARKS, csv_text([{**MARK, **cells}]))
    return records(delivery, MARKS).row(0, named=True)


def why_not(tmp_path: Path, **cells: str) -> tuple[int, str | None, str]:
    """The one rejection of a row of marks with these cells."""
    delivery = folder_of(tmp_path, MARKS, csv_text([{**MARK, **cells}]))
    assert records(delivery, MARKS).is_empty()
    [rejection] = rejected(delivery)
    return rejection


def test_a_row_becomes_a_typed_record(tmp_path: Path) -> None:
    record = one(tmp_path, status="LATE", known_at="2026-03-20")
    assert record == {
        "student_id": "s1",
        "section_id": "alg",
        "assignment_id": "a1",
        "due_on": date(2026, 3, 16),
        "category": None,
        "points": 9_500,
        "points_possible": 10_000,
        "status": "late",
        "weight": 1_000,
        "category_weight": None,
        "known_at": None,
        "known_local": datetime.fromisoformat("2026-03-20T23:59:59.999999"),
        "retracted": False,
        "file": "marks.csv",
        "line": 2,
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_comes_in_its_batch_schema(kind: object, tmp_path: Path) -> None:
    delivery = folder_of(tmp_path, kind, ",".join(f.name for f in kind.fields))
    assert delivery.has(kind)
    assert [dict(b.frame.schema) for b in delivery.batches(kind)] in ([], [batch_schema(kind)])


def test_a_header_alone_is_observed_and_empty(tmp_path: Path) -> None:
    delivery = folder_of(tmp_path, MARKS, ",".join(MARK))
    assert delivery.kinds == {"marks"}
    assert list(delivery.batches(MARKS)) == []


def test_an_absent_file_is_not_observed(tmp_path: Path) -> None:
    delivery = folder_of(tmp_path, MARKS, csv_text([MARK]))
    assert not delivery.has(ATTENDANCE)
    assert list(delivery.batches(ATTENDANCE)) == []


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(BadInput, match=r"schools\.csv"):
        csv_folder(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a folder"):
        csv_folder(tmp_path / "gone")


def test_a_missing_required_column_is_named_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"marks\.csv: the header lacks section_id, due_on"):
        folder_of(tmp_path, MARKS, "student_id,assignment_id\ns1,a1\n")


def test_two_files_of_one_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "marks.csv.gz").write_bytes(packed(b"", ".gz"))
    with pytest.raises(BadInput, match=r"marks\.csv and marks\.csv\.gz are both there"):
        folder_of(tmp_path, MARKS, csv_text([MARK]))


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="names points twice"):
        folder_of(tmp_path, MARKS, ",".join([*MARK, "Points"]))


def test_unknown_columns_and_files_are_reported_and_ignored(tmp_path: Path) -> None:
    (tmp_path / "lunch.csv").write_text("a,b\n")
    delivery = folder_of(tmp_path, MARKS, csv_text([{"mood": "fine", **MARK}]))
    assert records(delivery, MARKS)["points"].to_list() == [9_500]
    assert [(note.file, note.what) for note in delivery.ledger.notes] == [
        ("lunch.csv", "not a file that we know: ignored"),
        ("marks.csv", "column mood ignored"),
    ]


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_byte_order_mark_and_crlf_are_allowed(tmp_path: Path, ending: str) -> None:
    text = "\ufeff" + csv_text([MARK, MARK], newline="\r\n")
    found = records(folder_of(tmp_path, MARKS, text, ending), MARKS)
    assert found["student_id"].to_list() == ["s1", "s1"]
    assert found["points_possible"].to_list() == [10_000, 10_000]
    assert found["line"].to_list() == [2, 3]


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_compressed_file_that_ends_too_early_is_refused(tmp_path: Path, ending: str) -> None:
    whole = packed(
        csv_text([{**MARK, "student_id": str(i)} for i in range(5_000)]).encode(), ending
    )
    (tmp_path / f"marks.csv{ending}").write_bytes(whole[: len(whole) - 20])
    with pytest.raises(BadInput, match="damaged or ends too early"):
        list(csv_folder(tmp_path).batches(MARKS))


def test_compressed_parts_one_after_another_are_one_file(tmp_path: Path) -> None:
    header, row = csv_text([MARK]).encode().splitlines(keepends=True)
    (tmp_path / "marks.csv.zst").write_bytes(packed(header, ".zst") + packed(row * 3, ".zst"))
    assert records(csv_folder(tmp_path), MARKS).height == 3


def test_a_file_in_utf_16_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"UTF-16\. Export it as UTF-8"):
        folder_of(tmp_path, MARKS, csv_text([MARK]).encode("utf-16"))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the header lacks"):
        folder_of(tmp_path, MARKS, "")


def test_semicolons_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="separated by commas"):
        folder_of(tmp_path, MARKS, ";".join(MARK))


def test_blanks_around_a_value_do_not_count(tmp_path: Path) -> None:
    assert one(tmp_path, student_id=" s1\t", points="  ")["student_id"] == "s1"
    assert one(tmp_path, points="  ")["points"] is None


def test_a_required_cell_must_be_filled(tmp_path: Path) -> None:
    assert why_not(tmp_path, section_id=" ") == (2, "section_id", "is required")


@pytest.mark.parametrize(
    ("cells", "field", "expected"),
    [
        ({"due_on": "16.03.2026"}, "due_on", "a date as 2026-03-16 expected"),
        ({"due_on": "2026-02-30"}, "due_on", "a date as 2026-03-16 expected"),
        ({"due_on": "2026-3-16"}, "due_on", "a date as 2026-03-16 expected"),
        ({"due_on": "2026- 3- 6"}, "due_on", "a date as 2026-03-16 expected"),
        ({"due_on": "9999-12-31"}, "due_on", "from 1900 to 2200"),
        ({"points": "9,5"}, "points", "a number from 0 to 100000 expected"),
        ({"points": "-1"}, "points", "a number from 0 to 100000 expected"),
        ({"points": "nan"}, "points", "a number from 0 to 100000 expected"),
        ({"points": "100000.001"}, "points", "a number from 0 to 100000 expected"),
        ({"status": "done"}, "status", "one of scored, missing, late, excused expected"),
        ({"assignment_id": "x" * 101}, "assignment_id", "at most 100 characters"),
        ({"student_id": "x" * 101}, "student_id", "at most 100 characters"),
        ({"retracted": "maybe"}, "retracted", "true or false expected"),
        ({"known_at": "yesterday"}, "known_at", "a timestamp as 2026-03-16T14:05:00-06:00"),
        ({"known_at": "2026-03-16T25:00"}, "known_at", "a timestamp as"),
        ({"known_at": "2026-03-16T12:00+99"}, "known_at", "a timestamp as"),
    ],
)
def test_what_does_not_parse_is_rejected_by_field(
    tmp_path: Path, cells: dict[str, str], field: str, expected: str
) -> None:
    line, where, reason = why_not(tmp_path, **cells)
    assert (line, where) == (2, field)
    assert expected in reason


def test_a_reason_never_repeats_the_value(tmp_path: Path) -> None:
    _, _, reason = why_not(tmp_path, due_on="Maria Lopez")
    assert "Maria" not in reason


@pytest.mark.parametrize(
    ("text", "thousandths"),
    [("0.1", 100), ("1.0005", 1_000), ("1.0015", 1_002), ("66.6667", 66_667), ("1e1", 10_000)],
)
def test_decimals_are_exact_and_rounded_half_to_even(
    tmp_path: Path, text: str, thousandths: int
) -> None:
    assert one(tmp_path, points=text)["points"] == thousandths


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-16T14:05:00-06:00", datetime(2026, 3, 16, 20, 5, tzinfo=UTC)),
        ("2026-03-16 14:05+0530", datetime(2026, 3, 16, 8, 35, tzinfo=UTC)),
        ("2026-03-16T14:05:00.25Z", datetime(2026, 3, 16, 14, 5, 0, 250_000, UTC)),
    ],
)
def test_known_at_with_an_offset_is_an_instant(
    tmp_path: Path, text: str, instant: datetime
) -> None:
    record = one(tmp_path, known_at=text)
    assert (record["known_at"], record["known_local"]) == (instant, None)


def test_known_at_without_an_offset_is_the_clock_of_the_school(tmp_path: Path) -> None:
    delivery = folder_of(tmp_path, MARKS, csv_text([{**MARK, "known_at": "2026-03-16 14:05"}]))
    [there] = records(delivery, MARKS).select(on_the_clock_of("America/Chicago")).to_series()
    assert there == datetime(2026, 3, 16, 19, 5, tzinfo=UTC)


def test_an_hour_that_the_clock_skips_or_shows_twice_is_never_known_too_early(
    tmp_path: Path,
) -> None:
    rows = [{**MARK, "known_at": at} for at in ("2026-03-08T02:30", "2026-11-01T01:30")]
    delivery = folder_of(tmp_path, MARKS, csv_text(rows))
    there = records(delivery, MARKS).select(on_the_clock_of("America/Chicago")).to_series()
    assert there.to_list() == [
        datetime(2026, 3, 8, 8, 30, tzinfo=UTC),
        datetime(2026, 11, 1, 7, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(("text", "value"), [("TRUE", True), ("no", False), ("1", True)])
def test_flags_are_read_in_the_usual_ways(tmp_path: Path, text: str, value: bool) -> None:
    assert one(tmp_path, retracted=text)["retracted"] is value


def test_whole_numbers_may_carry_a_point_and_zeros(tmp_path: Path) -> None:
    rows = [
        {"student_id": "s", "school_id": "x", "entered_on": "2025-08-20", "grade_level": level}
        for level in ("-1", "9.0", "9.5", "13")
    ]
    delivery = folder_of(tmp_path, ENROLLMENTS, csv_text(rows))
    assert records(delivery, ENROLLMENTS)["grade_level"].to_list() == [-1, 9]
    assert [line for line, _, _ in rejected(delivery)] == [4, 5]


def test_line_numbers_count_lines_and_not_rows(tmp_path: Path) -> None:
    text = 'student_id,first_name\ns1,"Ann\nMarie"\n\ns2,"say ""hi"", Bo"\ns3,\n'
    found = records(folder_of(tmp_path, STUDENTS, text), STUDENTS)
    assert found.select("student_id", "first_name", "line").rows() == [
        ("s1", "Ann\nMarie", 2),
        ("s2", 'say "hi", Bo', 5),
        ("s3", None, 6),
    ]


def test_a_bad_row_stops_nothing(tmp_path: Path) -> None:
    lines = [
        b"student_id,first_name",
        b"s1,Ann",
        b"s2,Jos\xe9",
        b"s3",
        b's4,6" tall',
        b's5,"open',
        b"s6,Bo\0b",
        b"s7,Cy,extra",
        b's8,"a"b',
        b"s9,Zo\xc3\xab",
    ]
    delivery = folder_of(tmp_path, STUDENTS, b"\n".join(lines))
    found = records(delivery, STUDENTS).select("student_id", "line").rows()
    assert found == [("s1", 2), ("s4", 5), ("s9", 10)]
    bad = {line: reason for line, _, reason in rejected(delivery)}
    assert sorted(bad) == [3, 4, 6, 7, 8, 9]
    assert "UTF-8" in bad[3]
    assert bad[4] == bad[8] == "2 cells expected, as in the header"
    assert "quotes" in bad[6]
    assert "zero byte" in bad[7]
    assert delivery.ledger.read(STUDENTS) == 9
    assert delivery.ledger.rejected(STUDENTS) == 6


def test_a_kind_read_twice_is_counted_once(tmp_path: Path) -> None:
    delivery = folder_of(tmp_path, MARKS, csv_text([MARK, {**MARK, "due_on": "?"}]))
    for _ in range(2):
        records(delivery, MARKS)
        assert delivery.ledger.read(MARKS) == 2
        assert delivery.ledger.rejected(MARKS) == 1
        assert delivery.ledger.rejections.height == 1


def test_progress_tells_the_file_and_ends_at_one(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    delivery = folder_of(tmp_path, MARKS, csv_text([MARK]), ".gz")
    list(delivery.batches(MARKS, lambda file, part: told.append((file, part))))
    assert told[-1] == ("marks.csv.gz", 1.0)


def test_defaults_stand_where_a_column_or_cell_is_empty(tmp_path: Path) -> None:
    text = "school_id,name,passing_percent\nx,North,\n"
    [school] = records(folder_of(tmp_path, SCHOOLS, text), SCHOOLS).to_dicts()
    assert school["passing_percent"] == 60_000
    assert school["attendance_recording"] == "exceptions"
    assert school["records_incidents"] is False
    assert school["timezone"] is None


def test_an_absence_without_fraction_is_the_whole_day_and_a_tardy_none(tmp_path: Path) -> None:
    rows = [
        {"student_id": "s", "date": "2026-03-16", "status": status}
        for status in ("absent", "excused", "unexcused", "tardy", "present")
    ]
    found = records(folder_of(tmp_path, ATTENDANCE, csv_text(rows)), ATTENDANCE)
    assert found["fraction"].to_list() == [1_000, 1_000, 1_000, 0, 0]


def test_the_subject_comes_from_the_sced_code_and_the_unmapped_are_counted(
    tmp_path: Path,
) -> None:
    text = "section_id,school_id,subject,sced_code\n1,x,,02052\n2,x,ela,02052\n3,x,,99001\n4,x,,\n"
    delivery = folder_of(tmp_path, SECTIONS, text)
    assert records(delivery, SECTIONS)["subject"].to_list() == ["math", "ela", None, None]
    [note] = delivery.ledger.notes
    assert (note.file, note.count) == ("sections.csv", 2)


def test_the_severity_comes_from_the_behavior_and_the_unmapped_are_counted(
    tmp_path: Path,
) -> None:
    rows = [
        {
            "incident_id": str(i),
            "student_id": "s",
            "date": "2026-03-16",
            "behavior": b,
            "severity": s,
        }
        for i, (b, s) in enumerate([("Fighting", ""), ("fighting", "2"), ("juggling", "")])
    ]
    delivery = folder_of(tmp_path, INCIDENTS, csv_text(rows))
    assert records(delivery, INCIDENTS)["severity"].to_list() == [4, 2, None]
    assert [note.count for note in delivery.ledger.notes] == [1]


def test_a_mark_with_points_is_scored_and_one_with_nothing_unknown(tmp_path: Path) -> None:
    assert one(tmp_path)["status"] == "scored"
    assert one(tmp_path, points="")["status"] is None


def test_a_course_grade_needs_percent_or_code(tmp_path: Path) -> None:
    text = "student_id,section_id,posted_on,percent,code\ns,x,2026-01-20,,\ns,x,2026-01-20,,A\n"
    delivery = folder_of(tmp_path, COURSE_GRADES, text)
    assert records(delivery, COURSE_GRADES)["code"].to_list() == ["A"]
    assert rejected(delivery) == [(2, "percent", "percent or code is required")]


def test_rejected_rows_beyond_the_list_are_still_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edupulse.sources.delivery.MOST_LISTED", 3)
    delivery = folder_of(tmp_path, MARKS, csv_text([{**MARK, "due_on": "?"}] * 9))
    records(delivery, MARKS)
    assert delivery.ledger.rejections.height == 3
    assert delivery.ledger.rejected(MARKS) == 9
