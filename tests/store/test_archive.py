"""The sealed archive: what went in comes out; cut off, changed or moved, nothing is accepted."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edupulse.school.errors import BadInput, NotReady
from edupulse.store.archive import CHUNK, MAGIC, pieces, written

PIECES = {
    "a": b"some text",
    "empty": b"",
    "large": os.urandom(3 * CHUNK + 7),
    "z": b"ZqSecretXw" * 1_000,
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "archive"
    with written(path) as writer:
        for name, content in PIECES.items():
            writer.put(name, content)
    return path


def read(path: Path) -> dict[str, bytes]:
    return dict(pieces(path, lambda _: None))


def test_what_went_in_comes_out(archive: Path):
    assert read(archive) == PIECES
    assert b"ZqSecretXw" not in archive.read_bytes()
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


@pytest.mark.parametrize("cut", [1, 20, CHUNK, 3 * CHUNK])
def test_a_cut_off_archive_is_refused(archive: Path, cut: int):
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-cut])
    with pytest.raises(BadInput, match="cut off or changed"):
        read(archive)


def test_whole_chunks_cut_off_moved_or_added_are_refused(archive: Path):
    whole = archive.read_bytes()
    head, sealed = len(MAGIC) + 20, CHUNK + 16
    first, second = (whole[head + n * sealed :][:sealed] for n in (0, 1))
    for changed in (
        whole[: head + sealed],
        whole[:head] + second + first + whole[head + 2 * sealed :],
        whole + first,
        whole + b"x",
        whole[:head],
    ):
        archive.write_bytes(changed)
        with pytest.raises(BadInput, match="cut off or changed"):
            read(archive)


@pytest.mark.parametrize("place", [len(MAGIC) + 5, 100, CHUNK, -1])
def test_one_changed_byte_is_refused(archive: Path, place: int):
    changed = bytearray(archive.read_bytes())
    changed[place] ^= 1
    archive.write_bytes(changed)
    with pytest.raises(BadInput, match="cut off or changed"):
        read(archive)


def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path):
    (tmp_path / "text").write_text("hello")
    with pytest.raises(BadInput, match="no backup"):
        read(tmp_path / "text")
    with pytest.raises(BadInput, match="cannot be read"):
        read(tmp_path / "nothing")


def test_without_its_key_it_stays_closed(archive: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDUPULSE_KEYS", "A" * 43 + "=")
    with pytest.raises(NotReady, match="that key is not here"):
        read(archive)


def test_an_archive_that_was_not_finished_is_not_there_and_none_is_overwritten(archive: Path):
    with pytest.raises(BadInput, match="already"), written(archive):
        pass
    with pytest.raises(ZeroDivisionError), written(archive.with_name("unfinished")) as writer:
        writer.put("a", bytes(1 // len(b"")))
    assert [path.name for path in archive.parent.iterdir()] == ["archive"]
