"""A fingerprint of all records: another one means that something to be built on them is stale."""

from __future__ import annotations

import hashlib

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from edupulse.school.records import KINDS
from edupulse.store.tables import schema_of


def fingerprint(connection: Connection) -> str:
    """Hexadecimal; depends on how many versions there are of each kind, since when, and of what."""
    digest = hashlib.sha256()
    for kind in KINDS:
        for table in (kind.name, f"{kind.name}_past"):
            query = _STATE.format(Identifier(schema_of(kind), table))
            digest.update(repr((table, connection.execute(query).fetchone())).encode())
    return digest.hexdigest()[:32]


_STATE = SQL("""
    SELECT count(*), extract(epoch FROM max(known_from))::text,
        sum(hash::numeric)::text, sum(extract(epoch FROM known_from))::text
    FROM {}
""")
