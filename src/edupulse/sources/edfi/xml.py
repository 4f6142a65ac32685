"""Reads Ed-Fi bulk XML as a stream, and refuses what no honest export holds.

A document type declaration is refused where it begins, so that no entity can be declared: neither
one that grows, nor one that reads a file or an address. A record, a text, a depth or a piece of
markup beyond any Ed-Fi resource is refused too, so that memory stays flat whatever comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
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


class _Node:
    """A place in the elements of one resource: what its text and its `ref` are, and what is below.

    `below` is by the names in the file, made when first met; None: nothing of ours is there.
    """

    __slots__ = ("at", "below", "in_reference", "many", "prefix", "ref")

    def __init__(
        self,
        prefix: str,
        in_reference: bool,
        text: tuple[int, bool] | None = None,
        ref: tuple[int, bool] | None = None,
    ) -> None:
        self.prefix, self.in_reference, self.ref = prefix, in_reference, ref
        self.at, self.many = text if text is not None else (-1, False)
        self.below: dict[str, _Node | None] = {}


def _place(resource: Resource, above: _Node, name: str) -> _Node | None:
    """The node of a child element, by its name without a namespace."""
    word = name[:1].lower() + name[1:]
    key = above.prefix + word
    is_through = above.in_reference or word in WRAPPERS
    node = _Node(
        prefix=above.prefix if is_through else f"{key}.",
        in_reference=above.in_reference or name.endswith("Reference"),
        text=resource.places.get(key),
        ref=resource.places.get(f"{key}.{REFERENCED}"),
    )
    leads_on = is_through or any(known.startswith(node.prefix) for known in resource.places)
    return node if leads_on or node.at >= 0 else None


class _Reading:
    """One file on its way through the parser.

    Only the texts that are ours are gathered, and what is not ours is passed over by counting:
    these handlers run once for each element of files of gigabytes.
    """

    def __init__(self, file: str, resources: Mapping[str, Resource], found: Found) -> None:
        self.file, self.resources, self.found = file, resources, found
        self.others: Counter[str] = Counter()
        self._tops = {name: _Node("", name.endswith("Reference")) for name in resources}
        self._met = 0
        self._depth = 0
        self._passed_over = 0
        self._path: list[_Node] = []
        self._row: Row | None = None
        self._resource: Resource | None = None
        self._line = 0
        self._text: list[str] = []
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
        if self._passed_over:
            self._passed_over += 1
            if self._passed_over > DEEPEST:
                self._refuse(f"elements are nested deeper than {DEEPEST}.")
        elif not self._path:
            self._outside(name, attributes)
        else:
            above = self._path[-1]
            try:
                node = above.below[name]
            except KeyError:
                node = self._new(above, name)
            if node is None:
                self._passed_over = 1
                return
            self._path.append(node)
            if attributes:
                self._attributes(node, attributes)
            if node.at >= 0:
                self._text = []
                self._parser.CharacterDataHandler = self._text.append

    def _end(self, _: str) -> None:
        if self._passed_over:
            self._passed_over -= 1
        elif self._path:
            node = self._path.pop()
            if node.at >= 0:
                self._parser.CharacterDataHandler = None
                self._take(node)
            if not self._path:
                assert self._resource is not None and self._row is not None  # noqa: S101, PT018
                self.found(self._resource, self._row, self._line)
                self._row = None

    def _take(self, node: _Node) -> None:
        """The text of an element of ours has ended."""
        bare = "".join(self._text).strip()
        self._text = []
        if len(bare) > LONGEST_TEXT:
            self._refuse(f"a text is longer than {LONGEST_TEXT:,} characters.")
        if bare and self._row is not None:
            put(self._row, (node.at, node.many), bare)

    def _outside(self, name: str, attributes: dict[str, str]) -> None:
        """The outermost element, or a record begins."""
        self._depth += 1
        local = _local(name)
        if self._depth == 1:
            if not local.startswith("Interchange"):
                self._refuse(f"the outermost element is {local[:50]}, not an Ed-Fi Interchange.")
            return
        self._depth -= 1
        self._record_began = self._parser.CurrentByteIndex
        resource = self.resources.get(local)
        if resource is None:
            self.others[local[:100]] += 1
            self._passed_over = 1
            if len(self.others) > MOST_NAMES:
                self._refuse("more names of elements than Ed-Fi has.")
            return
        self._line = self._parser.CurrentLineNumber
        self._resource, self._row = resource, resource.row()
        self._path.append(self._tops[local])
        own = resource.places.get(REFERENCE_ID)
        if own is not None and "id" in attributes:
            put(self._row, own, attributes["id"])

    def _new(self, above: _Node, name: str) -> _Node | None:
        """A place that is met for the first time."""
        assert self._resource is not None  # noqa: S101  (a path has a resource)
        self._met += 1
        if self._met > MOST_NAMES:
            self._refuse("more names of elements than Ed-Fi has.")
        if len(self._path) >= DEEPEST:
            self._refuse(f"elements are nested deeper than {DEEPEST}.")
        node = above.below[name] = _place(self._resource, above, _local(name))
        return node

    def _attributes(self, node: _Node, attributes: dict[str, str]) -> None:
        if node.ref is not None and "ref" in attributes and self._row is not None:
            put(self._row, node.ref, attributes["ref"])

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


def _local(name: str) -> str:
    """A name without its namespace: each version of the standard has another."""
    return name.rpartition(" ")[2]
