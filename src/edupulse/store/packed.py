"""The records of some students in one question, each row packed into one value.

A driver's time goes by values: a dozen columns a row cost ten times what one does. So PostgreSQL
packs each row as it would send a composite (`record_send`), puts a student's rows of one table
together, and one loop takes all rows apart.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from operator import itemgetter
from typing import NamedTuple

from psycopg.sql import SQL, Composable, Identifier, Literal

from edupulse.school.columns import Columns
from edupulse.school.fields import Field
from edupulse.school.kind import Kind
from edupulse.school.knowledge import StudentKeys
from edupulse.school.records import ENROLLMENTS, STUDENT_KINDS
from edupulse.store.question import Question, Rows, Statement, array
from edupulse.store.reading import When, Which
from edupulse.store.rows import key_stand_ins
from edupulse.store.tables import schema_of


class Since(NamedTuple):
    """Only what happened on a day or later, and all enrollments; of some students (keys) all."""

    day: date
    whole: StudentKeys


def records_of(
    students: StudentKeys, when: When, since: Since | None = None
) -> Question[dict[str, Columns]]:
    """The versions of these students' records, as columns by the name of their kind.

    They come in the order of the students' keys, those of one student in any order.
    """
    values = [array(students.tolist())]
    if when.instant is not None:
        values.append(when.instant.isoformat())
    if since is not None:
        values += [since.day.isoformat(), array(since.whole.tolist())]
    return Question(_statement(when.which, bounded=since is not None), tuple(values), _columns)


def _columns(rows: Rows) -> dict[str, Columns]:
    # It loads numba, which commands that read no student's records do without.
    from edupulse.store.unpacking import forms

    packed: list[list[bytes]] = [[] for _ in STUDENT_KINDS]
    numbers = [0 for _ in STUDENT_KINDS]
    for kind, _, number, some in sorted(rows, key=itemgetter(0, 1)):
        packed[kind].append(some)
        numbers[kind] += number
    every = zip(forms().items(), packed, numbers, strict=True)
    return {name: form.columns(b"".join(some), number) for (name, form), some, number in every}


@cache
def _statement(which: Which, *, bounded: bool) -> Statement:
    types = ["integer[]", *(() if which is Which.EVERY else ("timestamptz",))]
    of_current, of_past = which.conditions(SQL("$2"))
    since = None
    if bounded:
        types += ["date", "integer[]"]
        since = f"({{}} >= ${len(types) - 1} OR student = ANY(${len(types)}))"
    branches = [
        _branch(number, kind, condition.as_string(), since, past=past)
        for number, kind in enumerate(STUDENT_KINDS)
        for past, condition in ((False, of_current), (True, of_past))
    ]
    return Statement("\nUNION ALL\n".join(branches), tuple(types))


def _branch(number: int, kind: Kind, condition: str, since: str | None, *, past: bool) -> str:
    fields = SQL(", ").join(_value(kind, field) for field in kind.open_fields)
    table = Identifier(schema_of(kind), f"{kind.name}_past" if past else kind.name)
    if since is not None and kind.occurred_on is not None and kind.name != ENROLLMENTS.name:
        condition += f" AND {since.format(Identifier(kind.occurred_on).as_string())}"
    return (
        f"SELECT {number}::smallint AS kind, student, count(*)::integer AS number, "
        f"string_agg(record_send(ROW({fields.as_string()}, known_from, "
        f"{'known_until' if past else 'NULL::timestamptz'}, retracted)), '') AS packed\n"
        f"FROM {table.as_string()} WHERE student = ANY($1) AND {condition} GROUP BY student"
    )


def _value(kind: Kind, field: Field) -> Composable:
    unknown = key_stand_ins(kind).get(field.column)
    column = Identifier(field.column)
    return column if unknown is None else SQL("nullif({}, {})").format(column, Literal(unknown))
