"""Finding the person behind a login: by login, else by e-mail, and never one of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edupulse.pipeline.intake import intake
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import people
from edupulse.store.store import Store, open_store

SCHOOLS = "school_id,name\nN,North\nS,South\n"
STUDENTS = "student_id\n1\n2\n3\n"
STAFF = """staff_id,name,email,login,role,school_id
t1,Ann Teach,Ann@School.example,ann,teacher,N
t1,Ann Teach,Ann@School.example,ann,counselor,S
t2,Bob Head,bob@school.example,ann@school.example,school_admin,N
t3,Cy Twin,twin@school.example,,teacher,N
t4,Di Twin,twin@school.example,,teacher,N
t5,Ed Former,ed@school.example,ed,teacher,N
"""
GUARDIANS = """student_id,guardian_id,name,email,phone,may_see_records
1,g1,Zoe Parent,zoe@home.example,555-0101,true
2,g1,Zoe Parent,zoe@home.example,555-0101,false
2,g2,Yan Parent,shared@home.example,555-0102,true
3,g3,Xia Parent,Shared@Home.example,555-0103,true
"""


@pytest.fixture(scope="module")
def store(
    empty_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        _imported(opened, tmp_path_factory.mktemp("first"), STAFF)
        without_former = "".join(
            line for line in STAFF.splitlines(keepends=True) if "Former" not in line
        )
        _imported(opened, tmp_path_factory.mktemp("then"), without_former, snapshot=True)
        yield opened


def _imported(store: Store, folder: Path, staff: str, *, snapshot: bool = False) -> None:
    files = {"schools": SCHOOLS, "students": STUDENTS, "staff": staff, "guardians": GUARDIANS}
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content)
    intake(store, csv_folder(folder), now=datetime.now(UTC), snapshot=snapshot, home=folder)


def staff_found(store: Store, name: str) -> str | None:
    with store.writing() as connection:
        key = people.staff_by_login(connection, name)
        row = connection.execute("SELECT local_id FROM identity.staff WHERE staff = %s", [key])
        found = row.fetchone()
    return None if found is None else str(found[0])


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("ann", "t1"),
        (" ANN ", "t1"),
        ("bob@school.example", "t2"),
        ("ann@school.example", "t2"),
        ("twin@school.example", None),
        ("ed", None),
        ("nobody", None),
        ("", None),
    ],
    ids=[
        "by the login, though the person works at two schools",
        "whatever the case",
        "by the e-mail where it is no login",
        "a login goes before another's e-mail",
        "an e-mail of two is nobody's",
        "one who left is not there",
        "an unknown name",
        "no name",
    ],
)
def test_a_member_of_staff_is_found_by_login_else_by_email(
    store: Store, name: str, who: str | None
):
    assert staff_found(store, name) == who


@pytest.mark.parametrize(
    ("email", "who"),
    [("ZOE@home.example", "g1"), ("shared@home.example", None), ("nobody@home.example", None)],
)
def test_a_guardian_is_found_by_email_alone_if_it_is_nobody_elses(
    store: Store, email: str, who: str | None
):
    with store.writing() as connection:
        assert people.guardian_by_email(connection, email) == who
