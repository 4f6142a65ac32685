"""The CSV files of a OneRoster set: a folder, or a zip that is read and never unpacked to disk."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edupulse.school.errors import BadInput
from edupulse.sources.delivery import Progress
from edupulse.sources.packed import ENDINGS, pieces

MOST_MEMBERS = 1_000
MOST_UNPACKED = 200 * 2**30
HIGHEST_RATIO = 200
"""CSV packs some 5 to 40 times; a member beyond this, if it is large, is no export."""

LARGE = 64 * 2**20

PIECE = 8 * 2**20
"""Bytes of text worked on at a time: as fast as with four times more, in half the memory."""

_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, NotImplementedError, RuntimeError, ValueError, IndexError),
)
"""What Python's zipfile raises of bytes that are no honest zip (found by trying: a test does)."""


@dataclass(frozen=True, slots=True)
class Member:
    """One CSV file: its name for people, its table's name (in lower case), and where it lies."""

    name: str
    stem: str
    path: Path
    inside: str | None = None

    def pieces(self, progress: Progress | None = None, size: int = PIECE) -> Iterator[bytes]:
        """The unpacked bytes. Raises `BadInput` where the file is damaged."""
        if self.inside is None:
            yield from pieces(self.path, progress, size)
            return
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.inside) as file:
                whole = max(archive.getinfo(self.inside).file_size, 1)
                done = 0
                while piece := file.read(size):
                    done += len(piece)
                    if progress:
                        progress(self.name, min(1.0, done / whole))
                    yield piece
        except _DAMAGED as error:
            raise BadInput("is damaged in the zip.", "Export it again.", file=self.name) from error


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at a path: sets of CSV files by the set's name, and names that are not CSV."""

    sets: dict[str, list[Member]]
    strangers: list[str]


def found_at(path: Path) -> Found:
    """The sets at a path: a zip, a folder of CSV files, or a folder of such zips and folders.

    Raises `BadInput` where there is none, or where a zip is hostile or cannot be read.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        return _in_zip(path)
    if not path.is_dir():
        raise BadInput(
            f"{path} is no folder and no zip.", "Give the folder or zip of OneRoster's CSV files."
        )
    here = _in_folder(path)
    if here.sets:
        return here
    below = [_in_zip(p) for p in _inside(path) if p.is_file() and zipfile.is_zipfile(p)]
    below += [_in_folder(p) for p in _inside(path) if p.is_dir()]
    sets = {name: members for found in below for name, members in found.sets.items()}
    if not sets:
        raise BadInput(f"{path} holds no CSV file.", "Give the folder or zip of OneRoster's files.")
    return Found(sets, [name for found in below for name in found.strangers])


def _inside(folder: Path) -> list[Path]:
    """What lies in a folder, by name; links are not followed."""
    return sorted(
        p for p in folder.iterdir() if not p.is_symlink() and not p.name.startswith((".", "__"))
    )


def _in_folder(folder: Path) -> Found:
    members, strangers = [], []
    for path in _inside(folder):
        stem = _stem(path.name)
        if path.is_file() and stem is not None:
            members.append(Member(path.name, stem, path))
        elif path.is_file() and not zipfile.is_zipfile(path):
            strangers.append(path.name)
    return Found({folder.name: members} if members else {}, strangers)


def _in_zip(path: Path) -> Found:
    """The members of a zip, of which none is ever written to disk."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except _DAMAGED as error:
        raise BadInput("is damaged, or no zip.", "Export it again.", file=path.name) from error
    _refuse_bombs(path, infos)
    members, strangers = [], []
    for info in infos:
        _refuse_hostile(path.name, info)
        name = PurePosixPath(info.filename).name
        stem = _stem(name, ("",))
        if stem is not None and not info.filename.startswith("__MACOSX/"):
            members.append(Member(f"{path.name}/{name}", stem, path, info.filename))
        else:
            strangers.append(f"{path.name}/{name}")
    return Found({path.name: members} if members else {}, strangers)


def _stem(name: str, endings: tuple[str, ...] = ENDINGS) -> str | None:
    """The name of a CSV file without its ending, in lower case; None for another file."""
    lower = name.lower()
    for ending in endings:
        if lower.endswith(f".csv{ending}"):
            return lower.removesuffix(f".csv{ending}")
    return None


def _refuse_bombs(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    """A zip that grows beyond any export, or whose members share their bytes."""
    grown = [i for i in infos if i.file_size > LARGE]
    reasons = {
        f"holds more than {MOST_MEMBERS:,} files": len(infos) > MOST_MEMBERS,
        "unpacks to more than any export": sum(i.file_size for i in infos) > MOST_UNPACKED,
        "holds a file that unpacks to hundreds of times its size": any(
            i.file_size > HIGHEST_RATIO * max(i.compress_size, 1) for i in grown
        ),
        "holds files that overlap": sum(i.compress_size for i in infos) > path.stat().st_size,
    }
    for reason, holds in reasons.items():
        if holds:
            raise BadInput(f"refused: the zip {reason}.", "Export it again.", file=path.name)


def _refuse_hostile(archive: str, info: zipfile.ZipInfo) -> None:
    """A member that names a place outside the zip, is a link, or is encrypted."""
    name = info.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if name.startswith(("/", "\\")) or ".." in parts or ":" in name or "\0" in name:
        raise BadInput(
            f"refused: the zip holds a path that leads out of it ({name[:60]!r}).",
            "Export it again.",
            file=archive,
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise BadInput("refused: the zip holds a link.", "Export it again.", file=archive)
    if info.flag_bits & 0x1:
        raise BadInput("the zip is encrypted.", "Export it without a password.", file=archive)
