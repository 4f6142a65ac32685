"""Who sees whom, by rules small enough to read; the whole matrix is in test_access_matrix.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL

from edupulse.casework.access import Part, Viewer, sight
from edupulse.pipeline.intake import intake
from edupulse.school.errors import BadInput, NotReady
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import asking
from edupulse.store.asking import ROLE, Asker, is_secured
from edupulse.store.people import permitted_names
from edupulse.store.store import Store, open_store
from edupulse.store.tables import metadata
from pipeline.small_folder import small, write_folder

IMPORTED = datetime(2025, 12, 20, tzinfo=UTC)
AT = datetime(2025, 12, 20, 12, tzinfo=UTC)
FILES = small(
    students="""student_id,first_name,last_name,birth_date
1,Ada,A,2009-01-01
2,Ben,B,2007-12-20
3,Cai,C,""",
    guardians="""student_id,guardian_id,name,may_see_records
1,g1,Zoe,true
1,g2,Yan,false
2,g1,Zoe,true
3,g1,Zoe,true""",
    staff="""staff_id,name,role,school_id
head,H,school_admin,N
counsels,C,counselor,N
looks,L,analyst,""",
    caseloads="staff_id,student_id,from,to\ncounsels,1,2025-12-20,2025-12-20",
)
NOBODY = Viewer("nobody")
EVERYONE = "SELECT count(*) FROM identity.student"


@pytest.fixture(scope="module")
def store(
    empty_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("records")
    with open_store(empty_database()) as opened:
        write_folder(folder, FILES)
        intake(opened, csv_folder(folder), now=IMPORTED, home=folder)
        yield opened


def staff(store: Store, local_id: str) -> Viewer:
    with store.writing() as connection:
        row = connection.execute(
            "SELECT staff FROM identity.staff WHERE local_id = %s", [local_id]
        ).fetchone()
    assert row is not None
    return Viewer(local_id, staff=row[0])


def seen(store: Store, viewer: Viewer, at: datetime = AT, part: Part = Part.FACTS) -> set[str]:
    whole = sight(store, viewer, at)
    names = {number: store.resolve_student(number) for number in "123"}
    return {number for number, key in names.items() if whole.may_see(key, part)}


def count(store: Store, asker: Asker, query: str = EVERYONE) -> int:
    with store.writing_as(asker) as connection:
        row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def test_a_guardian_sees_a_child_under_18_where_a_record_says_so(store: Store):
    # Ben turned 18 on that very day, of Cai nobody knows, and Yan has no right to Ada.
    assert seen(store, Viewer("g1", guardian="g1")) == {"1"}
    assert seen(store, Viewer("g2", guardian="g2")) == set()
    the_day_before = AT - timedelta(days=1)
    assert seen(store, Viewer("g1", guardian="g1"), the_day_before) == set(), "not yet imported"


def test_from_18_on_a_student_sees_what_the_guardian_does_no_more(store: Store):
    ben, ada = (store.resolve_student(number) for number in "21")
    assert seen(store, Viewer("2", student=ben)) == {"2"}
    assert seen(store, Viewer("1", student=ada)) == set()


def test_a_caseload_of_one_day_is_one_day(store: Store):
    counselor = staff(store, "counsels")
    assert seen(store, counselor) == {"1"}
    assert seen(store, counselor, AT + timedelta(days=1)) == set()


def test_a_student_who_left_is_no_more_the_schools(store: Store):
    assert seen(store, staff(store, "head")) == {"1"}


def test_sealed_names_open_behind_the_second_lock_for_whom_may_see_them(store: Store):
    keys = [store.resolve_student(number) for number in "123"]
    for who, names in (("counsels", [("Ada", "A")]), ("looks", [])):
        with store.writing_as(staff(store, who).asking(AT)) as connection:
            found = permitted_names(connection, keys)
        assert found.select("first_name", "last_name").rows() == names


def test_an_analyst_sees_no_name(store: Store):
    analyst = staff(store, "looks")
    assert seen(store, analyst) == {"1", "2", "3"}
    assert seen(store, analyst, part=Part.NAMES) == set()
    asker = analyst.asking(AT)
    assert count(store, asker, "SELECT count(*) FROM access.names") == 0
    assert count(store, asker, "SELECT count(*) FROM records.students") == 0
    with pytest.raises(InsufficientPrivilege):
        count(store, asker, "SELECT count(local_id) FROM identity.student")


def test_nobody_who_is_nobody_sees_anybody(store: Store):
    assert seen(store, NOBODY) == set()
    assert count(store, NOBODY.asking(AT)) == 0
    with store.writing() as connection:
        connection.execute(f"SET LOCAL ROLE {ROLE}")
        assert connection.execute(EVERYONE).fetchone() == (0,), "a session that said nothing"


def test_what_was_said_in_one_transaction_is_forgotten_in_the_next(store: Store):
    assert count(store, staff(store, "looks").asking(AT)) == 3
    with store.writing() as connection:
        left = connection.execute("SELECT current_setting('edupulse.staff', true)").fetchone()
        assert not left or not left[0]
        assert connection.execute(EVERYONE).fetchone() == (3,), "the owner again"


def test_another_asker_in_the_same_transaction_sees_only_the_own(store: Store):
    """What the lock found is kept for a transaction, and for that asker alone."""
    head, looks = staff(store, "head"), staff(store, "looks")
    summer = AT.replace(month=8)
    with store.writing_as(head.asking(AT)) as connection:
        for asker, seen_now in (
            (head.asking(AT), 1),
            (NOBODY.asking(AT), 0),
            (looks.asking(AT), 3),
            (head.asking(summer), 0),
            (head.asking(AT), 1),
        ):
            asking.ask_as(connection, asker)
            assert connection.execute(EVERYONE).fetchone() == (seen_now,)


def test_reading_for_a_viewer_goes_by_the_same_lock(store: Store):
    query = SQL("SELECT count(*) AS n FROM records.attendance")
    with store.snapshot_as(staff(store, "counsels").asking(AT)) as reading:
        assert reading.rows(query)["n"].item() == 1
    with store.snapshot() as reading:
        assert reading.rows(query)["n"].item() == 4


def test_the_role_changes_no_record_and_reads_no_demographics(store: Store):
    asker = staff(store, "head").asking(AT)
    for query in (
        "UPDATE records.attendance SET reason = 'x'",
        "DELETE FROM records.marks",
        "UPDATE state.risks SET risk = 0",
        "SELECT 1 FROM apart.demographics",
        "SELECT 1 FROM records.staff",
        "SELECT 1 FROM state.audit",
        "INSERT INTO state.audit SELECT * FROM state.audit",
        "DELETE FROM state.audit",
        "TRUNCATE state.audit",
        "UPDATE identity.district SET guardians_see_scores = true",
    ):
        with pytest.raises(InsufficientPrivilege):
            count(store, asker, query)


def test_a_risk_is_written_of_the_writers_own_students_alone(store: Store):
    asker = staff(store, "counsels").asking(AT)
    insert = (
        "INSERT INTO state.risks (id, student, as_of, method, policy, state, body) VALUES"
        " (gen_random_uuid(), {}, now(), 'test', '1', 'rules_only', '{{}}') RETURNING 1"
    )
    assert count(store, asker, insert.format(store.resolve_student("1"))) == 1
    with pytest.raises(InsufficientPrivilege):
        count(store, asker, insert.format(store.resolve_student("3")))


def test_every_table_that_names_a_student_is_under_the_lock(store: Store):
    named = {
        f"{table.schema}.{table.name}"
        for table in metadata.tables.values()
        if "student" in table.columns
    }
    with store.writing() as connection:
        rows = connection.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE rowsecurity"
        ).fetchall()
    assert named <= {row[0] for row in rows}


def test_without_the_role_nobody_is_shown_anything(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asking, "ROLE", "edupulse_not_there")
    asker = staff(store, "looks").asking(AT)
    with pytest.raises(NotReady, match="role"), store.writing_as(asker):
        pass
    with pytest.raises(NotReady), store.snapshot_as(asker):
        pass


def test_a_user_who_may_make_no_role_opens_the_store_and_the_doctor_knows(
    empty_database: Callable[[], str],
):
    url = empty_database()
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("CREATE ROLE small_owner LOGIN PASSWORD 'small' NOSUPERUSER")
        server.execute("CREATE DATABASE small_owners OWNER small_owner")
    before, _, after = url.partition("@")
    host = after.partition("/")[0]
    scheme = before.partition("://")[0]
    with open_store(f"{scheme}://small_owner:small@{host}/small_owners") as opened:
        with opened.writing() as connection:
            assert not is_secured(connection)
        with pytest.raises(NotReady), opened.writing_as(Asker(AT)):
            pass


def test_an_asking_without_a_time_zone_is_refused():
    with pytest.raises(BadInput):
        Asker(AT.replace(tzinfo=None))
