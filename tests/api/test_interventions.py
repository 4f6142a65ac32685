"""Interventions: who sees the student sees the plan, who works with the student writes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from edupulse.api.app import PREFIX
from edupulse.casework.access import Part, Viewer, sight
from edupulse.store.people import staff_key
from edupulse.store.purging import purge
from edupulse.store.tables import INTERVENTIONS, SESSIONS

from .conftest import AT

PATH = f"{PREFIX}/interventions"
PLAN = {"title": "Reading group", "provider": "counselor", "begins_on": "2025-02-24",
        "sessions_per_week": 2, "minutes": 30}  # fmt: skip
SESSION = {"held_on": "2025-02-19", "minutes": 30, "attended": True}


@pytest.fixture(scope="module")
def staff(service) -> dict[str, str]:
    """A teacher with students, and one of another role for each role, by role."""
    with service.store.writing() as connection:
        rows = connection.execute(
            "SELECT i.local_id, s.role, s.staff FROM records.staff s JOIN identity.staff i"
            " USING (staff) ORDER BY i.local_id"
        ).fetchall()
    words = ["teacher", "counselor", "school_admin", "district_admin", "analyst"]
    found: dict[str, str] = {}
    for local_id, role, key in rows:
        seen = sight(service.store, Viewer(local_id, staff=key), AT)
        if seen.some or seen.everyone:
            found.setdefault(words[role], local_id)
    return found


@pytest.fixture(scope="module")
def seen_by_teacher(service, staff) -> tuple[str, str]:
    """A student of the teacher's, and one who is none."""
    with service.store.writing() as connection:
        key = staff_key(connection, staff["teacher"])
        every = [row[0] for row in connection.execute("SELECT student FROM identity.student")]
    seen = sight(service.store, Viewer("t", staff=key), AT)
    mine = next(one for one in every if seen.may_see(one, Part.PLANS))
    other = next(one for one in every if not seen.may_see(one))
    ids = service.store.student_ids([mine, other])
    return str(ids[mine]), str(ids[other])


@pytest.fixture
def ask(service, staff) -> Callable[..., object]:
    def asked(method: str, path: str, who: str = "teacher", body: dict | None = None, **more):
        headers = service.as_(staff.get(who, who)) | more.pop("headers", {})
        return service.client.request(method, path, json=body, headers=headers, **more)

    return asked


@pytest.fixture
def planned(ask, seen_by_teacher) -> dict:
    answer = ask("POST", PATH, body=PLAN | {"student_id": seen_by_teacher[0]})
    assert answer.status_code == 201
    return answer.json()


def test_a_plan_is_written_shown_and_listed(ask, planned, seen_by_teacher) -> None:
    assert {name: planned[name] for name in PLAN} == PLAN
    shown = ask("GET", f"{PATH}/{planned['id']}").json()
    assert shown == planned | {"log": []}
    of_student = ask("GET", PATH, params={"student_id": seen_by_teacher[0]}).json()["items"]
    assert planned in of_student


def test_the_log_adds_up_to_the_dose(ask, planned) -> None:
    log = f"{PATH}/{planned['id']}/log"
    for attended in (True, False, True):
        answer = ask("POST", log, body=SESSION | {"attended": attended})
        assert answer.status_code == 201
    shown = ask("GET", f"{PATH}/{planned['id']}").json()
    assert len(shown["log"]) == shown["sessions_held"] == 3
    assert (shown["sessions_attended"], shown["minutes_attended"]) == (2, 60)


def entries(service, student: str) -> list[tuple[str, str]]:
    with service.store.writing() as connection:
        return connection.execute(
            "SELECT what, purpose FROM state.audit WHERE student = %s ORDER BY number", [student]
        ).fetchall()


@pytest.mark.parametrize("end", ["", "/log", "/close"])
def test_each_look_at_a_plan_and_each_attempt_stands_under_its_student(
    service, ask, seen_by_teacher, end: str
) -> None:
    for student, status in zip(seen_by_teacher, (2, 4), strict=True):
        plan = ask("POST", PATH, "district_admin", PLAN | {"student_id": student}).json()["id"]
        before = len(entries(service, student))
        body = {"": None, "/log": SESSION, "/close": {"outcome": "completed", "reason": "It is."}}
        method = "POST" if end else "GET"
        answer = ask(method, f"{PATH}/{plan}{end}", "teacher", body[end])
        assert answer.status_code // 100 == status
        [(what, purpose)] = entries(service, student)[before:]
        assert what == ("disclosed" if status == 2 else "denied")
        assert purpose == f"{method} /interventions/{{intervention_id}}{end}"


def test_a_session_to_come_was_not_held(ask, planned) -> None:
    body = SESSION | {"held_on": "2025-02-21"}
    assert ask("POST", f"{PATH}/{planned['id']}/log", body=body).status_code == 422


def test_no_session_is_held_after_the_end_and_one_before_it_may_be_told_late(
    ask, service, planned
) -> None:
    ending = {"outcome": "stopped", "reason": "Moved."}
    ask("POST", f"{PATH}/{planned['id']}/close", body=ending)
    with service.store.writing() as connection:
        connection.execute(
            "UPDATE state.interventions SET closed = '2025-02-13T18:00Z' WHERE id = %s",
            [planned["id"]],
        )
    for day, status in (("2025-02-14", 422), ("2025-02-13", 201)):
        body = SESSION | {"held_on": day}
        assert ask("POST", f"{PATH}/{planned['id']}/log", body=body).status_code == status


def test_a_plan_that_ends_before_it_begins_is_refused(ask, seen_by_teacher) -> None:
    body = PLAN | {"student_id": seen_by_teacher[0], "ends_on": "2025-02-01"}
    assert ask("POST", PATH, body=body).status_code == 422


def test_what_has_ended_stays_so(ask, planned) -> None:
    ending, path = {"outcome": "stopped", "reason": "Moved."}, f"{PATH}/{planned['id']}/close"
    closed = ask("POST", path, body=ending).json()
    assert (closed["outcome"], bool(closed["closed"])) == ("stopped", True)
    assert ask("POST", path, body=ending).json() == closed, "the same again is the same"
    other = ask("POST", path, body=ending | {"outcome": "completed"})
    assert other.status_code == 409
    listed = {
        state: [one["id"] for one in ask("GET", PATH, params={"state": state}).json()["items"]]
        for state in ("open", "closed")
    }
    assert planned["id"] in listed["closed"]
    assert planned["id"] not in listed["open"]


def test_pages_go_on_without_a_gap(ask, seen_by_teacher) -> None:
    for _ in range(3):
        ask("POST", PATH, body=PLAN | {"student_id": seen_by_teacher[0]})
    whole = [one["id"] for one in ask("GET", PATH, params={"limit": 500}).json()["items"]]
    walked, cursor = [], None
    while cursor is not None or not walked:
        asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = ask("GET", PATH, params=asked).json()
        walked += [one["id"] for one in page["items"]]
        cursor = page["next"]
    assert walked == whole


def test_a_plan_of_a_student_out_of_sight_is_as_one_that_is_not_there(
    ask, service, planned, seen_by_teacher
) -> None:
    other = ask("POST", PATH, "district_admin", PLAN | {"student_id": seen_by_teacher[1]}).json()
    denied = denials(service)
    for path, method, body in (
        ("", "GET", None), ("/log", "POST", SESSION),
        ("/close", "POST", {"outcome": "stopped", "reason": "x"}),
    ):  # fmt: skip
        there = ask(method, f"{PATH}/{other['id']}{path}", body=body)
        nowhere = ask(method, f"{PATH}/{uuid4()}{path}", body=body)
        assert there.status_code == nowhere.status_code == 404
        assert there.json() | {"request_id": ""} == nowhere.json() | {"request_id": ""}
    assert denials(service) == denied + 6
    assert other["id"] not in [one["id"] for one in ask("GET", PATH).json()["items"]]
    plan = ask("POST", PATH, body=PLAN | {"student_id": seen_by_teacher[1]})
    assert plan.status_code == 404


def denials(service) -> int:
    with service.store.writing() as connection:
        row = connection.execute("SELECT count(*) FROM state.audit WHERE what = 'denied'")
        return row.fetchone()[0]


@pytest.mark.parametrize(
    ("who", "writes"),
    [("teacher", 201), ("school_admin", 201), ("district_admin", 201), ("analyst", 403)],
)
def test_each_role_writes_what_it_may(ask, staff, service, who: str, writes: int) -> None:
    if who not in staff:
        pytest.skip(f"the small district has no {who}")
    with service.store.writing() as connection:
        key = staff_key(connection, staff[who])
        every = [row[0] for row in connection.execute("SELECT student FROM identity.student")]
    seen = sight(service.store, Viewer(who, staff=key), AT)
    mine = next(one for one in every if seen.may_see(one))
    student = str(service.store.student_ids([mine])[mine])
    assert ask("POST", PATH, who, PLAN | {"student_id": student}).status_code == writes


@pytest.mark.parametrize("table", ["interventions", "sessions"])
def test_the_database_lets_nobody_write_for_another(
    service, staff, seen_by_teacher, planned, table: str
) -> None:
    """The second lock, asked directly: an analyst sees all plans and writes none."""
    from psycopg.errors import InsufficientPrivilege

    with service.store.writing() as connection:
        keys = {role: staff_key(connection, local) for role, local in staff.items()}
    student = service.store.resolve_student(seen_by_teacher[1])
    insert = {
        "interventions": "INSERT INTO state.interventions (id, student, title, provider, begins_on,"
        " by, planned) VALUES (gen_random_uuid(), %(student)s, 't', 'p', now(), 'b', now())",
        "sessions": "INSERT INTO state.sessions (id, intervention, student, held_on, minutes,"
        " attended, by, logged)"
        " VALUES (gen_random_uuid(), %(plan)s, %(student)s, now(), 1, true, 'b', now())",
    }[table]
    asker = Viewer("t", staff=keys["teacher"]).asking(AT)
    with (
        pytest.raises(InsufficientPrivilege, match="row-level security"),
        service.store.writing_as(asker) as connection,
    ):
        connection.execute(insert, {"student": student, "plan": planned["id"]})
    with service.store.writing_as(asker) as connection:
        seen = connection.execute(f"SELECT DISTINCT student FROM state.{table}").fetchall()
    assert student not in [row[0] for row in seen]


def test_a_plan_cut_off_before_it_was_answered_is_one(ask, service, seen_by_teacher) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    headers = service.as_("D001") | key
    body = PLAN | {"student_id": seen_by_teacher[0]}
    first = service.client.post(PATH, json=body, headers=headers).json()
    with service.store.writing() as connection:
        connection.execute("UPDATE state.requests SET status = NULL, sealed = NULL, until = began")
    assert service.client.post(PATH, json=body, headers=headers).json() == first


def test_a_purge_takes_plans_and_their_logs(ask, service, planned) -> None:
    ask("POST", f"{PATH}/{planned['id']}/log", body=SESSION)
    student = service.store.resolve_student(planned["student_id"])
    with service.store.writing() as connection, connection.transaction(force_rollback=True):
        purge(connection, student, by="a test", because="a family asked")
        for table in (INTERVENTIONS, SESSIONS):
            query = f"SELECT count(*) FROM {table.fullname} WHERE student = %s"
            assert connection.execute(query, [student]).fetchone() == (0,)


@pytest.fixture
def catalog() -> Iterator[Path]:
    path = Path(os.environ["EDUPULSE_HOME"]) / "interventions.toml"
    yield path
    path.unlink(missing_ok=True)


OPTIONS = """
[options.tutor]
title = "Tutoring"
tier = 1
evidence = "A randomised trial."
aims_at = ["grades"]

[options.mentor]
title = "A mentor"
tier = 3
evidence = "Our own comparison."
aims_at = ["attendance", "discipline"]
sessions_per_week = 2

[options.first_steps]
title = "First steps"
tier = 1
evidence = "A trial."
aims_at = ["grades"]
grade_levels = [-1, 0]
"""


def test_what_the_district_offers_is_told_the_best_shown_first(
    ask, seen_by_teacher, catalog
) -> None:
    path = f"{PREFIX}/students/{seen_by_teacher[0]}/recommendations"
    assert ask("GET", path).json() == {"items": [], "next": None}, "no catalog, nothing invented"
    catalog.write_text(OPTIONS)
    told = ask("GET", path).json()["items"]
    assert [(one["option"], one["tier"]) for one in told] == [("tutor", 1), ("mentor", 3)]
    other = f"{PREFIX}/students/{seen_by_teacher[1]}/recommendations"
    assert ask("GET", other).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "where"),
    [("tier = 1", "options.tutor.tier"), ('evidence = "A randomised trial."', "evidence")],
)
def test_a_catalog_without_evidence_is_refused(
    ask, seen_by_teacher, catalog, wrong: str, where: str
) -> None:
    catalog.write_text(OPTIONS.replace(wrong, "", 1))
    answer = ask("GET", f"{PREFIX}/students/{seen_by_teacher[0]}/recommendations")
    assert answer.status_code == 422
    assert where in answer.json()["detail"]


def test_who_has_an_open_plan_comes_later_on_the_worklist(service, planned) -> None:
    from edupulse.store.interventions import with_open_plan

    student = service.store.resolve_student(planned["student_id"])
    with service.store.writing() as connection:
        assert with_open_plan(connection, [student], AT.date()) == {student}
        connection.execute("UPDATE state.interventions SET ends_on = %s", [AT.date()])
        later = AT.date() + timedelta(days=1)
        assert with_open_plan(connection, [student], later) == set()


def test_a_plan_under_a_merged_number_is_one_of_the_student_to_whom_it_leads(
    service, planned, seen_by_teacher
) -> None:
    from edupulse.store.interventions import listed, with_open_plan

    old, new = (service.store.resolve_student(one) for one in seen_by_teacher)
    with service.store.writing() as connection, connection.transaction(force_rollback=True):
        connection.execute("DELETE FROM state.interventions WHERE student = %s", [new])
        assert with_open_plan(connection, [new], AT.date()) == set()
        connection.execute(
            "INSERT INTO records.student_ids (old_student_id, student, known_from, retracted, hash)"
            " VALUES (%s, %s, now(), false, 0)",
            [old, new],
        )
        assert with_open_plan(connection, [new], AT.date()) == {new}
        found = listed(connection, students=[new], is_open=True, after=None, limit=500)
    assert planned["id"] in [str(one.id) for one in found]
