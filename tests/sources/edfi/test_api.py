"""The ODS/API over real HTTP: signing in, paging, patience with a bad server, and what changed."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edupulse.school.errors import BadInput, NotReady, SourceDown
from edupulse.school.kind import Kind
from edupulse.school.records import ATTENDANCE, INCIDENTS, MARKS, SECTION_STUDENTS, STUDENTS
from edupulse.sources.edfi.api import edfi_api
from edupulse.sources.edfi.delivery import EdFi
from edupulse.sources.edfi.folder import edfi_folder
from edupulse.sources.web import Answer, Credentials, Patience, Service
from sources.edfi.interchange import SECTION, day, in_section, notes, period, records, write_xml
from sources.edfi.ods import CREDENTIALS, Ods, serving

EVENTS = "studentSchoolAttendanceEvents"


def students(count: int) -> list[dict[str, str]]:
    return [
        {"id": f"s{n}", "studentUniqueId": str(n), "firstName": f"F{n}", "lastSurname": "L"}
        for n in range(count)
    ]


def read(ods: Ods, since: int | None = None, size: int = 3) -> EdFi:
    with serving(ods) as service:
        return edfi_api(service, CREDENTIALS, since=since, size=size)


def ids(delivery: EdFi, kind: Kind = STUDENTS) -> list[str]:
    return sorted(records(delivery, kind)["student_id"], key=int)


def gone(delivery: EdFi, kind: Kind) -> list[tuple[object, ...]]:
    """The keys of what the source says is no more."""
    frames = [batch.gone for batch in delivery.batches(kind) if batch.gone is not None]
    return sorted((row for frame in frames for row in frame.rows()), key=str)


@pytest.fixture(params=[True, False], ids=["by token", "by offset"])
def ods(request: pytest.FixtureRequest) -> Ods:
    return Ods(cursor=request.param)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 10])
def test_all_pages_are_read(ods: Ods, count: int) -> None:
    ods.put("students", *students(count))
    delivery = read(ods)
    assert ids(delivery) == [str(n) for n in range(count)]
    assert delivery.ledger.read(STUDENTS) == count
    assert delivery.has(STUDENTS)
    assert delivery.through == count


def test_a_service_that_allows_smaller_pages_alone_gets_these(ods: Ods) -> None:
    ods.most = 30
    ods.put("students", *students(60))
    assert len(ids(read(ods, size=500))) == 60


def test_a_service_without_a_total_is_read_to_an_empty_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ods = Ods(cursor=False)
    ods.put("students", *students(7))
    listed = ods.listed
    monkeypatch.setattr(
        ods, "listed", lambda path, query: listed(path, {**query, "totalCount": "no"})
    )
    monkeypatch.setattr("edupulse.sources.edfi.paging._TOTAL", "X-None")
    assert ids(read(ods)) == [str(n) for n in range(7)]


def test_what_is_deleted_meanwhile_hides_nothing(ods: Ods) -> None:
    """Paging forwards by offset would skip a student each time one before it goes."""
    ods.put("students", *students(12))

    def delete_one(path: str, number: int) -> None:
        if path == "students" and 2 <= number <= 3:
            ods.delete("students", f"s{number - 2}", {"studentUniqueId": str(number - 2)})

    if not ods.cursor:
        ods.before_page = delete_one
    assert set(ids(read(ods))) >= {str(n) for n in range(2, 12)}


def test_what_changes_meanwhile_comes_next_time(ods: Ods) -> None:
    ods.put("students", *students(6))

    def change_one(path: str, number: int) -> None:
        if path == "students" and number == 1:
            ods.put("students", {**students(1)[0], "firstName": "New"}, *students(8)[6:])

    ods.before_page = change_one
    first = read(ods)
    ods.before_page = lambda _path, _number: None
    assert first.through == 6
    second = read(ods, since=first.through)
    assert {*ids(first), *ids(second)} == {str(n) for n in range(8)}
    names = records(second, STUDENTS).filter(student_id="0")["first_name"].to_list()
    assert names == ["New"]


@pytest.mark.parametrize("trouble", [500, 502, 503, "cut", "retry-after"])
def test_a_server_that_stumbles_is_asked_again(ods: Ods, trouble: int | str) -> None:
    ods.put("students", *students(10))
    ods.trouble = lambda number, _: trouble if number in (1, 4, 12) else None
    began = time.monotonic()
    assert ids(read(ods)) == [str(n) for n in range(10)]
    if trouble == "retry-after":
        assert time.monotonic() - began >= 3


def test_a_server_that_only_fails_is_told_as_such(ods: Ods) -> None:
    ods.trouble = lambda _number, path: 500 if path.endswith("students") else None
    with pytest.raises(SourceDown, match="HTTP 500, 4 times"):
        read(ods)


def test_a_connection_that_is_always_cut_is_told_as_such(ods: Ods) -> None:
    ods.trouble = lambda _number, path: "cut" if path.endswith("students") else None
    with pytest.raises(SourceDown, match="does not answer"):
        read(ods)


def test_an_answer_that_is_no_json_is_told_as_such(ods: Ods) -> None:
    ods.trouble = lambda _number, path: "no json" if path.endswith("students") else None
    with pytest.raises(SourceDown, match="no JSON"):
        read(ods)


def test_json_without_bottom_is_told_as_such() -> None:
    answer = Answer("https://x", 200, {}, b"[" * 100_000)
    with pytest.raises(SourceDown, match="no JSON"):
        answer.json()


def test_a_wrong_key_is_told_and_the_secret_is_not(ods: Ods) -> None:
    with serving(ods) as service, pytest.raises(BadInput, match="refuses the key") as told:
        edfi_api(service, Credentials("key", "wr0ng"))
    assert "wr0ng" not in str(told.value)
    assert "s3cret" not in repr(CREDENTIALS)


def test_a_token_that_has_run_out_is_renewed(ods: Ods) -> None:
    ods.put("students", *students(10))

    def run_out(number: int, _: str) -> None:
        if number == 7:
            ods.tokens.clear()

    ods.trouble = run_out
    assert ids(read(ods)) == [str(n) for n in range(10)]
    assert sum("oauth" in asked for asked in ods.asked) == 2


def test_what_the_key_may_not_read_is_not_observed(ods: Ods) -> None:
    ods.put("students", *students(1))
    ods.put(EVENTS, day("2025-09-01", "Tardy"))
    ods.absent = {EVENTS, "studentSectionAttendanceEvents"}
    delivery = read(ods)
    assert not delivery.has(ATTENDANCE)
    assert any("not read" in what for what in notes(delivery))


def test_another_host_is_never_asked() -> None:
    service = Service("https://ods.example.org/api")
    with pytest.raises(BadInput, match="another host"):
        service.get("https://evil.example.org/oauth/token")
    with pytest.raises(BadInput, match="another host"):
        service.get("//evil.example.org/data")


@pytest.mark.parametrize("url", ["http://ods.example.org", "ftp://x", "nonsense", "https://[x"])
def test_records_travel_by_https_alone(url: str) -> None:
    with pytest.raises(BadInput):
        Service(url)


def test_the_api_gives_the_same_records_as_the_xml(ods: Ods, tmp_path: Path) -> None:
    events = [
        day("2025-09-01", "Excused Absence", eventDuration=0.5),
        day("2025-09-02", "Unexcused Absence", "8"),
    ]
    periods = [period("2025-09-02", "Tardy"), period("2025-09-03", "Unexcused Absence")]
    ods.put(EVENTS, *events)
    ods.put("studentSectionAttendanceEvents", *periods)
    ods.put("studentSectionAssociations", in_section())
    write_xml(tmp_path / "a.xml", "StudentSchoolAttendanceEvent", events)
    write_xml(tmp_path / "b.xml", "StudentSectionAttendanceEvent", periods)
    write_xml(tmp_path / "c.xml", "StudentSectionAssociation", [in_section()])
    by_api, by_xml = (
        records(delivery, ATTENDANCE).drop("file", "line").sort("student_id", "date")
        for delivery in (read(ods), edfi_folder(tmp_path))
    )
    assert by_api.height == 4
    assert by_api.equals(by_xml)


EVENT_KEY = {
    "studentUniqueId": "7",
    "schoolId": 1,
    "schoolYear": 2026,
    "sessionName": "Fall",
    "eventDate": "2025-09-01",
    "attendanceEventCategoryDescriptor": "uri://ed-fi.org/AttendanceEventCategoryDescriptor#Tardy",
}


def test_a_deleted_event_takes_its_day_back_and_keeps_what_still_holds(ods: Ods) -> None:
    ods.put(EVENTS, {"id": "e1", **day("2025-09-01", "Tardy")}, day("2025-09-01", "Partial"))
    ods.put(
        EVENTS, day("2025-09-05", "Tardy", "9"), {"id": "e2", **day("2025-09-01", "Tardy", "8")}
    )
    before = read(ods)
    ods.delete(EVENTS, "e1", EVENT_KEY)
    delivery = read(ods, since=before.through)
    assert gone(delivery, ATTENDANCE) == [
        ("7", "1", date(2025, 9, 1), None),
        ("8", "1", date(2025, 9, 1), None),
    ]
    assert records(delivery, ATTENDANCE)["student_id"].to_list() == ["8"]


def test_without_a_change_nothing_that_students_do_is_read(ods: Ods) -> None:
    ods.put(EVENTS, day("2025-09-01", "Tardy"))
    before = read(ods)
    ods.asked.clear()
    delivery = read(ods, since=before.through)
    assert not delivery.has(ATTENDANCE)
    assert not any("students" in asked for asked in ods.asked)


def test_an_old_key_is_taken_back(ods: Ods) -> None:
    ods.put("studentSectionAssociations", {"id": "a", **in_section()})
    before = read(ods)
    old = {"studentUniqueId": "7", "beginDate": "2025-09-01", **SECTION}
    ods.change_key("studentSectionAssociations", "a", old, {"beginDate": "2025-09-08"})
    delivery = read(ods, since=before.through)
    assert records(delivery, SECTION_STUDENTS)["entered_on"].to_list() == [date(2025, 9, 8)]
    [key] = gone(delivery, SECTION_STUDENTS)
    assert key == ("1/2026/Fall/ALG-1/ALG", "7", date(2025, 9, 1))


def test_a_deleted_mark_is_named_without_its_section(ods: Ods) -> None:
    entry = {"gradebookEntryIdentifier": "a1", "namespace": "uri://x"}
    ods.put(
        "gradebookEntries",
        {"id": "g", **entry, "sectionReference": SECTION, "dueDate": "2025-09-10"},
    )
    ods.put(
        "studentGradebookEntries",
        {
            "id": "m",
            "gradebookEntryReference": entry,
            "studentReference": {"studentUniqueId": "7"},
            "pointsEarned": 3,
        },
    )
    before = read(ods)
    assert records(before, MARKS)["student_id"].to_list() == ["7"]
    ods.delete("studentGradebookEntries", "m", {**entry, "studentUniqueId": "7"})
    ods.delete("gradebookEntries", "g", entry)
    delivery = read(ods, since=before.through)
    assert gone(delivery, MARKS) == [("7", None, "a1/uri://x")]


def test_a_changed_behavior_brings_the_whole_incident(ods: Ods) -> None:
    ods.put(
        "disciplineIncidents",
        {
            "incidentIdentifier": "1",
            "schoolReference": {"schoolId": 1},
            "incidentDate": "2025-10-01",
        },
    )

    def part(identifier: str, behavior: str) -> dict[str, object]:
        return {
            "id": identifier,
            "studentReference": {"studentUniqueId": "7"},
            "disciplineIncidentReference": {"incidentIdentifier": "1", "schoolId": 1},
            "behaviorDescriptor": f"uri://x#{behavior}",
        }

    path = "studentDisciplineIncidentBehaviorAssociations"
    ods.put(path, part("b1", "Fighting"), part("b2", "Phone"))
    before = read(ods)
    ods.put(path, {**part("b2", "Phone"), "behaviorDetailedDescription": "again"})
    delivery = read(ods, since=before.through)
    assert records(delivery, INCIDENTS)["behavior"].to_list() == ["Fighting"]


def test_changes_cannot_be_asked_of_a_service_without_them(ods: Ods) -> None:
    ods.has_changes = False
    ods.put("students", *students(4))
    assert read(ods).through is None
    with pytest.raises(NotReady, match="no change queries"):
        read(ods, since=0)


def test_a_service_that_was_set_back_is_told_as_such(ods: Ods) -> None:
    with pytest.raises(NotReady, match="set back"):
        read(ods, since=99)


_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(1, 5),
        st.sampled_from(["Excused Absence", "Unexcused Absence", "Tardy", "Partial"]),
        st.sampled_from([None, 0.25, 0.5, 1]),
    ),
    unique_by=lambda event: event[:3],
    max_size=25,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(_EVENTS, st.integers(1, 7), st.integers(1, 7), st.booleans(), st.randoms())
def test_whatever_the_order_and_the_slicing_the_same_records_result(
    events: list[tuple[int, int, str, float | None]],
    size: int,
    other_size: int,
    cursor: bool,
    random: object,
) -> None:
    contents = [
        {"id": f"e{n}", **day(f"2025-09-0{on}", what, str(who), eventDuration=part)}
        for n, (who, on, what, part) in enumerate(events)
    ]
    shuffled = list(contents)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = Ods(cursor=cursor), Ods(cursor=not cursor)
    one.put(EVENTS, *contents)
    other.put(EVENTS, *shuffled, *shuffled[:3])
    frames = [_all(read(ods, size=pages)) for ods, pages in ((one, size), (other, other_size))]
    assert frames[0].equals(frames[1])


def _all(delivery: EdFi) -> pl.DataFrame:
    return records(delivery, ATTENDANCE).drop("file", "line").sort("student_id", "date", "status")


_TROUBLES = st.lists(st.sampled_from([None, None, None, 500, 503, "cut"]), max_size=60)


@settings(max_examples=25)
@given(_TROUBLES, st.booleans(), st.integers(1, 12))
def test_whatever_goes_wrong_the_records_are_right_or_the_error_is_clear(
    troubles: list[int | str | None], cursor: bool, count: int
) -> None:
    ods = Ods(cursor=cursor)
    ods.put("students", *students(count))
    ods.trouble = lambda number, _: troubles[number] if number < len(troubles) else None
    with serving(ods, Patience(tries=3, pause=0, connect=2, read=2)) as service:
        try:
            delivery = edfi_api(service, CREDENTIALS, size=3)
        except SourceDown:
            return
    assert ids(delivery) == [str(n) for n in range(count)]
