"""A simulated district written as OneRoster: what OneRoster can say comes back as it was."""

from __future__ import annotations

import polars as pl
import pytest

from edupulse.school.fields import Milli
from edupulse.school.records import KIND_BY_NAME
from edupulse.simulator import DistrictPlan, simulate
from edupulse.simulator.district import district
from edupulse.simulator.formats.newest import newest
from edupulse.sources.mapping import read_mapping
from edupulse.sources.oneroster.delivery import OneRoster, oneroster_csv
from sources.oneroster.tables import records

PLAN = DistrictPlan(students=60, years=2, seed=5, truth_pairs=0)

SAID = {
    "schools": ("school_id", "name", "records_gradebook", "timezone"),
    "students": ("student_id", "first_name", "last_name"),
    "sections": ("section_id", "school_id", "title", "sced_code"),
    "section_students": ("section_id", "student_id", "entered_on", "left_on"),
    "marks": ("student_id", "section_id", "due_on", "category", "points", "points_possible"),
}


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> OneRoster:
    folder = tmp_path_factory.mktemp("formats") / "oneroster"
    simulate(PLAN, folder, form="oneroster")
    return oneroster_csv(folder, read_mapping(folder / "mapping.toml"))


@pytest.fixture(scope="module")
def written() -> dict[str, pl.DataFrame]:
    return {name: newest(name, frame) for name, frame in district(PLAN).frames.items()}


@pytest.mark.parametrize("kind", SAID)
def test_what_one_roster_can_say_comes_back_as_it_was(kind, delivery, written) -> None:
    back = records(delivery, KIND_BY_NAME[kind])
    assert not delivery.ledger.rejected(KIND_BY_NAME[kind])
    assert texts(kind, back, by=1000) == texts(kind, written[kind], by=1)


def texts(kind: str, frame: pl.DataFrame, by: int) -> list[str]:
    """The rows as text; decimals are kept as so many parts."""
    types = {f.name: f.type for f in KIND_BY_NAME[kind].fields}
    wanted = []
    for name in SAID[kind]:
        column = pl.col(name).cast(pl.String)
        if isinstance(types[name], Milli):
            column = pl.col(name).cast(pl.Float64) / by
        wanted.append(column.alias(name))
    return sorted(map(str, frame.select(wanted).rows()))


def test_enrollments_are_where_the_classes_were(delivery, written) -> None:
    back = records(delivery, KIND_BY_NAME["enrollments"])
    where = ["student_id", "school_id"]
    there = written["enrollments"].select(pl.col(where).cast(pl.String)).unique()
    assert sorted(back.select(where).unique().rows()) == sorted(there.rows())


def test_every_word_is_known_and_the_students_are_said_to_be_simulated(delivery) -> None:
    for kind in KIND_BY_NAME.values():
        list(delivery.batches(kind))
    assert not delivery.words.unmapped
    assert delivery.simulated
