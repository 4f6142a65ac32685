"""OneRoster over real HTTP: signing in, paging, patience with a bad server, and what changed."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edupulse.school.errors import BadInput, NotReady, SourceDown
from edupulse.school.records import ENROLLMENTS, KINDS, MARKS, SCALES, STAFF, STUDENTS
from edupulse.sources.oneroster.api import oneroster_api
from edupulse.sources.oneroster.delivery import OneRoster
from edupulse.sources.web import Credentials, Service
from sources.oneroster.server import (
    CREDENTIALS,
    PATIENCE,
    Provider,
    as_json,
    asking,
    serving,
)
from sources.oneroster.tables import Tables, delivery_of, notes, records, result, small, values

LATE = "2025-11-01T00:00:00.000Z"
SINCE = "2025-10-01T00:00:00Z"


def read(
    provider: Provider, folder: Path, since: str | None = None, *, size: int = 2, oauth: int = 2
) -> OneRoster:
    with asking(provider) as (service, token_url):
        return oneroster_api(
            service,
            CREDENTIALS,
            folder / "reading",
            token_url=token_url if oauth == 2 else None,
            since=since,
            size=size,
        )


def everything(delivery: OneRoster) -> dict[str, list[tuple[object, ...]]]:
    """All records, without where they stood."""
    found = {}
    for kind in KINDS:
        if delivery.has(kind):
            frame = records(delivery, kind).drop("file", "line")
            found[kind.name] = sorted(frame.rows(), key=str)
    return found


def dated(tables: Tables) -> Tables:
    """The tables with the dates that the service has."""
    when = {"dateLastModified": "2025-08-01T00:00:00.000Z"}
    return {name: [{**row, **when} for row in rows] for name, rows in tables.items()}


@pytest.mark.parametrize("by_link", [True, False])
@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_rest_says_what_the_files_say(
    tmp_path: Path, by_link: bool, counts: bool, size: int
) -> None:
    provider = Provider.of(small(), by_link=by_link, counts=counts)
    delivery = read(provider, tmp_path, size=size)
    files = delivery_of(tmp_path / "files", dated(small()))
    assert everything(delivery) == everything(files)
    assert not delivery.ledger.rejections.height


def test_a_token_is_asked_for_with_the_scopes_of_reading_and_renewed(tmp_path: Path) -> None:
    provider = Provider.of(small())
    provider.before_page = lambda path, _: provider.tokens.clear() if path == "users" else None
    assert values(read(provider, tmp_path), STUDENTS, "student_id") == [("1",), ("2",)]
    assert sum(path == "/token" for path in provider.asked) > 1
    assert all(scope.endswith(".readonly") for scope in provider.scopes)


def test_a_signature_of_oauth_1_is_made_for_each_question(tmp_path: Path) -> None:
    delivery = read(Provider.of(small()), tmp_path, oauth=1)
    assert values(delivery, STUDENTS, "student_id") == [("1",), ("2",)]


def test_a_signature_that_was_spent_on_an_error_is_made_anew(tmp_path: Path) -> None:
    """The server refuses a nonce that it has seen, so a plain retry would end in 401."""
    provider = Provider.of(small())
    failed = set()

    def once(_: int, path: str) -> int | None:
        if path.endswith("users") and path not in failed:
            failed.add(path)
            return 500
        return None

    provider.trouble = once
    delivery = read(provider, tmp_path, oauth=1)
    assert values(delivery, STUDENTS, "student_id") == [("1",), ("2",)]


def test_a_wrong_secret_is_refused_by_either_way(tmp_path: Path) -> None:
    wrong = Credentials("key", "guess")
    with (
        asking(Provider.of(small())) as (service, token_url),
        pytest.raises(BadInput, match="refuses the key"),
    ):
        oneroster_api(service, wrong, tmp_path / "a", token_url=token_url)
    with (
        asking(Provider.of(small())) as (service, _),
        pytest.raises(BadInput, match="refuses the token"),
    ):
        oneroster_api(service, wrong, tmp_path / "b")


def test_an_address_without_its_version_is_refused(tmp_path: Path) -> None:
    with serving(Provider()) as address:
        with pytest.raises(BadInput, match="which version"):
            oneroster_api(Service(address, PATIENCE), CREDENTIALS, tmp_path)
        service = Service(f"{address}ims/oneroster/rostering/v1p2", PATIENCE)
        with pytest.raises(BadInput, match="signs in by OAuth 2"):
            oneroster_api(service, CREDENTIALS, tmp_path)


def test_roles_score_scales_and_the_gradebook_of_1_2_are_found(tmp_path: Path) -> None:
    provider = Provider.of(small(), base="ims/oneroster/rostering/v1p2")
    for user in provider.held["users"]:
        role, orgs = user.pop("role"), user.pop("orgs")
        user["roles"] = [{"roleType": "primary", "role": role, "org": orgs[0]}]
    provider.held["scoreScales"] = [
        {
            "sourcedId": "sc",
            "title": "Letters",
            "type": "Percent",
            "class": {"sourcedId": "alg-f"},
            "scoreScaleValue": [{"itemValueLHS": "A", "itemValueRHS": "95"}],
        }
    ]
    provider.held["results"].append(
        {
            "sourcedId": "r3",
            "lineItem": {"sourcedId": "i"},
            "student": {"sourcedId": "2"},
            "textScore": "A",
            "scoreScale": {"sourcedId": "sc"},
            "missing": False,
        }
    )
    delivery = read(provider, tmp_path)
    assert values(delivery, STAFF, "staff_id", "role") == [("t", "teacher")]
    assert values(delivery, SCALES, "code", "percent") == [("A", 95_000)]
    assert ("2", 95_000) in values(delivery, MARKS, "student_id", "points")


@pytest.mark.parametrize("what", [500, 503, "cut", "retry-after"])
def test_trouble_that_passes_costs_only_time(tmp_path: Path, what: int | str) -> None:
    provider = Provider.of(small())
    provider.trouble = lambda number, _: what if number in (1, 4, 9) else None
    begun = time.monotonic()
    delivery = read(provider, tmp_path)
    if what == "retry-after":
        assert time.monotonic() - begun >= 3
    assert everything(delivery) == everything(delivery_of(tmp_path / "files", dated(small())))


def test_a_reading_that_was_cut_goes_on_where_it_was(tmp_path: Path) -> None:
    provider = Provider.of(small())
    provider.trouble = lambda _, path: 500 if path.endswith("lineItems") else None
    with asking(provider) as (service, token_url):
        with pytest.raises(SourceDown, match="answers HTTP 500"):
            oneroster_api(service, CREDENTIALS, tmp_path / "r", token_url=token_url, size=2)
        provider.trouble = lambda _number, _path: None
        provider.asked.clear()
        delivery = oneroster_api(service, CREDENTIALS, tmp_path / "r", token_url=token_url, size=2)
    again = {path.partition("?")[0].rpartition("/")[2] for path in provider.asked}
    assert again == {"token", "orgs", "lineItems", "results"}
    assert sum("/orgs" in path for path in provider.asked) == 1  # what time is it there?
    assert everything(delivery) == everything(delivery_of(tmp_path / "files", dated(small())))


def test_what_was_read_for_another_question_or_long_ago_is_not_gone_on_with(tmp_path: Path) -> None:
    provider = Provider.of(small())

    def asks_for_users(since: str | None) -> bool:
        provider.asked.clear()
        oneroster_api(service, CREDENTIALS, tmp_path / "r", token_url=token_url, since=since)
        return any("/users" in path for path in provider.asked)

    with asking(provider) as (service, token_url):
        assert asks_for_users(None)
        assert not asks_for_users(None)
        assert asks_for_users(SINCE)
        assert not asks_for_users(SINCE)
        state = tmp_path / "r" / "state.json"
        state.write_text(state.read_text().replace('"began": "20', '"began": "19'))
        assert asks_for_users(SINCE)


def test_the_pages_are_private_and_gone_when_the_records_are_kept(tmp_path: Path) -> None:
    delivery = read(Provider.of(small()), tmp_path)
    assert (tmp_path / "reading").stat().st_mode & 0o077 == 0
    delivery.finish()
    assert not (tmp_path / "reading").exists()


@pytest.mark.parametrize("by_link", [True, False])
def test_what_goes_while_pages_are_read_hides_nothing(tmp_path: Path, by_link: bool) -> None:
    tables = small()
    tables["users"] = [{**tables["users"][0], "sourcedId": f"u{n}"} for n in range(9)]
    provider = Provider.of(tables, by_link=by_link)
    gone = iter(["u0", "u4"])

    def one_goes(path: str, offset: int) -> None:
        if path == "users" and offset and (name := next(gone, None)):
            users = provider.held["users"]
            provider.held["users"] = [user for user in users if user["sourcedId"] != name]

    provider.before_page = one_goes
    students = {student for (student,) in values(read(provider, tmp_path), STUDENTS, "student_id")}
    assert {f"u{n}" for n in (1, 2, 3, 5, 6, 7, 8)} <= students


def test_what_never_stands_still_is_read_and_said(tmp_path: Path) -> None:
    provider = Provider.of(small())
    number = iter(range(1000))

    def one_comes(path: str, _: int) -> None:
        if path == "users":
            user = provider.held["users"][0]
            provider.held["users"].append({**user, "sourcedId": f"a{next(number)}"})

    provider.before_page = one_comes
    delivery = read(provider, tmp_path)
    assert any("changed while it was read" in what for _, what in notes(delivery))


def test_a_service_that_leads_in_a_circle_is_left(tmp_path: Path) -> None:
    provider = Provider.of(small(), is_stuck=True)
    with pytest.raises(SourceDown, match="in a circle"):
        read(provider, tmp_path, size=1)


def test_a_service_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    provider = Provider.of(small(), leads_to="https://elsewhere.example")
    with pytest.raises(BadInput, match=r"another host, elsewhere\.example"):
        read(provider, tmp_path, size=1)


def test_no_json_is_an_error_of_the_service(tmp_path: Path) -> None:
    provider = Provider.of(small())
    provider.trouble = lambda _, path: "no json" if path.endswith("classes") else None
    with pytest.raises(SourceDown, match="no JSON"):
        read(provider, tmp_path)


def test_what_the_service_does_not_have_is_not_observed(tmp_path: Path) -> None:
    tables = small()
    del tables["results"], tables["lineItems"], tables["categories"]
    delivery = read(Provider.of(tables), tmp_path)
    assert not delivery.has(MARKS)
    assert delivery.has(ENROLLMENTS)
    assert notes(delivery)["results", "the service has it not, or not for this key"] == 1


def test_what_changed_is_read_to_its_last_page(tmp_path: Path) -> None:
    """The address of the next page has the filter's own `>` in it, as some services write it."""
    provider = Provider.of(small())
    for n in range(5):
        changed = as_json(result(f"n{n}", "1", str(n))) | {"dateLastModified": LATE}
        provider.held["results"].append(changed)
    delivery = read(provider, tmp_path, since=SINCE)
    assert records(delivery, MARKS).height == 5
    assert not any("changed while it was read" in what for what in notes(delivery))


def test_since_the_last_time_only_changed_results_are_read(tmp_path: Path) -> None:
    tables = small()
    tables["results"][0]["dateLastModified"] = LATE
    delivery = read(Provider.of(tables), tmp_path, since=SINCE)
    assert values(delivery, MARKS, "student_id", "points") == [("1", 8_500)]
    assert values(delivery, ENROLLMENTS, "student_id") == [("1",), ("2",)]


def test_of_a_line_item_that_changed_all_results_are_read_again(tmp_path: Path) -> None:
    tables = small()
    tables["lineItems"][0] |= {"dateLastModified": LATE, "resultValueMax": "20"}
    delivery = read(Provider.of(tables), tmp_path, since=SINCE)
    marks = values(delivery, MARKS, "student_id", "points_possible")
    assert marks == [("1", 20_000), ("2", 20_000)]


def test_how_far_it_was_read_is_by_the_services_own_clock(tmp_path: Path) -> None:
    first = read(Provider.of(small()), tmp_path)
    assert isinstance(first.through, str)
    assert len(first.through) == len(SINCE)
    silent = read(Provider.of(small(), tells_time=False), tmp_path / "b")
    assert silent.through is None


def test_a_service_that_does_not_filter_is_to_be_read_whole(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="Read it whole"):
        read(Provider.of(small(), filters=False), tmp_path, since=SINCE)


@settings(max_examples=12)
@given(
    at=st.dictionaries(st.integers(1, 25), st.sampled_from([500, 503, "cut"]), max_size=6),
    size=st.integers(1, 4),
    by_link=st.booleans(),
)
def test_whatever_goes_wrong_and_however_pages_are_cut_the_records_are_the_same(
    at: dict[int, int | str], size: int, by_link: bool
) -> None:
    tables = small()
    tables["results"] += [result(f"x{n}", "1", str(n), lineItemSourcedId="i") for n in range(3)]
    provider = Provider.of(tables, by_link=by_link)
    provider.trouble = lambda number, _: at.get(number)
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            delivery = read(provider, folder, size=size)
        except SourceDown:
            delivery = read(provider, folder, size=size)
        assert everything(delivery) == everything(delivery_of(folder / "files", dated(tables)))
