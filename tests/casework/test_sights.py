"""A sight that is kept is the sight of now: changes show at once, and both locks hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from casework.test_access import FILES, staff
from edupulse.casework.access import NOTHING, Part, Sight, Viewer
from edupulse.casework.sights import Sights, agreed_on
from edupulse.pipeline.intake import intake
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.store import Store, open_store
from pipeline.small_folder import write_folder

IMPORTED = datetime(2025, 12, 20, tzinfo=UTC)
AT = datetime(2025, 12, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FACTS = frozenset({Part.FACTS})
ALL = frozenset(Part)


class World:
    """A district in a database, and the sights that one process keeps of it."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.differed: list[Viewer] = []
        self.sights = self.another_process()

    def another_process(self) -> Sights:
        return Sights(self.store, self.differed.append)

    def learns(self, now: datetime, **files: str) -> None:
        """Records come, known from `now` on if they do not say otherwise."""
        folder = self.folder / f"{len(list(self.folder.iterdir()))}"
        intake(self.store, csv_folder(write_folder(folder, files)), now=now, home=self.folder)

    def sees(self, viewer: Viewer, at: datetime = AT, sights: Sights | None = None) -> set[str]:
        found = (sights or self.sights).of(viewer, at, self.store.rights_version())
        keys = {number: self.store.resolve_student(number) for number in "123"}
        return {number for number, key in keys.items() if found.may_see(key)}


@pytest.fixture
def world(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
) -> Iterator[World]:
    with open_store(empty_database()) as opened:
        made = World(opened, reachable_folder())
        made.learns(IMPORTED, **FILES)
        yield made


def caseload(*rows: str, more: str = "") -> str:
    return "\n".join([f"staff_id,student_id,from,to{more}", *rows])


def test_what_did_not_change_is_not_decided_again(world: World) -> None:
    counselor, version = staff(world.store, "counsels"), world.store.rights_version()
    first = world.sights.of(counselor, AT, version)
    assert world.sights.of(counselor, AT + HOUR, version) is first
    attendance = "student_id,date,status\n1,2025-12-02,excused"
    world.learns(IMPORTED, attendance=attendance)
    assert world.store.rights_version() == version


def test_a_right_that_comes_or_goes_shows_at_once_in_every_process(world: World) -> None:
    counselor, other = staff(world.store, "counsels"), world.another_process()
    assert world.sees(counselor) == world.sees(counselor, sights=other) == {"1"}
    world.learns(AT, caseloads=caseload("counsels,2,2025-12-01,"))
    assert world.sees(counselor) == world.sees(counselor, sights=other) == {"1", "2"}
    gone = caseload("counsels,2,2025-12-01,,true", more=",retracted")
    world.learns(AT, caseloads=gone)
    assert world.sees(counselor) == world.sees(counselor, sights=other) == {"1"}


def test_a_role_that_is_taken_away_is_gone_at_once(world: World) -> None:
    head = staff(world.store, "head")

    def rights() -> frozenset[str]:
        return world.sights.of(head, AT, world.store.rights_version()).rights

    assert "audit:read" in rights()
    world.learns(AT, staff="staff_id,name,role,school_id\nhead,H,teacher,N")
    assert "audit:read" not in rights()


def test_a_right_ends_with_the_day_though_no_record_comes(world: World) -> None:
    counselor = staff(world.store, "counsels")
    assert world.sees(counselor) == {"1"}
    assert world.sees(counselor, AT + 24 * HOUR) == set()
    assert world.sees(counselor) == {"1"}


def test_a_right_that_is_stored_already_opens_at_its_instant(world: World) -> None:
    # In an export of today `known_at` is a date: known from the end of that day.
    counselor = staff(world.store, "counsels")
    later = AT + 3 * HOUR
    rows = f"counsels,2,2025-12-01,,{later.isoformat()}"
    world.learns(AT, caseloads=caseload(rows, more=",known_at"))
    assert world.sees(counselor) == world.sees(counselor, later - HOUR) == {"1"}
    assert world.sees(counselor, later) == {"1", "2"}


def test_an_instant_to_come_is_kept_as_it_comes(world: World) -> None:
    """The real clock: nothing is searched for, the import itself has noted the instant."""
    counselor, now = staff(world.store, "counsels"), datetime.now(UTC)
    later = (now + 24 * HOUR).replace(microsecond=0)
    rows = f"counsels,2,2025-12-01,,{later.isoformat()}"
    world.learns(now, caseloads=caseload(rows, more=",known_at"))
    now = datetime.now(UTC) + HOUR
    assert world.store.moments(now).instants == (later,)
    assert world.sees(counselor, now) == set()
    assert world.sees(counselor, later + HOUR) == {"2"}


def test_what_the_district_decides_for_families_shows_at_once(world: World) -> None:
    guardian = Viewer("g1", guardian="g1")
    ada = world.store.resolve_student("1")

    def scores() -> bool:
        version = world.store.rights_version()
        return world.sights.of(guardian, AT, version).may_see(ada, Part.SCORES)

    assert not scores()
    with world.store.writing() as connection:
        connection.execute("UPDATE identity.district SET guardians_see_scores = true")
    assert scores()


def test_where_the_locks_differ_only_what_both_allow_is_seen_and_it_is_told(world: World) -> None:
    counselor, analyst = staff(world.store, "counsels"), staff(world.store, "looks")
    with world.store.writing() as connection:
        connection.execute(
            "CREATE OR REPLACE VIEW access.looked_after AS SELECT student FROM identity.student"
            " WHERE local_id = '3'"
        )
    assert world.sees(counselor) == set()
    assert world.sees(analyst) == {"1", "2", "3"}
    assert world.differed == [counselor]


@pytest.mark.parametrize(
    ("decided", "shown", "seen"),
    [
        (Sight(some={1: ALL}), Sight(some={1: FACTS}), FACTS),
        (Sight(some={1: FACTS}), Sight(), NOTHING),
        (Sight(), Sight(some={1: ALL}), NOTHING),
        (Sight(everyone=ALL), Sight(everyone=FACTS), FACTS),
        (Sight(everyone=ALL), Sight(some={1: FACTS}), FACTS),
        (Sight(everyone=FACTS, some={1: ALL}), Sight(everyone=FACTS), FACTS),
    ],
)
def test_each_lock_alone_opens_nothing(decided: Sight, shown: Sight, seen: frozenset[Part]) -> None:
    agreed = agreed_on(decided, shown)
    assert agreed.of(1) == seen
    assert agreed is not decided
    assert agreed.of(2) == decided.of(2) & shown.of(2)
