"""Syncs of configured sources: what is read and kept, and that failing leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edupulse.pipeline.syncing import Configured, Sync, configured, sync
from edupulse.school.errors import BadInput, NotFound
from edupulse.store.store import Store, open_store
from edupulse.store.syncs import Synced, synced
from pipeline.small_folder import small, write_folder
from sources.edfi.interchange import day
from sources.edfi.ods import CREDENTIALS, Ods, serving

NOW = datetime(2026, 1, 5, 3, tzinfo=UTC)
NIGHT = timedelta(days=1)


@pytest.fixture
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        yield opened


@pytest.fixture
def ods() -> Ods:
    filled = Ods()
    filled.put("schools", {"id": "1", "schoolId": 1, "nameOfInstitution": "North"})
    filled.put("students", *({"id": f"s{n}", "studentUniqueId": str(n)} for n in (7, 8)))
    filled.put("studentSchoolAttendanceEvents", {"id": "e1", **day("2025-09-01", "Tardy")})
    return filled


@pytest.fixture
def nightly(
    store: Store, ods: Ods, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[..., Sync]]:
    """Syncs the service in one night or another."""
    monkeypatch.setenv("SIS_KEY", CREDENTIALS.key)
    monkeypatch.setenv("SIS_SECRET", CREDENTIALS.secret)
    with serving(ods) as service:
        source = Configured.model_validate(
            {"from": "edfi", "place": service.base, "key": "SIS_KEY", "secret": "SIS_SECRET"}
        )

        def nightly(night: int, **how: object) -> Sync:
            now = NOW + night * NIGHT
            return sync(store, "sis", source, now=now, home=tmp_path, **how)

        yield nightly


def last(store: Store, name: str = "sis") -> Synced | None:
    with store.writing() as connection:
        return synced(connection, name)


def new(done: Sync) -> dict[str, int]:
    return {file.kind: file.new for file in done.report.files if file.new}


def test_the_first_night_reads_everything_and_the_next_what_changed(
    store: Store, ods: Ods, nightly: Callable[..., Sync]
) -> None:
    first = nightly(0)
    assert first.was_whole
    assert new(first)["students"] == 2
    ods.put("students", {"id": "s9", "studentUniqueId": "9"})
    ods.asked.clear()
    second = nightly(1)
    assert not second.was_whole
    assert new(second) == {"students": 1}
    assert any("minChangeVersion" in path for path in ods.asked)
    done = last(store)
    assert done is not None
    assert (done.through, done.whole, done.finished) == (str(ods.version), NOW, NOW + NIGHT)


def test_after_a_week_and_when_asked_it_is_read_whole_again(nightly: Callable[..., Sync]) -> None:
    assert [nightly(night).was_whole for night in (0, 6, 7, 8)] == [True, False, True, False]
    assert nightly(9, whole=True).was_whole


def test_a_service_that_was_set_back_is_read_whole(ods: Ods, nightly: Callable[..., Sync]) -> None:
    nightly(0)
    ods.version = 1
    assert nightly(1).was_whole


def test_a_sync_cut_off_leaves_nothing_and_can_be_run_again(
    store: Store, nightly: Callable[..., Sync]
) -> None:
    def cut_off(what: str, _part: float) -> None:
        if what == "attendance":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nightly(0, told=cut_off)
    assert last(store) is None
    with pytest.raises(NotFound):
        store.resolve_student("7")
    assert new(nightly(0))["students"] == 2


def test_missing_credentials_are_named_and_never_shown(
    nightly: Callable[..., Sync], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIS_KEY")
    with pytest.raises(BadInput) as error:
        nightly(0)
    assert "SIS_KEY and SIS_SECRET are not set" in str(error.value)
    assert CREDENTIALS.secret not in str(error.value)


def test_files_are_read_whole_each_night_and_a_complete_export_retracts(
    store: Store, tmp_path: Path
) -> None:
    absences = ["student_id,date,status", *(f"1,2025-09-{day},excused" for day in (15, 16, 22))]
    write_folder(tmp_path / "export", small(attendance="\n".join(absences)))
    (tmp_path / "sources.toml").write_text(
        '[sources.nightly]\nfrom = "csv"\nplace = "export"\nsnapshot = true\n'
    )
    source = configured(tmp_path / "sources.toml")["nightly"]
    sync(store, "nightly", source, now=NOW, home=tmp_path)
    (tmp_path / "export" / "attendance.csv").write_text("\n".join(absences[:2] + absences[3:]))
    again = sync(store, "nightly", source, now=NOW + NIGHT, home=tmp_path)
    assert again.was_whole
    [file] = [file for file in again.report.files if file.kind == "attendance"]
    assert file.retracted == 1
    done = last(store, "nightly")
    assert done is not None
    assert done.through is None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[sources.a]\nplace = 'x'\n", "sources.a.from"),
        ("[sources.a]\nfrom = 'fax'\nplace = 'x'\n", "sources.a.from"),
        ("[sources.a]\nfrom = 'csv'\nplace = 'x'\nsecrets = 's3cret'\n", "sources.a.secrets"),
        ("[sources.a]\nfrom = 'csv'\nplace = 'x'\nwhole_every = 0\n", "sources.a.whole_every"),
        ("[source.a]\n", "source"),
        ("sources = [", "TOML"),
    ],
)
def test_a_wrong_configuration_is_named_where_it_is_wrong(
    tmp_path: Path, text: str, where: str
) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as error:
        configured(path)
    assert where in str(error.value)
    assert "s3cret" not in str(error.value)


def test_without_a_configuration_it_is_said_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="first-day"):
        configured(tmp_path / "sources.toml")
