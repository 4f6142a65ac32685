"""Every viewer beside every student, at both layers, against a third opinion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from psycopg import Connection

from casework.access_oracle import PARTS, Opinion
from edupulse.casework.access import Part, Viewer, sight
from edupulse.casework.sights import Sights
from edupulse.simulator import DistrictPlan
from edupulse.simulator.district import district
from edupulse.store.audit import Entry, What, append
from edupulse.store.store import Store, open_store
from pipeline.small_champion import import_frames

AT = datetime(2025, 2, 20, 18, tzinfo=UTC)
DAY, KNOWN_BY = date(2025, 2, 20), date(2025, 2, 19)
LEAST_PAIRS = 100_000

Frames = dict[str, pl.DataFrame]

ODD_STAFF: list[tuple[str | None, ...]] = [
    ("C00101", "counselor, and head elsewhere", "school_admin", "M02"),
    ("T00001", "teacher, and counselor elsewhere", "counselor", "M02"),
    ("Z1", "a head without a school", "school_admin", None),
    ("Z2", "without a role", None, "H01"),
    ("Z3", "nobody's teacher", "teacher", "H01"),
    ("D002", "analyst who teaches", "teacher", "H01"),
]


def odd_district() -> Frames:
    """A simulated district, and beside its order all that real offices forget."""
    frames = district(DistrictPlan(students=400, schools=3, years=2, seed=11, truth_pairs=0)).frames
    n = pl.int_range(pl.len())
    born = pl.col("birth_date")
    frames["students"] = frames["students"].with_columns(
        birth_date=pl.when(n % 17 == 0).then(None).when(n % 5 == 0).then(born.dt.offset_by("-9y"))
        .when(n == 3).then(date(2007, 2, 20)).when(n == 4).then(date(2007, 2, 21)).otherwise(born)
    )  # fmt: skip
    frames["sections"] = frames["sections"].with_columns(
        term_id=pl.when(n % 4 == 0)
        .then(pl.lit("2025Q3"))
        .when(n % 4 == 1)
        .then(pl.lit("2025Q1"))
        .otherwise(None)
    )
    frames["section_students"] = (
        frames["section_students"]
        .with_columns(
            entered_on=pl.when(n % 50 == 7).then(None).otherwise(pl.col("entered_on")),
            left_on=pl.when(n % 9 == 2).then(None).otherwise(pl.col("left_on")),
        )
        .unique(["section_id", "student_id", "entered_on", "known_at"], maintain_order=True)
    )
    frames["caseloads"] = (
        frames["caseloads"]
        .with_columns(
            pl.when(n % 31 == 5).then(None).otherwise(pl.col("from")).alias("from"),
            pl.when(n % 13 == 5).then(None).otherwise(pl.col("to")).alias("to"),
        )
        .unique(["staff_id", "student_id", "from"], maintain_order=True, keep="last")
    )
    _add(frames, "staff", ODD_STAFF)
    first = frames["caseloads"]["student_id"][0]
    frames["caseloads"] = pl.concat([
        frames["caseloads"],
        pl.DataFrame({"staff_id": ["T00001", "Z2"], "student_id": [first, first],
                      "from": [date(2024, 8, 1)] * 2, "to": [None, None]},
                     schema=frames["caseloads"].schema),
    ])  # fmt: skip
    chained = frames["student_ids"]["old_student_id"][0]
    frames["student_ids"] = pl.concat([
        frames["student_ids"],
        pl.DataFrame({"old_student_id": ["Q1", "Q2", "Q3"], "student_id": [chained, "Q3", "Q2"]}),
    ])  # fmt: skip
    own = frames["guardians"].filter(
        pl.col("student_id").is_in(frames["student_ids"]["student_id"].implode())
    )
    on_old_numbers = own.with_columns(
        student_id=pl.col("student_id").replace(
            dict(frames["student_ids"].select("student_id", "old_student_id").iter_rows())
        ),
        may_see_records=pl.int_range(pl.len()) % 2 == 0,
    )
    guardians = pl.concat([frames["guardians"], on_old_numbers])
    frames["guardians"] = guardians.with_columns(known_at=pl.lit(date(2023, 8, 1)))
    return frames


def _add(frames: Frames, name: str, rows: list[tuple[str | None, ...]]) -> None:
    more = pl.DataFrame(
        [
            {"staff_id": i, "name": n, "email": None, "login": None, "role": r, "school_id": s}
            for i, n, r, s in rows
        ],
        schema=frames[name].schema,
    )
    frames[name] = pl.concat([frames[name], more])


@pytest.fixture(scope="module")
def frames() -> Frames:
    return odd_district()


@pytest.fixture(scope="module")
def store(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path], frames: Frames
) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        import_frames(opened, reachable_folder() / "records", frames)
        with opened.writing() as connection:
            connection.execute(
                "INSERT INTO state.risks (id, student, as_of, method, policy, state, body)"
                " SELECT gen_random_uuid(), student, now(), 'test', '1', 'rules_only', '{}'"
                " FROM identity.student"
            )
            ids = connection.execute("SELECT student_id FROM identity.student").fetchall()
            append(connection, [Entry(What.DISCLOSED, "a test", "a test", row[0]) for row in ids])
        yield opened


def keys(store: Store, noun: str) -> dict[str, int]:
    with store.writing() as connection:
        rows = connection.execute(f"SELECT local_id, {noun} FROM identity.{noun}").fetchall()
    return dict(rows)


def viewers(store: Store, opinion: Opinion) -> Iterator[tuple[Viewer, dict[str, set[str]]]]:
    """Everybody who could ask, with what the oracle lets them see."""
    for staff_id, key in keys(store, "staff").items():
        yield Viewer(staff_id, staff=key), opinion.seen(opinion.staff_sees(staff_id))
    for guardian in sorted(set(opinion.frames["guardians"]["guardian_id"].to_list()))[:130]:
        yield Viewer(guardian, guardian=guardian), opinion.seen(opinion.guardian_sees(guardian))
    students = keys(store, "student")
    for number in sorted(students)[::8]:
        yield (
            Viewer(number, student=students[number]),
            opinion.seen(opinion.student_sees(number)),
        )
    nobody: dict[str, set[str]] = {part: set() for part in PARTS}
    yield Viewer("an integration", may_write_records=True), nobody
    yield Viewer("a guardian who is none", guardian="nobody"), nobody


SEEN_BY = {
    "names": "SELECT student FROM access.names",
    "facts": "SELECT student FROM identity.student",
    "scores": "SELECT student FROM state.risks",
    "contacts": "SELECT student FROM apart.guardians",
    "disclosures": "SELECT student FROM access.disclosures",
}


def rows_of(connection: Connection, query: str) -> set[int]:
    return {row[0] for row in connection.execute(query.encode()).fetchall()}


@pytest.mark.slow
def test_every_viewer_sees_what_the_oracle_says_and_nothing_else(store: Store, frames: Frames):
    opinion = Opinion(frames, DAY, KNOWN_BY)
    students = keys(store, "student")
    with store.writing() as connection:
        contacts = rows_of(connection, SEEN_BY["contacts"])
    pairs, ever, differed = 0, dict.fromkeys(PARTS, 0), list[Viewer]()
    sights, version = Sights(store, differed.append), store.rights_version()
    for viewer, expected in viewers(store, opinion):
        seen = sight(store, viewer, AT)
        kept = [sights.of(viewer, AT, version) for _ in range(2)]
        assert kept[0] is kept[1]
        for part in PARTS:
            right = {students[number] for number in expected[part]}
            for one in (seen, kept[0]):
                assert set(one.permitted(students.values(), Part(part))) == right, (viewer, part)
            with store.writing_as(viewer.asking(AT)) as connection:
                there = rows_of(connection, SEEN_BY[part])
            assert there == (right & contacts if part == "contacts" else right), (viewer, part)
            ever[part] += len(right)
        pairs += len(students)
    assert pairs >= LEAST_PAIRS
    assert not differed
    assert all(ever.values())


@pytest.mark.parametrize("table", ["attendance", "marks", "enrollments", "students_past"])
def test_rows_of_records_are_those_of_the_students_that_are_seen(store: Store, table: str):
    everyone = sorted(keys(store, "student").values())
    for staff in ("T00002", "C00301", "H001", "D002"):
        viewer = Viewer(staff, staff=keys(store, "staff")[staff])
        part = Part.NAMES if table == "students_past" else Part.FACTS
        allowed = set(sight(store, viewer, AT).permitted(everyone, part))
        query = f"SELECT DISTINCT student FROM records.{table}"
        with store.writing() as connection:
            all_of_them = rows_of(connection, query)
        with store.writing_as(viewer.asking(AT)) as connection:
            assert rows_of(connection, query) == all_of_them & allowed


def test_families_see_scores_only_where_the_district_allows(store: Store, frames: Frames):
    opinion = Opinion(frames, DAY, KNOWN_BY, families_see_scores=True)
    guardians = frames["guardians"].filter(pl.col("may_see_records"))["guardian_id"].to_list()
    seeing = next(g for g in guardians if any(opinion.guardian_sees(g)))
    students, viewer = keys(store, "student"), Viewer(seeing, guardian=seeing)
    right = {students[n] for n in opinion.seen(opinion.guardian_sees(seeing))["scores"]}
    assert right
    with store.writing() as connection:
        connection.execute("UPDATE identity.district SET guardians_see_scores = true")
    try:
        assert set(sight(store, viewer, AT).permitted(students.values(), Part.SCORES)) == right
        with store.writing_as(viewer.asking(AT)) as connection:
            assert rows_of(connection, SEEN_BY["scores"]) == right
    finally:
        with store.writing() as connection:
            connection.execute("UPDATE identity.district SET guardians_see_scores = false")
