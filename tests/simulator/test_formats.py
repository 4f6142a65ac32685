"""The district in others' words: what they can say comes back as it was."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from edupulse.school.fields import Milli
from edupulse.school.records import KIND_BY_NAME
from edupulse.simulator import DistrictPlan, simulate
from edupulse.simulator.district import district
from edupulse.simulator.formats.newest import newest
from edupulse.simulator.formats.texts import filled
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.folder import edfi_folder
from edupulse.sources.mapping import read_mapping
from edupulse.sources.oneroster.delivery import oneroster_csv

PLAN = DistrictPlan(students=60, years=2, seed=5, truth_pairs=0)


@pytest.fixture(scope="module")
def edfi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats") / "edfi"
    simulate(PLAN, folder, form="edfi")
    return folder


@pytest.fixture(scope="module")
def back(edfi: Path) -> dict[str, pl.DataFrame]:
    """What the reader makes of the Ed-Fi files."""
    found = {}
    words = Words(read_mapping(edfi / "mapping.toml"))
    with closing(edfi_folder(edfi, words)) as delivery:
        for name in delivery.kinds:
            frames = [batch.frame for batch in delivery.batches(KIND_BY_NAME[name])]
            found[name] = pl.concat(frames)
        assert not words.unmapped
        assert delivery.ledger.rejections.is_empty()
        assert delivery.simulated
    return found


@pytest.fixture(scope="module")
def written() -> dict[str, pl.DataFrame]:
    return {name: newest(name, frame) for name, frame in district(PLAN).frames.items()}


SAID = {
    "students": ("student_id", "birth_date"),
    "enrollments": ("student_id", "school_id", "grade_level", "entered_on", "left_on", "exit_type"),
    "calendar": ("school_id", "date", "instructional"),
    "attendance": ("student_id", "school_id", "date", "status"),
    "incidents": ("student_id", "date", "behavior"),
    "exclusions": ("student_id", "kind", "begins_on", "days"),
    "marks": ("student_id", "due_on", "points_possible", "status"),
    "course_grades": ("student_id", "posted_on", "kind", "code"),
}


@pytest.mark.parametrize("kind", SAID)
def test_what_ed_fi_can_say_comes_back_as_it_was(kind, back, written) -> None:
    assert rows(kind, back[kind], SAID[kind], by=1000) == rows(kind, written[kind], SAID[kind])


def rows(kind: str, frame: pl.DataFrame, said: Sequence[str], by: int = 1) -> list[str]:
    """The rows as text; decimals are kept as so many parts."""
    types = {f.name: f.type for f in KIND_BY_NAME[kind].fields}
    wanted = []
    for name in said:
        column = pl.col(name)
        if isinstance(types[name], Milli):
            column = column.cast(pl.Float64) / by
        elif name.endswith("_id"):
            column = column.cast(pl.String)
        wanted.append(column.cast(pl.String) if frame[name].dtype == pl.Date else column)
    return sorted(map(str, frame.select(wanted).rows()))


def test_a_template_leaves_out_what_is_not_known_and_escapes_the_rest() -> None:
    frame = pl.DataFrame({"a": ["<&>", None], "b": [1, 2]})
    assert filled("<x>[<a>{a}</a>]<b>{b}</b></x>", frame).to_list() == [
        "<x><a>&lt;&amp;&gt;</a><b>1</b></x>",
        "<x><b>2</b></x>",
    ]


def test_the_newest_version_stands_and_what_was_taken_back_does_not() -> None:
    frame = pl.DataFrame(
        {
            "student_id": ["1", "1", "2", "2"],
            "date": ["2026-01-05"] * 4,
            "status": ["absent"] * 4,
            "fraction": [1.0, 0.5, 1.0, 1.0],
            "known_at": ["2026-01-06", "2026-01-09", "2026-01-06", "2026-01-07"],
            "retracted": [False, False, False, True],
        }
    )
    assert newest("attendance", frame)["fraction"].to_list() == [0.5]


@pytest.fixture(scope="module")
def rostered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """What the reader makes of the OneRoster files."""
    folder = tmp_path_factory.mktemp("formats") / "oneroster"
    simulate(PLAN, folder, form="oneroster")
    delivery = oneroster_csv(folder, read_mapping(folder / "mapping.toml"))
    assert delivery.simulated
    return {
        name: pl.concat(batch.frame for batch in delivery.batches(KIND_BY_NAME[name]))
        for name in delivery.kinds
    }


ROSTERED = {
    "students": ("student_id",),
    "attendance": ("student_id", "school_id", "date", "status"),
    "marks": ("student_id", "due_on", "points_possible", "points"),
    "section_students": ("section_id", "student_id", "entered_on", "left_on"),
}


@pytest.mark.parametrize("kind", ROSTERED)
def test_what_one_roster_can_say_comes_back_as_it_was(kind, rostered, written) -> None:
    said = ROSTERED[kind]
    assert rows(kind, rostered[kind], said, by=1000) == rows(kind, written[kind], said)
