"""OneRoster as CSV: a set of files, or several (a bulk set and the deltas after it)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from edupulse.school.errors import BadInput
from edupulse.school.records import SIMULATED_MARKER
from edupulse.sources.delivery import REJECTION_SCHEMA, Progress
from edupulse.sources.mapping import DistrictMapping
from edupulse.sources.oneroster.archive import Found, Member, found_at
from edupulse.sources.oneroster.encoding import as_utf8
from edupulse.sources.oneroster.reading import Part, Parts, refuse_column, tidied
from edupulse.sources.oneroster.tables import OUT_OF_SCOPE, TABLES, Table, plain
from edupulse.sources.rows import rows, split_header

MANIFEST = "manifest"
MODES = ("bulk", "delta", "absent")
_HEADER_PIECE = 64 * 1024
_BY_STEM = {name.lower(): table for table in TABLES for name in (table.name, *table.others)}
_SEPARATORS = {";": "a semicolon", "\t": "a tab", "|": "a bar"}


@dataclass
class Files:
    """The files of a delivery: `parts` by table, what each set says of itself, and notes."""

    parts: dict[str, list[Parts]] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)
    modes: dict[str, set[str]] = field(default_factory=dict)
    versions: set[str] = field(default_factory=set)
    simulated: bool = False

    def only_changes(self, table: Table) -> bool:
        """Do the manifests say that all there is of this table is what changed?"""
        return self.modes.get(table.name) == {"delta"}


def oneroster_files(path: Path, mapping: DistrictMapping) -> Files:
    """The files at a path, their headers read and checked.

    Raises `BadInput` for a header that lacks a required column, for two bulk files of one table,
    and for what `found_at` refuses.
    """
    found = found_at(path)
    files = Files(simulated=(path / SIMULATED_MARKER).is_file() if path.is_dir() else False)
    for name in found.strangers:
        if name != SIMULATED_MARKER:
            files.notes.append((name, "not a CSV file: ignored"))
    for members in found.sets.values():
        _take_set(files, members, mapping)
    if not files.parts:
        raise BadInput(
            f"{path} holds no table of OneRoster, only {_names(found)}.",
            f"Give the folder or zip with users.csv, … ({', '.join(t.name for t in TABLES)}).",
        )
    return files


def _names(found: Found) -> str:
    return ", ".join(m.name for members in found.sets.values() for m in members)[:300]


def _take_set(files: Files, members: list[Member], mapping: DistrictMapping) -> None:
    manifest = _manifest(members, files)
    taken: dict[str, str] = {}
    for member in members:
        table = _BY_STEM.get(member.stem)
        if table is None:
            if member.stem != MANIFEST:
                scope = (
                    "out of scope" if member.stem in OUT_OF_SCOPE else "not a table that we know"
                )
                files.notes.append((member.name, f"{scope}: not read"))
            continue
        if table.name in taken:
            raise BadInput(f"{taken[table.name]} and {member.name} are both there.", "Keep one.")
        taken[table.name] = member.name
        mode = manifest.get(f"file.{table.name}".lower(), "bulk").lower()
        if mode == "absent":
            files.notes.append((member.name, "the manifest calls it absent: read all the same"))
        _refuse_two_bulks(files, table, member, mode)
        files.modes.setdefault(table.name, set()).add(mode)
        files.parts.setdefault(table.name, []).append(_opened(files, member, table, mapping))
    for name, mode in manifest.items():
        lost = name.removeprefix("file.")
        is_lost = name.startswith("file.") and mode in ("bulk", "delta") and lost in _BY_STEM
        if is_lost and _BY_STEM[lost].name not in taken:
            files.notes.append((f"{lost}.csv", f"missing, though the manifest says {mode}"))


def _refuse_two_bulks(files: Files, table: Table, member: Member, mode: str) -> None:
    if mode != "delta" and files.modes.get(table.name, set()) - {"delta"}:
        raise BadInput(
            f"{member.name} is a second whole file of {table.name}: which is newer is not said.",
            "Give the newest set with the deltas after it (each with its manifest.csv).",
        )


def _manifest(members: list[Member], files: Files) -> dict[str, str]:
    """Property to value, in lower case; nothing where there is no manifest."""
    for member in members:
        if member.stem == MANIFEST:
            text = b"".join(as_utf8(member.pieces)[0]).decode(errors="replace")
            lines = [line.replace('"', "").split(",") for line in text.splitlines() if "," in line]
            said = {
                plain_line[0].strip("\ufeff ").lower(): plain_line[1].strip()
                for plain_line in lines
            }
            if version := said.get("oneroster.version"):
                files.versions.add(version)
            return {name: value.lower() for name, value in said.items()}
    return {}


def _opened(files: Files, member: Member, table: Table, mapping: DistrictMapping) -> Parts:
    """Checks the header of a file; reads its rows when asked."""
    text, said = as_utf8(member.pieces)
    if said:
        files.notes.append((member.name, said))
    header, _ = split_header(text, member.name)
    file = member.name.rpartition("/")[2]
    meant = {plain(a): plain(b) for a, b in _renamed(mapping, file, member.stem).items()}
    names = [meant.get(plain(name), plain(name)) for name in header]
    at = _positions(table, names)
    missing = [table.columns[name][0] for name in table.required if name not in at]
    if missing and len(header) == 1 and any(mark in header[0] for mark in _SEPARATORS):
        mark = next(said for mark, said in _SEPARATORS.items() if mark in header[0])
        raise BadInput(
            f"the columns are separated by {mark}.", "Export with commas.", file=member.name
        )
    if missing:
        raise refuse_column(file, missing, header)
    unread = [
        name or "(no name)"
        for n, name in enumerate(header)
        if n not in at.values() and not name.startswith("metadata")
    ]
    if unread:
        files.notes.append((member.name, f"columns not read: {', '.join(unread)}"))
    width = len(header)

    def parts(progress: Progress | None) -> Iterator[Part]:
        whole = as_utf8(lambda: member.pieces(progress))[0]
        _, body = split_header(whole, member.name)
        for piece in rows(body, sorted(at.values()), width, member.name):
            raw = piece.cells.select(**{name: str(n) for name, n in at.items()})
            raw = raw.with_columns(file=pl.lit(member.name), line=pl.Series(piece.line))
            bad = [(member.name, line, None, why) for line, why in piece.bad]
            tidy = tidied(table, raw, may_need_trimming=piece.may_need_trimming)
            yield Part(tidy, pl.DataFrame(bad, dict(REJECTION_SCHEMA), orient="row"))

    return parts


def _renamed(mapping: DistrictMapping, file: str, stem: str) -> Mapping[str, str]:
    """The district's names of a file's columns, whatever the case of the file's name."""
    said = {name.lower(): names for name, names in mapping.columns.items()}
    return said.get(file.lower(), said.get(f"{stem}.csv", {}))


def _positions(table: Table, names: list[str]) -> dict[str, int]:
    """Our column to its place in the file: of several names for one, the first that is there."""
    found: dict[str, int] = {}
    for ours, theirs in table.columns.items():
        place = next((names.index(name) for name in theirs if name in names), None)
        if place is not None and place not in found.values():
            found[ours] = place
    return found
