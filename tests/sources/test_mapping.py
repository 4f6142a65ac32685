from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from edupulse.school.errors import BadInput
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.mapping import DistrictMapping, read_mapping

ROOT = Path(__file__).resolve().parents[2]

WHOLE = """
[schools."*"]
timezone = "America/Chicago"
records_excuse = true
passing_percent = 65.5

[schools."255901001"]
records_excuse = false

[scales."*"]
A = { percent = 95, gpa_points = 4, passing = true }
F = { passing = false }

[[calendar]]
begins_on = 2026-08-17
ends_on = 2026-08-30
closed = [2026-08-18, { from = 2026-08-24, to = 2026-08-26 }]

[subjects]
"Algebra I" = "math"

[behaviors]
Fighting = 4

[edfi.behaviors]
"School Violation" = 2

[columns."users.csv"]
"student number" = "identifier"
"""


@pytest.fixture
def read(tmp_path: Path):
    def read(text: str) -> DistrictMapping:
        path = tmp_path / "mapping.toml"
        path.write_text(text, encoding="utf-8")
        return read_mapping(path)

    return read


def test_everything_that_a_mapping_may_say_is_read(read) -> None:
    mapping = read(WHOLE)
    assert mapping.school("anywhere") == {
        "timezone": "America/Chicago",
        "records_excuse": "true",
        "passing_percent": "65.5",
    }
    assert mapping.scale("anywhere")["A"] == {
        "percent": "95",
        "gpa_points": "4",
        "passing": "true",
    }
    assert mapping.columns == {"users.csv": {"student number": "identifier"}}
    assert mapping.words_of("edfi") == {
        "subjects": {"Algebra I": "math"},
        "behaviors": {"Fighting": "4", "School Violation": "2"},
    }


def test_what_is_said_of_one_school_goes_before_what_is_said_of_all(read) -> None:
    assert read(WHOLE).school("255901001")["records_excuse"] == "false"


def test_an_empty_file_says_nothing(read) -> None:
    assert read("") == DistrictMapping()


def test_school_days_are_the_weekdays_that_are_not_closed(read) -> None:
    days = read(WHOLE).school_days("anywhere")
    assert sorted(day for day, held in days.items() if held) == [
        date(2026, 8, n) for n in (17, 19, 20, 21, 27, 28)
    ]
    assert len(days) == 14


def test_days_of_one_school_go_before_those_of_all(read) -> None:
    own = '[[calendar]]\nschools = ["1"]\nbegins_on = 2026-08-22\nends_on = 2026-08-22\n'
    mapping = read(own + 'weekdays = ["sat"]\n' + WHOLE.partition("[subjects]")[0])
    assert mapping.school_days("1")[date(2026, 8, 22)]
    assert not mapping.school_days("2")[date(2026, 8, 22)]


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("subjets = {}", "subjets", "Did you mean subjects?"),
        ("[schools.1]\nrecord_excuse = true", 'schools."1".record_excuse', "records_excuse"),
        ('[schools.1]\nname = "x"', 'schools."1".name', "is unknown"),
        (
            '[schools.1]\ntimezone = "Chicago"',
            'schools."1".timezone',
            "an IANA time zone as America/Chicago expected",
        ),
        ("[schools]\n1 = 2", 'schools."1"', "is not a table"),
        ("[scales.1]\nA = { percent = 201 }", 'scales."1"."A".percent', "a number from 0 to 200"),
        ("[subjects]\nx = true", 'subjects."x"', "neither a word nor a whole number"),
        ('[behaviors]\nx = ""', 'behaviors."x"', "is still empty"),
        ("[edfi]\nattendance = 1", "edfi.attendance", "is not a table"),
        ("[[calendar]]\nends_on = 2026-01-01", "calendar 1.begins_on", "a date is required"),
        (
            "[[calendar]]\nbegins_on = 2026-01-02\nends_on = 2026-01-01",
            "calendar 1.ends_on",
            "must be after begins_on",
        ),
        (
            '[[calendar]]\nbegins_on = 2026-01-01\nends_on = 2026-01-09\nweekdays = ["monday"]',
            "calendar 1.weekdays",
            "is no weekday",
        ),
        ("[calendar]\nx = 1", "calendar", "[[calendar]]"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(read, text: str, field: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        read(text)
    assert (error.value.file, error.value.field) == ("mapping.toml", field)
    assert said in str(error.value)


def test_broken_toml_is_named_with_its_line(read) -> None:
    with pytest.raises(BadInput, match="line 2"):
        read("[subjects]\nx = \n")


def test_a_file_that_is_not_there_or_not_utf8_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_mapping(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'[subjects]\n"\xe9" = "ela"\n')
    with pytest.raises(BadInput, match="UTF-8"):
        read_mapping(tmp_path / "latin.toml")


def test_the_example_of_the_document_is_a_mapping(read) -> None:
    text = (ROOT / "docs/mapping.md").read_text(encoding="utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]
    mapping = read(example)
    assert mapping.school("255901001")["attendance_recording"] == "all"
    assert Words(mapping).word("attendance", "left early") == "partial"
