"""Seals everything anew with the current key, batch by batch: what was killed goes on later.

The index key comes last, in the transaction that writes the audit entry: as long as it lies under
an older key, a rotation is not finished.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl
from psycopg import Connection
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal, Placeholder

from edupulse.school.fields import INSTANT
from edupulse.school.kind import Kind
from edupulse.school.records import KINDS
from edupulse.store import audit, webhooks
from edupulse.store.audit import Entry, What
from edupulse.store.keys import NUMBER_BYTES, keyring
from edupulse.store.sealing import INDEX_KEY_PLACE, resealed
from edupulse.store.store import Store
from edupulse.store.tables import schema_of, stored_key

AT_ONCE = 2_000

Told = Callable[[float], None]
"""Told the part that is done, 0 to 1."""


@dataclass(frozen=True)
class _Table:
    """One table with sealed columns, and what tells its rows apart."""

    kind: Kind
    name: str
    key: tuple[str, ...]

    @property
    def where(self) -> Identifier:
        return Identifier(schema_of(self.kind), self.name)

    @property
    def key_schema(self) -> dict[str, pl.DataType]:
        """The key's columns in a frame."""
        return {
            name: INSTANT if name == "known_from" else self.kind.schema[name] for name in self.key
        }

    @property
    def stale(self) -> Composable:
        """The condition that something of a row lies under an older key."""
        current = Literal(keyring().current.number)
        return SQL(" OR ").join(
            SQL("substring({} FROM 1 FOR {}) <> {}").format(
                Identifier(column), Literal(NUMBER_BYTES), current
            )
            for column in self.kind.sealed
        )


def _tables() -> Iterator[_Table]:
    for kind in KINDS:
        if kind.sealed:
            key = stored_key(kind)
            yield _Table(kind, kind.name, key)
            yield _Table(kind, f"{kind.name}_past", (*key, "known_from"))


def _listed(columns: tuple[str, ...]) -> Composable:
    return SQL(", ").join(Identifier(column) for column in columns)


def sealed_by(connection: Connection) -> Counter[bytes]:
    """How many values lie under each key, by the key's number."""
    found: Counter[bytes] = Counter()
    for table in _tables():
        query = _COUNT.format(
            values=_listed(table.kind.sealed), table=table.where, length=Literal(NUMBER_BYTES)
        )
        found.update(dict(connection.execute(query).fetchall()))
    found.update(one[:NUMBER_BYTES] for one in webhooks.sealed_secrets(connection))
    held = connection.execute("SELECT sealed FROM identity.index_key").fetchone()
    if held:
        found[held[0][:NUMBER_BYTES]] += 1
    return found


_COUNT = SQL("""
    SELECT substring(value FROM 1 FOR {length}), count(*)
    FROM {table}, unnest(ARRAY[{values}]) value WHERE value IS NOT NULL GROUP BY 1
""")


def rotate(store: Store, *, by: str, because: str, told: Told) -> int:
    """Seal anew what lies under older keys; returns how many values.

    Each batch is a transaction of its own, so imports and readers go on beside. Raises NotReady,
    with what was done kept, where an older key is missing.
    """
    with store.writing() as connection:
        before = sealed_by(connection)
    current = keyring().current.number
    stale = before.total() - before.pop(current, 0)
    if not stale:
        return 0
    done = 0
    for table in _tables():
        for count in _sealed_anew(store, table):
            done += count
            told(done / stale)
    body = {"to": current.hex(), "from": sorted(n.hex() for n in before), "values": stale}
    with store.writing() as connection:
        webhooks.reseal(connection)
        _index_key(connection)
        audit.append(connection, [Entry(What.KEYS_ROTATED, by, because, body=body)])
    # What is deleted and not yet overwritten still lies under the older keys.
    store.vacuum()
    return stale


def _sealed_anew(store: Store, table: _Table) -> Iterator[int]:
    """Seal a table's stale rows anew, in the order of their key; yields each batch's values."""
    last: tuple[object, ...] | None = ()
    while last is not None:
        with store.writing() as connection:
            last, count = _batch(connection, table, last)
        yield count


def _batch(
    connection: Connection, table: _Table, after: tuple[object, ...]
) -> tuple[tuple[object, ...] | None, int]:
    """Seal the next rows anew; returns the last one's key (None: no more) and how many values."""
    # Before any row: else an import that holds the table would wait for us, and we for it.
    connection.execute(SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(table.where))
    rows = connection.execute(_next(table, after)).fetchall()
    if not rows:
        return None, 0
    stored = {**table.key_schema, **dict.fromkeys(table.kind.sealed, pl.Binary())}
    made = resealed(table.kind, pl.DataFrame(rows, schema=stored, orient="row"))
    keys = [row[: len(table.key)] for row in rows]
    changes = [(*new, *key) for new, key in zip(zip(*made, strict=True), keys, strict=True)]
    with connection.cursor() as cursor:
        cursor.executemany(_update(table), changes)
    return keys[-1], sum(value is not None for column in made for value in column)


def _next(table: _Table, after: tuple[object, ...]) -> Composed:
    beyond: Composable = SQL("true")
    if after:
        values = SQL(", ").join(Literal(part) for part in after)
        beyond = SQL("({}) > ({})").format(_listed(table.key), values)
    return _NEXT.format(
        columns=_listed((*table.key, *table.kind.sealed)),
        table=table.where,
        beyond=beyond,
        stale=table.stale,
        key=_listed(table.key),
        limit=Literal(AT_ONCE),
    )


_NEXT = SQL("""
    SELECT {columns} FROM {table} WHERE {beyond} AND ({stale}) ORDER BY {key} LIMIT {limit}
    FOR UPDATE
""")


def _update(table: _Table) -> Composed:
    def equal(columns: tuple[str, ...], between: str) -> Composable:
        each = (SQL("{} = {}").format(Identifier(name), Placeholder()) for name in columns)
        return SQL(between).join(each)

    return SQL("UPDATE {} SET {} WHERE {}").format(
        table.where, equal(table.kind.sealed, ", "), equal(table.key, " AND ")
    )


def _index_key(connection: Connection) -> None:
    held = connection.execute("SELECT sealed FROM identity.index_key FOR UPDATE").fetchone()
    if held is None:
        return
    ring = keyring()
    place = [INDEX_KEY_PLACE]
    connection.execute(
        "UPDATE identity.index_key SET sealed = %s", ring.seal(ring.unseal([held[0]], place), place)
    )
