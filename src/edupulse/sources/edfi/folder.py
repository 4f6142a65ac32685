"""Ed-Fi bulk XML: a folder of interchange files, or one file."""

from __future__ import annotations

from pathlib import Path

from edupulse.school.errors import BadInput
from edupulse.school.records import SIMULATED_MARKER
from edupulse.sources.delivery import Progress
from edupulse.sources.edfi.delivery import EdFi
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.resource import Resource, Row
from edupulse.sources.edfi.resources import BY_ELEMENT
from edupulse.sources.edfi.spool import Spool
from edupulse.sources.edfi.xml import read_xml
from edupulse.sources.packed import ENDINGS


def edfi_folder(
    path: Path,
    words: Words | None = None,
    progress: Progress | None = None,
) -> EdFi:
    """The records in the XML under a folder (or in one file), all of it read once.

    `words` are the district's own for descriptors. Raises `BadInput` where there is no
    XML, or a file is broken, hostile or no Ed-Fi interchange.
    """
    spool = Spool()
    try:
        for file in _files(path):
            _lay_down(
                spool, file, str(file.relative_to(path)) if file != path else file.name, progress
            )
    except BaseException:
        spool.close()
        raise
    simulated = (path / SIMULATED_MARKER).is_file()
    return EdFi(f"Ed-Fi XML {path.name}", spool, words or Words(), simulated=simulated)


def _lay_down(spool: Spool, path: Path, name: str, progress: Progress | None) -> None:
    def found(resource: Resource, row: Row, line: int) -> None:
        spool.add(resource, row, name, line, deleted=False)

    spool.others.update(read_xml(path, BY_ELEMENT, found, progress))


def _files(path: Path) -> list[Path]:
    """The XML files at a path, in the order of their names; links are not followed."""
    if path.is_file():
        return [path]
    endings = tuple(f".xml{ending}" for ending in ENDINGS)
    there = path.rglob("*") if path.is_dir() else ()
    files = sorted(
        file
        for file in there
        if file.name.lower().endswith(endings) and file.is_file() and not file.is_symlink()
    )
    if not files:
        raise BadInput(
            f"{path} holds no XML file.", "Give the folder of Ed-Fi's interchange files."
        )
    return files
