"""Writes `docs/csv.md` from the kinds of records: `python -m edupulse.sources.document`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from edupulse.school.fields import Day, Field, Flag, Milli, Ref, Text, Whole, Word
from edupulse.school.kind import Always, AtImport, Kind, Knowledge, OnDay, SchoolDaysAfter
from edupulse.school.records import KINDS
from edupulse.sources.cells import LONGEST_REF
from edupulse.sources.checks import CHECKS

_BEGINNING = f"""\
# The CSV folder

<!-- Written by `python -m edupulse.sources.document` from the kinds of records; do not edit. -->

The plainest way in: a folder of UTF-8 CSV files, each plain, `.csv.gz` or `.csv.zst`. A file that
is absent means that this kind of record is *not observed* at all; it never means zero.

- **Files**: commas, a header row with the names below (case does not count) in any order, LF or
  CRLF, a byte-order mark is allowed. Unknown columns and files are reported and ignored. A missing
  required column, one column or one kind twice, or a damaged archive stops the import with a
  message before anything is changed.
- **Cells**: blanks around a value do not count; an empty cell is unknown or the default. A cell
  with a comma, quote or line break is quoted, a quote in it written twice. Line breaks in a cell
  are kept as LF.
- **Dates**: ISO 8601, as 2026-03-16, from 1900 to 2200.
- **Numbers**: a decimal point, no thousands mark, no percent sign. They are kept exactly, as
  thousandths; more than three decimals are rounded half to even.
- **Flags**: true or false (also t/f, yes/no, y/n, 1/0). **Words**: one of those listed; case does
  not count. **Ids**: the district's own, at most {LONGEST_REF} characters.
- **Bad rows** are left out, counted, and listed with file, line, field and what was expected,
  never with the value. The line is the one in the file on which the row begins. A row is listed
  once, with its first problem.

Every file may also have

- `known_at`: when the source system learned it. A timestamp with an offset
  (2026-03-16T14:05:00-06:00, or Z) is that instant; one without an offset is the clock of the
  record's school; a bare date is the end of that day there. Of an hour that the clock shows twice
  the second is meant, so that nothing counts as known too early.
- `retracted`: true takes the record back. The row needs its required columns all the same.

A file may hold several versions of one record: the same natural key with different `known_at`.
"""


def csv_document() -> str:
    """The text of `docs/csv.md`."""
    return "\n".join([_BEGINNING, *(line for kind in KINDS for line in _section(kind))])


def _section(kind: Kind) -> Iterator[str]:
    yield f"## `{kind.file}`"
    yield ""
    yield f"{kind.doc} Natural key: {', '.join(f'`{name}`' for name in kind.key)}."
    yield _known(kind) + (" Kept apart from all other records." if kind.apart else "")
    yield ""
    yield "| column | type | required | empty means | meaning |"
    yield "|---|---|---|---|---|"
    yield from (_row(field) for field in kind.fields)
    yield ""
    for check in CHECKS.get(kind.name, ()):
        yield f"- `{check.field}`: {check.reason}."
    if kind.name in CHECKS:
        yield ""


def _row(field: Field) -> str:
    required = "**yes**" if field.required else ""
    cells = [f"`{field.name}`", _type(field), required, _default(field), field.doc]
    return f"| {' | '.join(cells)} |"


def _type(field: Field) -> str:
    match field.type:
        case Text(longest):
            return f"text, at most {longest} characters"
        case Day():
            return "date"
        case Flag():
            return "true or false"
        case Whole(low, high):
            return f"whole number, {low} to {high}"
        case Milli(low, high):
            return f"number, {low:g} to {high:g}"
        case Word(words):
            return ", ".join(f"`{word}`" for word in words)
        case Ref(noun):
            return f"id of a {noun}"


def _default(field: Field) -> str:
    if field.required:
        return ""
    if field.default is None:
        return "see meaning" if "mpty: " in field.doc else "unknown"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return f"{int(field.default) / 1000:g}" if isinstance(field.type, Milli) else str(field.default)


def _known(kind: Kind) -> str:
    text = f"Without `known_at`, in a first, historical import, known {_when(kind.known)}"
    if kind.revision:
        fields = " and ".join(f"`{name}`" for name in kind.revision.fields)
        text += f"; {fields} {_when(kind.revision.known)}"
    return text + "."


def _when(known: Knowledge) -> str:
    match known:
        case Always():
            return "from the beginning"
        case AtImport():
            return "at the instant of the import"
        case OnDay(field):
            return f"at the end of `{field}`"
        case SchoolDaysAfter(field, days):
            return f"{days} instructional days after `{field}`"


if __name__ == "__main__":
    sys.stdout.write(csv_document())
