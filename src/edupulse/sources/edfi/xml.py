"""Reads Ed-Fi bulk XML as a stream, and refuses what no honest export holds.

A document type declaration is refused where it begins, so that no entity can be declared: neither
one that grows, nor one that reads a file or an address. A record, a text, a depth or a piece of
markup beyond any Ed-Fi resource is refused too, so that memory stays flat whatever comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from edupulse.school.errors import BadInput
from edupulse.sources.delivery import Progress
from edupulse.sources.edfi.resource import Resource, Row, put
from edupulse.sources.packed import pieces

PIECE = 256 * 1024
LONGEST_TEXT = 64 * 1024
LARGEST_RECORD = 4 * 1024 * 1024
DEEPEST = 64
MOST_NAMES = 5_000

WRAPPERS = frozenset({"attendanceEvent", "name", "birthData"})
"""Elements around values that the API has directly in the resource."""

REFERENCE_ID, REFERENCED = "@id", "@ref"
"""Keys of an element's own `id` in its file, and of the `ref` by which another names it."""

Found = Callable[[Resource, Row, int], None]
"""Told a resource's row and the line on which its element began."""


def read_xml(
    path: Path,
    resources: Mapping[str, Resource],
    found: Found,
    progress: Progress | None = None,
) -> Counter[str]:
    """Tell `found` each element that is a resource; count the elements of all other names.

    Raises `BadInput`, naming file and line, for a file that is no well-formed Ed-Fi interchange,
    or that is hostile.
    """
    reading = _Reading(path.name, resources, found)
    for piece in pieces(path, progress, PIECE):
        reading.feed(piece)
    reading.close()
    return reading.others


@dataclass(slots=True)
class _Node:
    """A place in the elements of one resource: what its text and its attributes are."""

    prefix: str
    in_reference: bool
    text: tuple[int, bool] | None
    ref: tuple[int, bool] | None
    below: dict[str, _Node] = field(default_factory=dict)


def _place(resource: Resource, above: _Node, name: str) -> _Node:
    """The node of a child element, by the element's name in the file."""
    word = name[:1].lower() + name[1:]
    key = above.prefix + word
    is_through = above.in_reference or word in WRAPPERS
    return _Node(
        prefix=above.prefix if is_through else f"{key}.",
        in_reference=above.in_reference or name.endswith("Reference"),
        text=resource.places.get(key),
        ref=resource.places.get(f"{key}.{REFERENCED}"),
    )


class _Reading:
    """One file on its way through the parser."""

    def __init__(self, file: str, resources: Mapping[str, Resource], found: Found) -> None:
        self.file, self.resources, self.found = file, resources, found
        self.others: Counter[str] = Counter()
        self._names: dict[str, str] = {}
        self._tops = {
            name: _Node("", name.endswith("Reference"), None, None)
            for name, resource in resources.items()
        }
        self._depth = 0
        self._path: list[_Node] = []
        self._row: Row | None = None
        self._resource: Resource | None = None
        self._line = 0
        self._text: list[str] | None = None
        self._length = 0
        self._record_began = 0
        self._fed = 0
        self._parser = self._made()

    def _made(self) -> expat.XMLParserType:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        return parser

    def feed(self, piece: bytes) -> None:
        """Parse the next bytes of the file."""
        self._fed += len(piece)
        self._parse(piece, is_last=False)
        done = self._parser.CurrentByteIndex if self._row is None else self._record_began
        if self._fed - done > LARGEST_RECORD + PIECE:
            self._refuse("a single record or tag is larger than any Ed-Fi resource.")

    def close(self) -> None:
        """The file has ended: is the document whole?"""
        self._parse(b"", is_last=True)

    def _parse(self, piece: bytes, *, is_last: bool) -> None:
        try:
            self._parser.Parse(piece, is_last)
        except expat.ExpatError as error:
            self._malformed(error)
        except (LookupError, ValueError):
            self._refuse("an encoding that XML does not have (export the file as UTF-8).")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._row is not None:
            self._inside(self._local(name), attributes)
        elif self._depth == 2:
            self._record(self._local(name), attributes)
        elif self._depth == 1:
            self._root(self._local(name))
        elif self._depth > DEEPEST:
            self._refuse(f"elements are nested deeper than {DEEPEST}.")

    def _root(self, name: str) -> None:
        if not name.startswith("Interchange"):
            self._refuse(f"the outermost element is {name[:50]}, not an Ed-Fi Interchange.")

    def _record(self, name: str, attributes: dict[str, str]) -> None:
        self._record_began = self._parser.CurrentByteIndex
        resource = self.resources.get(name)
        if resource is None:
            self.others[name[:100]] += 1
            return
        self._line = self._parser.CurrentLineNumber
        self._resource, self._row = resource, resource.row()
        self._path = [self._tops[name]]
        own = resource.places.get(REFERENCE_ID)
        if own is not None and "id" in attributes:
            put(self._row, own, attributes["id"])

    def _inside(self, name: str, attributes: dict[str, str]) -> None:
        assert self._resource is not None and self._row is not None  # noqa: S101, PT018
        above = self._path[-1]
        node = above.below.get(name)
        if node is None:
            node = above.below[name] = _place(self._resource, above, name)
        self._path.append(node)
        if len(self._path) > DEEPEST:
            self._refuse(f"elements are nested deeper than {DEEPEST}.")
        if attributes and node.ref is not None and "ref" in attributes:
            put(self._row, node.ref, attributes["ref"])
        self._text = None if node.text is None else []
        self._length = 0

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._length += len(text)
            if self._length > LONGEST_TEXT:
                self._refuse(f"a text is longer than {LONGEST_TEXT:,} characters.")
            self._text.append(text)

    def _end(self, _: str) -> None:
        self._depth -= 1
        if self._row is None:
            return
        node = self._path.pop()
        if self._text is not None and node.text is not None:
            bare = "".join(self._text).strip()
            if bare:
                put(self._row, node.text, bare)
        self._text = None
        if not self._path:
            assert self._resource is not None  # noqa: S101  (set with the row)
            self.found(self._resource, self._row, self._line)
            self._row = None

    def _local(self, name: str) -> str:
        """A name without its namespace: each version of the standard has another."""
        local = self._names.get(name)
        if local is None:
            if len(self._names) >= MOST_NAMES:
                self._refuse("more names of elements than Ed-Fi has.")
            local = self._names[name] = name.rpartition(" ")[2]
        return local

    def _doctype(self, *_: object) -> NoReturn:
        self._refuse("a document type declaration (DOCTYPE, ENTITY), which Ed-Fi never has.")

    def _malformed(self, error: expat.ExpatError) -> NoReturn:
        what = expat.ErrorString(error.code) or "not well-formed"
        raise BadInput(
            f"the XML is broken ({what}).",
            "Export the file again.",
            file=self.file,
            line=error.lineno,
        ) from error

    def _refuse(self, why: str) -> NoReturn:
        raise BadInput(
            f"refused: {why}",
            "Give the file as the student information system exports it.",
            file=self.file,
            line=self._parser.CurrentLineNumber,
        )
