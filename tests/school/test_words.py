import polars as pl
import pytest

from edupulse.school.behaviors import severity_of_behavior
from edupulse.school.errors import BadInput, EduPulseError
from edupulse.school.subjects import subject_of_sced


def one(expression) -> object:
    return pl.select(expression).item()


@pytest.mark.parametrize(
    ("code", "subject"),
    [("01001", "ela"), ("02052G", "math"), ("03", "science"), ("04101", "social_studies")],
)
def test_the_core_subjects_come_from_sced(code: str, subject: str) -> None:
    assert one(subject_of_sced(pl.lit(code))) == subject


@pytest.mark.parametrize("code", ["99001", "x", ""])
def test_a_code_that_cannot_be_mapped_is_unknown_not_other(code: str) -> None:
    assert one(subject_of_sced(pl.lit(code))) is None


def test_severity_follows_the_behavior_however_it_is_spelled() -> None:
    assert one(severity_of_behavior(pl.lit(" Serious-Injury "))) == 5


def test_an_unknown_behavior_has_no_severity() -> None:
    assert one(severity_of_behavior(pl.lit("daydreaming"))) is None


def test_bad_input_says_where_and_what_to_do() -> None:
    error = BadInput("is not a date", "Write it as 2024-03-01.", file="a.csv", line=3, field="date")
    assert isinstance(error, EduPulseError)
    assert str(error) == "a.csv, line 3, field date: is not a date Write it as 2024-03-01."
