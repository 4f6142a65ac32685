from __future__ import annotations

import tomllib

import polars as pl
import pytest

from edupulse.school.errors import BadInput
from edupulse.sources.mapping import DistrictMapping
from edupulse.sources.words import Words

DEFAULTS = {"attendance": {"Tardy": "tardy", "Excused Absence": "excused"}, "behaviors": {}}


def edfi(**tables: dict[str, str]) -> DistrictMapping:
    return DistrictMapping(tables={"edfi": tables})


def test_a_code_has_its_word_whatever_its_case_and_blanks() -> None:
    words = Words("edfi", DEFAULTS)
    assert words.of("attendance", pl.Series([" tardy ", "TARDY", None])).to_list() == [
        "tardy",
        "tardy",
        None,
    ]
    assert words.unmapped == {}


def test_what_no_table_has_is_null_and_counted_by_its_kind() -> None:
    words = Words("edfi", DEFAULTS)
    words.begin("attendance")
    assert words.of("attendance", pl.Series(["Late", "Late", "Tardy"])).to_list()[:2] == [None] * 2
    assert words.unmapped == words.unmapped_of("attendance") == {("attendance", "Late"): 2}


def test_reading_a_kind_again_does_not_count_twice() -> None:
    words = Words("edfi", DEFAULTS)
    for _ in range(2):
        words.begin("attendance")
        words.of("attendance", pl.Series(["Late"]))
    assert words.unmapped == {("attendance", "Late"): 1}


def test_the_district_goes_before_the_defaults() -> None:
    words = Words("edfi", DEFAULTS, edfi(attendance={"TARDY": "excused"}))
    assert words.word("attendance", "Tardy") == "excused"


def test_tables_of_all_sources_hold_where_the_source_has_such_a_table() -> None:
    mapping = DistrictMapping(common={"behaviors": {"Fight": "4"}, "subjects": {"x": "ela"}})
    assert Words("edfi", DEFAULTS, mapping).word("behaviors", "fight") == "4"


@pytest.mark.parametrize(
    ("tables", "field", "said"),
    [
        ({"atendance": {"x": "tardy"}}, "edfi.atendance", "Did you mean attendance?"),
        ({"attendance": {"x": "late"}}, 'edfi.attendance."x"', "excused, unexcused"),
        ({"behaviors": {"x": "6"}}, 'edfi.behaviors."x"', "1, 2, 3, 4, 5"),
    ],
)
def test_a_table_or_word_that_there_is_not_is_refused(
    tables: dict[str, dict[str, str]], field: str, said: str
) -> None:
    with pytest.raises(BadInput) as error:
        Words("edfi", DEFAULTS, edfi(**tables))
    assert error.value.field == field
    assert said in str(error.value)


@pytest.mark.parametrize("code", ["Excused absent", 'with "quotes" and \\', "line\nbreak", "a.b"])
def test_suggestions_are_a_mapping_to_fill_in(code: str) -> None:
    words = Words("edfi", DEFAULTS)
    words.of("attendance", pl.Series([code]))
    suggested = tomllib.loads(words.suggestions())
    near = "excused" if code == "Excused absent" else ""
    assert suggested == {"edfi": {"attendance": {code: near}}}
