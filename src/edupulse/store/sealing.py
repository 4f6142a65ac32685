"""Names and contacts as the tables hold them: sealed, bound to their record, found by a keyed hash.

What follows from a name must not give it away either: the content hash of a sealed kind and the
columns by which people are found are keyed by the *index key*. It is random, lies sealed in the
database, and stays when the district's keys change, since hashes must go on comparing.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import blake2b

import polars as pl
from psycopg import Connection

from edupulse.school.kind import Kind
from edupulse.store.keys import KEY_BYTES, keyring
from edupulse.store.tables import index_column, stored_key

INDEX_KEY_PLACE = b"identity.index_key"
_HASH, _INDEX = b"content hash", b"index"


def index_key(connection: Connection) -> bytes:
    """The key of hashes and indexes; made when it is first needed."""
    key = held_index_key(connection)
    if key is None:
        made = keyring().seal([secrets.token_bytes(KEY_BYTES)], [INDEX_KEY_PLACE])
        connection.execute(
            "INSERT INTO identity.index_key (sealed) VALUES (%s) ON CONFLICT DO NOTHING", made
        )
        key = held_index_key(connection)
    assert key is not None  # noqa: S101  (written above, by us or another)
    return key


def held_index_key(connection: Connection) -> bytes | None:
    """The same where it was made already. Raises NotReady where these keys do not open it."""
    row = connection.execute(_HELD).fetchone()
    return keyring().unseal([row[0]], [INDEX_KEY_PLACE])[0] if row else None


_HELD = "SELECT sealed FROM identity.index_key"


def sealed(kind: Kind, rows: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Rows of a table with `hash`, ready for COPY: what is sealed as hexadecimal text."""
    place = places(kind.name, stored_key(kind), rows)
    return rows.with_columns(
        *(seal(rows[column], place) for column in kind.sealed),
        *(index(kind.name, rows[column], key) for column in kind.sought),
        keyed_hash(rows["hash"], place, key),
    )


def unsealed(kind: Kind, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a table, its key with them, whose sealed columns become text."""
    columns = [column for column in kind.sealed if column in rows.columns]
    if not columns or not rows.height:
        return rows.with_columns(pl.col(columns).cast(pl.String))
    place = places(kind.name, stored_key(kind), rows)
    return rows.with_columns(*(unseal(rows[column], place) for column in columns))


def resealed(kind: Kind, rows: pl.DataFrame) -> list[list[bytes | None]]:
    """The sealed columns of rows of a table, sealed anew by the current key."""
    ring, place = keyring(), places(kind.name, stored_key(kind), rows)
    made = []
    for column in kind.sealed:
        where = _in_column(place, column)
        made.append(ring.seal(ring.unseal(rows[column].to_list(), where), where))
    return made


def places(kind: str, key: Sequence[str], rows: pl.DataFrame) -> pl.Series:
    """Where the values of each row stand: the kind and its key, each part after its length."""
    parts = [pl.lit(kind), *(pl.col(column).cast(pl.String) for column in key)]
    told = [pl.format("{}:{}", part.str.len_bytes(), part) for part in parts]
    return rows.select(place=pl.concat_str(told, separator=","))["place"]


def seal(texts: pl.Series, place: pl.Series) -> pl.Series:
    """Texts sealed in their places and column, as hexadecimal text of PostgreSQL's."""
    values = [None if text is None else text.encode() for text in texts]
    made = keyring().seal(values, _in_column(place, texts.name))
    return _hexadecimal(texts.name, made)


def unseal(values: pl.Series, place: pl.Series) -> pl.Series:
    """The texts of sealed bytes. Raises NotReady where a key is missing or a place is wrong."""
    found = keyring().unseal(values.to_list(), _in_column(place, values.name))
    texts = [None if value is None else value.decode() for value in found]
    return pl.Series(values.name, texts, dtype=pl.String)


def index(kind: str, texts: pl.Series, key: bytes) -> pl.Series:
    """By what the texts of a sought column are found, as hexadecimal text."""
    made = [None if text is None else index_of(kind, texts.name, text, key) for text in texts]
    return _hexadecimal(index_column(texts.name), made)


def index_of(kind: str, column: str, text: str, key: bytes) -> bytes:
    """By what one text is found; neither case nor space around it counts."""
    told = f"{kind}.{column}:{text.strip().lower()}".encode()
    return blake2b(told, digest_size=16, key=key, person=_INDEX).digest()


def keyed_hash(hashes: pl.Series, place: pl.Series, key: bytes) -> pl.Series:
    """Content hashes of which nobody without the key can tell what they are hashes of."""
    made = [
        blake2b(f"{place} {number}".encode(), digest_size=8, key=key, person=_HASH).digest()
        for place, number in zip(place, hashes, strict=True)
    ]
    numbers = [int.from_bytes(digest, "little", signed=True) for digest in made]
    return pl.Series("hash", numbers, dtype=pl.Int64)


def _in_column(place: pl.Series, column: str) -> list[bytes]:
    return [f"{one},{column}".encode() for one in place]


def _hexadecimal(name: str, values: Sequence[bytes | None]) -> pl.Series:
    texts = [None if value is None else f"\\x{value.hex()}" for value in values]
    return pl.Series(name, texts, dtype=pl.String)
