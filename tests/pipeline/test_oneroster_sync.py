"""A OneRoster service synced night by night: whole, by what changed, cut off and gone on with."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edupulse.pipeline import opening
from edupulse.pipeline.opening import Origin, Speaks, opened
from edupulse.pipeline.syncing import Configured, Sync, sync
from edupulse.school.errors import BadInput, NotReady, SourceDown
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store, open_store
from sources.oneroster.server import CREDENTIALS, Provider, as_json, serving
from sources.oneroster.tables import result, small

NOW, NIGHT = datetime(2025, 10, 1, 2, tzinfo=UTC), timedelta(days=1)
Nightly = Callable[..., Sync]


@pytest.fixture
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        yield opened


@pytest.fixture
def provider() -> Provider:
    return Provider.of(small())


@pytest.fixture
def nightly(
    store: Store, provider: Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Nightly]:
    """Syncs the service in one night or another; its clock is that of the night."""
    monkeypatch.setenv("SIS_KEY", CREDENTIALS.key)
    monkeypatch.setenv("SIS_SECRET", CREDENTIALS.secret)
    with serving(provider) as address:
        said = {"from": "oneroster", "place": f"{address}{provider.base}", "key": "SIS_KEY"}
        source = Configured.model_validate({**said, "secret": "SIS_SECRET"})

        def nightly(night: int, store: Store = store, **how: Any) -> Sync:
            provider.clock = NOW + night * NIGHT
            return sync(store, "sis", source, now=provider.clock, home=tmp_path, **how)

        yield nightly


def new(done: Sync) -> dict[str, tuple[int, int]]:
    return {f.kind: (f.new, f.revised) for f in done.report.files if f.new or f.revised}


def points(store: Store, night: int) -> list[tuple[int | None, str | None]]:
    """The marks of student 1, as known in a night."""
    known = store.known([store.resolve_student("1")], NOW + night * NIGHT + timedelta(hours=1))
    rows = known.frames["marks"].select("points", "status").rows()
    return sorted((mark, None if status is None else str(status)) for mark, status in rows)


def test_the_first_night_is_whole_and_the_next_brings_what_changed(
    store: Store, provider: Provider, nightly: Nightly
) -> None:
    first = nightly(0)
    assert first.was_whole
    assert new(first)["marks"] == (2, 0)
    assert first.report.source.startswith("OneRoster 1.1 at http://127.0.0.1")
    changed = as_json(result("r1", "1", "9.5")) | {"dateLastModified": "2025-10-01T15:00:00.000Z"}
    provider.held["results"][0] = changed
    provider.asked.clear()
    second = nightly(1)
    assert not second.was_whole
    assert new(second) == {"marks": (0, 1)}
    assert any("filter=dateLastModified" in path for path in provider.asked)
    assert points(store, 0) == [(8_500, "scored")]
    assert points(store, 1) == [(9_500, "scored")]


def test_a_deleted_result_is_retracted_and_the_past_keeps_it(
    store: Store, provider: Provider, nightly: Nightly
) -> None:
    nightly(0)
    gone = {"status": "tobedeleted", "dateLastModified": "2025-10-01T15:00:00.000Z"}
    provider.held["results"][0] |= gone
    nightly(1)
    assert points(store, 0) == [(8_500, "scored")]
    assert points(store, 1) == []


def test_a_line_item_that_changed_or_went_changes_its_marks_from_that_night(
    store: Store, provider: Provider, nightly: Nightly
) -> None:
    nightly(0)
    item = provider.held["lineItems"][0]
    item |= {"resultValueMax": "20", "dateLastModified": "2025-10-01T15:00:00.000Z"}
    assert new(nightly(1)) == {"marks": (0, 2)}
    item |= {"status": "tobedeleted", "dateLastModified": "2025-10-02T15:00:00.000Z"}
    nightly(2)
    assert [points(store, night) for night in (0, 1, 2)] == [[(8_500, "scored")]] * 2 + [[]]


def test_a_night_without_a_change_changes_nothing(store: Store, nightly: Nightly) -> None:
    nightly(0)
    before = store.fingerprint()
    assert not nightly(1).report.changed
    assert not nightly(2, whole=True).report.changed
    assert store.fingerprint() == before


def test_a_service_that_does_not_filter_is_read_whole_each_night(
    provider: Provider, nightly: Nightly
) -> None:
    provider.filters = False
    assert nightly(0).was_whole
    assert nightly(1).was_whole


def reading() -> list[Path]:
    return [path for path in (edupulse_home() / "reading").glob("*") if path.is_dir()]


def test_a_night_that_was_cut_off_goes_on_and_leaves_nothing_lying_about(
    store: Store,
    provider: Provider,
    nightly: Nightly,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("EDUPULSE_HOME", str(tmp_path / "own"))

    def cut_off(what: str, _part: float) -> None:
        if what == "marks":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nightly(0, told=cut_off)
    assert len(reading()) == 1
    provider.asked.clear()
    assert new(nightly(0))["marks"] == (2, 0)
    assert [path.partition("?")[0] for path in provider.asked] == [f"/{provider.base}/orgs"]
    assert reading() == []


def test_a_service_that_is_down_leaves_the_records_as_they_were(
    store: Store, provider: Provider, nightly: Nightly
) -> None:
    nightly(0)
    before = store.fingerprint()
    provider.trouble = lambda _, path: "no json" if path.endswith("users") else None
    with pytest.raises(SourceDown):
        nightly(1)
    assert store.fingerprint() == before


def test_a_service_is_read_by_one_at_a_time(provider: Provider, nightly: Nightly) -> None:
    refused = []

    def another(what: str, _part: float) -> None:
        if what == "marks":
            with pytest.raises(NotReady, match="is being read already"):
                nightly(0)
            refused.append(what)

    nightly(0, told=another)
    assert refused


def test_what_is_no_instant_is_refused(tmp_path: Path) -> None:
    origin = Origin(Speaks.ONEROSTER, "https://host/v1p1")
    with pytest.raises(BadInput, match="no instant"), opened(origin, "17", lambda *_: None):
        pass


PLACES = ["(SELECT local_id FROM identity.student i WHERE i.student = r.student)"]
PLACES += ["(SELECT local_id FROM identity.section i WHERE i.section = r.section)"]
FACTS = "assignment_id, due_on, category, points, points_possible, status, category_weight"


def marks(store: Store) -> list[tuple[object, ...]]:
    """The marks as the store has them now, by the district's own ids."""
    query = f"SELECT {', '.join(PLACES)}, {FACTS} FROM records.marks r WHERE NOT retracted"
    with store.engine.connect() as connection:
        return sorted((tuple(row) for row in connection.exec_driver_sql(query)), key=str)


class Gradebook:
    """A service's gradebook as teachers change it; what they do is stamped with the evening."""

    def __init__(self, provider: Provider) -> None:
        self.provider, self.night = provider, 0
        for table in ("categories", "lineItems", "results"):
            provider.held[table].clear()
        self.put("categories", category("c"))

    def put(self, table: str, content: dict[str, Any]) -> None:
        evening = NOW + self.night * NIGHT - timedelta(hours=3)
        stamp = {"dateLastModified": evening.strftime("%Y-%m-%dT%H:%M:%S.000Z")}
        held = self.provider.held[table]
        held[:] = [row for row in held if row["sourcedId"] != content["sourcedId"]]
        held.append({"status": "active", **content, **stamp})

    def delete(self, table: str, name: str) -> None:
        self.put(table, {**self.find(table, name), "status": "tobedeleted"})

    def find(self, table: str, name: str) -> dict[str, Any]:
        return next(row for row in self.provider.held[table] if row["sourcedId"] == name)


def category(name: str, title: str = "Homework") -> dict[str, Any]:
    return {"sourcedId": name, "title": title}


def item(name: str, **more: object) -> dict[str, Any]:
    return {**as_json(small()["lineItems"][0]), "sourcedId": name, **more}


def score(of: str, student: str, points: object) -> dict[str, Any]:
    return as_json(result(f"{of}-{student}", student, str(points), lineItemSourcedId=of))


@pytest.fixture
def whole(empty_database: Callable[[], str]) -> Callable[[], Any]:
    """A store for a whole reading, beside the one that is synced."""

    @contextmanager
    def opened() -> Iterator[Store]:
        with open_store(empty_database()) as store:
            yield store

    return opened


def whole_marks(whole: Callable[[], Any], nightly: Nightly, night: int) -> list[tuple[object, ...]]:
    with whole() as another:
        nightly(night, store=another)
        return marks(another)


def after_one_mark(provider: Provider, nightly: Nightly) -> Gradebook:
    """A gradebook on the night after its first, in which one mark came in."""
    book = Gradebook(provider)
    book.put("lineItems", item("a"))
    book.put("results", score("a", "1", 5))
    nightly(0)
    book.night = 1
    return book


def asked_again(provider: Provider) -> list[str]:
    """The line items of which all results were asked for."""
    return [
        path.split("/")[-2]
        for path in provider.asked
        if "/results?" in path and "/classes/" in path
    ]


@pytest.mark.parametrize("many", [1, 30])
def test_a_night_asks_no_more_for_more_new_line_items(
    store: Store, provider: Provider, nightly: Nightly, whole: Callable[[], Any], many: int
) -> None:
    book = Gradebook(provider)
    for n in range(3):
        book.put("lineItems", item(f"old{n}"))
        for student in "12":
            book.put("results", score(f"old{n}", student, n))
    nightly(0)
    book.night = 1
    for n in range(many):
        book.put("lineItems", item(f"new{n}"))
        for student in "12":
            book.put("results", score(f"new{n}", student, n % 10))
    book.put("lineItems", item("old1", resultValueMax="20"))
    book.put("results", score("old2", "1", 9))
    provider.asked.clear()
    nightly(1)
    assert asked_again(provider) == ["old1"]
    assert len(provider.asked) == 13
    assert len(marks(store)) == 2 * (3 + many)
    assert marks(store) == whole_marks(whole, nightly, 1)


def test_a_line_item_of_which_no_mark_says_another_thing_is_not_asked_for(
    provider: Provider, nightly: Nightly
) -> None:
    book = after_one_mark(provider, nightly)
    book.put("lineItems", item("a", title="Page 8"))
    provider.asked.clear()
    assert not nightly(1).report.changed
    assert asked_again(provider) == []


def test_a_category_that_changed_changes_the_marks_of_its_line_items(
    store: Store, provider: Provider, nightly: Nightly
) -> None:
    book = after_one_mark(provider, nightly)
    book.put("categories", category("c", "Quiz"))
    assert new(nightly(1)) == {"marks": (0, 1)}


def test_results_that_were_read_before_their_line_item_come_with_it(
    store: Store, provider: Provider, nightly: Nightly
) -> None:
    book = Gradebook(provider)
    book.put("results", score("late", "1", 5))
    nightly(0)
    assert marks(store) == []
    nightly(1)
    book.night = 2
    book.put("lineItems", item("late"))
    nightly(2)
    assert len(marks(store)) == 1


def test_a_line_item_that_came_with_an_old_date_is_found_by_its_results(
    store: Store, provider: Provider, nightly: Nightly
) -> None:
    book = Gradebook(provider)
    nightly(0)
    book.night = -9
    book.put("lineItems", item("old"))
    book.night = 1
    book.put("results", score("old", "1", 5))
    nightly(1)
    assert len(marks(store)) == 1


def test_a_service_that_tells_what_changed_of_results_alone_is_asked_for_all_line_items(
    store: Store, provider: Provider, nightly: Nightly
) -> None:
    book = Gradebook(provider)
    provider.trouble = lambda n, path: (
        400 if path.endswith("/lineItems") and "filter" in provider.asked[n - 1] else None
    )
    nightly(0)
    book.night = 1
    book.put("lineItems", item("new"))
    book.put("results", score("new", "1", 5))
    assert not nightly(1).was_whole
    assert len(marks(store)) == 1


def test_where_nearly_all_changed_it_is_read_whole(provider: Provider, nightly: Nightly) -> None:
    book = Gradebook(provider)
    for n in range(4):
        book.put("lineItems", item(f"i{n}"))
        book.put("results", score(f"i{n}", "1", 5))
    nightly(0)
    book.night = 1
    book.put("categories", category("c", "Quiz"))
    assert nightly(1).was_whole


class Teachers:
    """Change a gradebook at random."""

    def __init__(self, book: Gradebook, seed: int) -> None:
        self.book, self.chance = book, random.Random(seed)  # noqa: S311  (no secret)
        self.acts = [self.item, self.score, self.score, self.score]
        self.acts += [self.drop_item, self.drop_score, self.category]

    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.chance.choice(self.acts)()

    def item(self) -> None:
        link = {"sourcedId": self.chance.choice("cd"), "href": "x", "type": "category"}
        due, most = f"2025-09-0{self.chance.randint(1, 9)}", self.chance.choice(["10", "20", ""])
        said = item(self._name(), dueDate=due, resultValueMax=most, category=link)
        self.book.put("lineItems", said)

    def score(self) -> None:
        student, points = self.chance.choice("12"), self.chance.randint(0, 9)
        self.book.put("results", score(self._name(), student, points))

    def drop_item(self) -> None:
        self._drop("lineItems", 0.3)

    def drop_score(self) -> None:
        self._drop("results", 1)

    def category(self) -> None:
        if self.chance.random() < 0.3:
            self.book.put("categories", category("c", self.chance.choice(["Quiz", "Homework"])))

    def _name(self) -> str:
        return f"i{self.chance.randint(0, 7)}"

    def _drop(self, table: str, likely: float) -> None:
        names = [row["sourcedId"] for row in self.book.provider.held[table]]
        if names and self.chance.random() < likely:
            self.book.delete(table, self.chance.choice(names))


@pytest.mark.parametrize("seed", range(4))
def test_nights_by_changes_lead_where_a_whole_reading_leads(
    store: Store,
    provider: Provider,
    nightly: Nightly,
    whole: Callable[[], Any],
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    """Whatever teachers do, and with a night that was cut off in between."""
    monkeypatch.setattr(opening, "oneroster_api", partial(opening.oneroster_api, size=1))
    book = Gradebook(provider)
    book.put("categories", category("d", "Quiz"))
    teachers = Teachers(book, seed)

    def cut_off(what: str, _part: float) -> None:
        if what == "marks":
            raise KeyboardInterrupt

    for night in range(6):
        book.night = night
        teachers.go_on(12)
        if night == 2:
            with pytest.raises(KeyboardInterrupt):
                nightly(night, told=cut_off)
        assert nightly(night).was_whole == (night == 0)
    assert asked_again(provider)
    assert marks(store)
    assert marks(store) == whole_marks(whole, nightly, 5)
