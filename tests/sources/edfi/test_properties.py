"""Properties of reading Ed-Fi: order and slicing do not matter, and XML says what JSON says."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from edupulse.school.records import KINDS
from edupulse.sources.edfi.folder import edfi_folder
from edupulse.sources.edfi.json import row_of
from edupulse.sources.edfi.resource import Row
from edupulse.sources.edfi.resources import ACTION, BY_ELEMENT, RESOURCES
from edupulse.sources.edfi.xml import read_xml
from sources.edfi.interchange import (
    OTHER_SECTION,
    SECTION,
    Content,
    day,
    element,
    in_section,
    period,
    uri,
)

Element = tuple[str, Content]

_STUDENTS = st.sampled_from(["1", "2", "3"])
_DATES = st.sampled_from(["2025-09-01", "2025-09-02", "2025-09-03"])
_CATEGORIES = st.sampled_from(["Excused Absence", "Unexcused Absence", "Tardy", "Partial", "Zzz"])
_SECTIONS = st.sampled_from([SECTION, OTHER_SECTION])
_INCIDENTS = st.sampled_from(["1", "2"])
_BEHAVIORS = st.sampled_from(["Fighting", "Theft", "Phone use", "Zzz"])


def _entry(n: int) -> Content:
    key = {"gradebookEntryIdentifier": f"a{n}", "namespace": "uri://x"}
    return {**key, "sectionReference": SECTION, "dueDate": f"2025-09-1{n}"}


def _mark(student: str, n: int, points: int) -> Content:
    return {
        "gradebookEntryReference": {"gradebookEntryIdentifier": f"a{n}", "namespace": "uri://x"},
        "studentReference": {"studentUniqueId": student},
        "pointsEarned": points,
    }


def _acted(student: str, incident: str, behavior: str) -> Content:
    return {
        "studentReference": {"studentUniqueId": student},
        "disciplineIncidentReference": {"incidentIdentifier": incident, "schoolId": 1},
        "behaviorDescriptor": uri("Behavior", behavior),
    }


def _action(student: str, incident: str, what: str, days: int) -> Content:
    return {
        "disciplineActionIdentifier": f"{student}-{incident}-{what}",
        "disciplineDate": "2025-10-02",
        "disciplines": [{"disciplineDescriptor": uri("Discipline", what)}],
        "studentReference": {"studentUniqueId": student},
        "responsibilitySchoolReference": {"schoolId": 1},
        "studentDisciplineIncidentBehaviorAssociationReference": {
            "incidentIdentifier": incident,
            "schoolId": 1,
        },
        "disciplineActionLength": days,
    }


_KINDS_OF_ACTION = st.sampled_from(["In School Suspension", "Expulsion", "Community Service"])
_ELEMENTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("StudentSchoolAttendanceEvent"),
            st.builds(
                lambda d, c, s, p: day(d, c, s, eventDuration=p),
                _DATES,
                _CATEGORIES,
                _STUDENTS,
                st.sampled_from([0.25, 0.5, 1]),
            ),
        ),
        st.tuples(
            st.just("StudentSectionAttendanceEvent"),
            st.builds(period, _DATES, _CATEGORIES, _SECTIONS, _STUDENTS),
        ),
        st.tuples(
            st.just("StudentSectionAssociation"),
            st.builds(
                lambda s, n: {**in_section(s), "studentReference": {"studentUniqueId": n}},
                _SECTIONS,
                _STUDENTS,
            ),
        ),
        st.tuples(
            st.just("StudentDisciplineIncidentBehaviorAssociation"),
            st.builds(_acted, _STUDENTS, _INCIDENTS, _BEHAVIORS),
        ),
        st.tuples(
            st.just("DisciplineAction"),
            st.builds(_action, _STUDENTS, _INCIDENTS, _KINDS_OF_ACTION, st.integers(1, 3)),
        ),
        st.tuples(
            st.just("StudentGradebookEntry"),
            st.builds(_mark, _STUDENTS, st.integers(0, 4), st.integers(0, 5)),
        ),
    ),
    max_size=30,
    unique_by=lambda found: (found[0], _natural_key(found[1])),
)
_ALWAYS: list[Element] = [
    *(("GradebookEntry", _entry(n)) for n in range(4)),
    *(
        (
            "DisciplineIncident",
            {
                "incidentIdentifier": n,
                "schoolReference": {"schoolId": 1},
                "incidentDate": "2025-10-01",
            },
        )
        for n in ("1", "2")
    ),
]
_NO_KEY = ("eventDuration", "pointsEarned", "disciplineActionLength")


def _natural_key(content: Content) -> str:
    """What identifies a resource: an honest source gives it once."""
    return str({name: value for name, value in content.items() if name not in _NO_KEY})


def _records(files: Sequence[Sequence[Element]]) -> dict[str, list[tuple[object, ...]]]:
    """All records of interchange files with those elements, without where they stood."""
    with tempfile.TemporaryDirectory() as folder:
        for at, elements in enumerate(files):
            body = "".join(element(*each) for each in elements)
            text = f'<InterchangeX xmlns="http://ed-fi.org/5.2.0">{body}</InterchangeX>'
            (Path(folder) / f"{at}.xml").write_text(text, encoding="utf-8")
        delivery = edfi_folder(Path(folder))
        found = {}
        for kind in KINDS:
            frames = [batch.frame for batch in delivery.batches(kind)]
            rows = pl.concat(frames).drop("file", "line").rows() if frames else []
            found[kind.name] = sorted(rows, key=str)
            found[f"{kind.name}, rejected"] = [(delivery.ledger.rejected(kind),)]
        found["unmapped"] = [(str(delivery.words.unmapped),)]
        delivery.close()
        return found


@settings(max_examples=30)
@given(_ELEMENTS, st.integers(1, 5), st.integers(0, 10**6))
def test_whatever_the_order_and_the_files_the_same_records_result(
    elements: list[Element], count: int, seed: int
) -> None:
    whole = [*_ALWAYS, *elements]
    random = Random(seed)  # noqa: S311  (no secret)
    shuffled = random.sample(whole, len(whole))
    files: list[list[Element]] = [[] for _ in range(count)]
    for each in shuffled:
        random.choice(files).append(each)
    assert _records([whole]) == _records(files)


@settings(max_examples=20)
@given(_ELEMENTS, st.integers(0, 10**6))
def test_what_comes_twice_is_one_record(elements: list[Element], seed: int) -> None:
    whole = [*_ALWAYS, *elements]
    some = Random(seed).sample(whole, len(whole) // 2)  # noqa: S311  (no secret)
    once, twice = _records([whole]), _records([whole, some])
    assert {k: v for k, v in once.items() if "," not in k} == {
        k: v for k, v in twice.items() if "," not in k
    }


_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="￾￿"),
    min_size=1,
    max_size=20,
).filter(lambda text: text.strip() == text)


def _filled(key: str, text: st.SearchStrategy[str]) -> st.SearchStrategy[Content]:
    """Content with a value at a key; what lies below a name ending in `s` is a list."""
    first, _, rest = key.partition(".")
    if not rest:
        return st.builds(lambda value: {first: value}, text)
    inner = _filled(rest, text)
    if first.endswith("Reference"):
        return st.builds(lambda value: {first: value}, inner)
    return st.builds(lambda value: {first: [value]}, inner)


@settings(max_examples=60)
@given(st.sampled_from([r for r in RESOURCES if r.path]), st.data())
def test_xml_says_what_json_says(resource: object, data: st.DataObject) -> None:
    """Each resource with any texts: written as XML and as JSON, it is the same row.

    (But for school years, of which the XML writes both.)
    """
    content: dict[str, object] = {}
    for column in resource.own:  # type: ignore[attr-defined]
        key = column.keys[0]
        if "@" in key or column.name.endswith("year") or data.draw(st.booleans()):
            continue
        for name, value in data.draw(_filled(key, _TEXT)).items():
            held = content.get(name)
            if isinstance(held, dict) and isinstance(value, dict):
                content[name] = {**held, **value}
            elif isinstance(held, list) and isinstance(value, list):
                content[name] = [{**held[0], **value[0]}]
            else:
                content[name] = value
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.xml"
        text = element(resource.element, content)  # type: ignore[attr-defined]
        path.write_text(f"<InterchangeX>{text}</InterchangeX>", encoding="utf-8")
        read_xml(path, BY_ELEMENT, lambda _resource, row, _line: found.append(row))
    [row] = found
    assert row == row_of(resource, content)  # type: ignore[arg-type]


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["studentReference", "studentUniqueId", "disciplines", "disciplineDescriptor", "id"]
            ),
            below,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["studentReference", "disciplines", "x"]), _ANY_JSON))
def test_any_json_is_a_row_of_texts(content: dict[str, object]) -> None:
    row = row_of(ACTION, content)
    assert len(row) == len(ACTION.columns)
    for value, column in zip(row, ACTION.columns, strict=True):
        texts = value if column.many else [value] if value is not None else []
        assert isinstance(texts, list)
        assert all(isinstance(text, str) for text in texts)


_NAMES = st.sampled_from(
    ["Student", "StudentReference", "StudentUniqueId", "Name", "FirstName", "Other", "A.b-c", "é"]
)
_TREES = st.recursive(
    st.builds(lambda name, text: (name, text, ()), _NAMES, _TEXT),
    lambda below: st.builds(
        lambda name, parts: (name, "", parts), _NAMES, st.lists(below, max_size=4)
    ),
    max_leaves=25,
)


def _tree(parent: ElementTree.Element, tree: tuple[str, str, Sequence[object]]) -> None:
    name, text, below = tree
    node = ElementTree.SubElement(parent, name)
    node.text = text
    for each in below:
        _tree(node, each)  # type: ignore[arg-type]


@given(st.lists(_TREES, max_size=6))
def test_any_well_formed_interchange_is_read(
    trees: list[tuple[str, str, Sequence[object]]],
) -> None:
    root = ElementTree.Element("InterchangeStudent")
    for tree in trees:
        _tree(root, tree)
    found: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.xml"
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
        others = read_xml(path, BY_ELEMENT, lambda what, _row, _line: found.append(what.element))
    names = [each.tag for each in root]
    assert sorted([*found, *others.elements()]) == sorted(names)
