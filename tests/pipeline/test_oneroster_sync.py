"""A OneRoster service synced night by night: whole, by what changed, cut off and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

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

        def nightly(night: int, **how: object) -> Sync:
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
