import polars as pl

from edupulse.school.fields import Ref, Word
from edupulse.school.kind import OnDay, SchoolDaysAfter
from edupulse.school.records import KIND_BY_NAME, KINDS


def test_every_key_names_fields_of_its_kind() -> None:
    for kind in KINDS:
        assert set(kind.key) <= {field.name for field in kind.fields}, kind.name


def test_every_rule_of_knowledge_names_a_day_of_its_kind() -> None:
    rules = [(kind, kind.known) for kind in KINDS]
    rules += [(kind, kind.revision.known) for kind in KINDS if kind.revision]
    days = [(kind, rule.field) for kind, rule in rules if isinstance(rule, OnDay | SchoolDaysAfter)]
    assert len(days) > 5
    for kind, day in days:
        assert kind.field(day).dtype == pl.Date()


def test_references_point_to_kinds_that_stand_before() -> None:
    nouns = {"student": "students", "school": "schools", "section": "sections", "staff": "staff"}
    order = list(KIND_BY_NAME)
    for kind in KINDS:
        for field in kind.fields:
            if isinstance(field.type, Ref):
                assert order.index(nouns[field.type.noun]) <= order.index(kind.name)


def test_a_default_word_is_one_of_the_words() -> None:
    for kind in KINDS:
        for field in kind.fields:
            if isinstance(field.type, Word) and field.default is not None:
                assert field.default in field.type.words


def test_a_second_student_keeps_a_column_of_its_own() -> None:
    assert KIND_BY_NAME["student_ids"].key_columns == ("old_student_id",)
    assert KIND_BY_NAME["attendance"].key_columns == ("student", "school", "date", "status")


def test_demographics_and_guardians_lie_apart() -> None:
    assert {kind.name for kind in KINDS if kind.apart} == {"demographics", "guardians"}
