"""Records that a source says are no more: found among what the store holds, and retracted."""

from __future__ import annotations

import polars as pl

from edupulse.pipeline.desk import Desk
from edupulse.school.fields import INSTANT, Ref
from edupulse.school.kind import Kind
from edupulse.store.held import current, current_of
from edupulse.store.identities import ids_of


def gone(desk: Desk, kind: Kind, keys: pl.DataFrame, alive: pl.DataFrame) -> pl.DataFrame:
    """Retractions, known from the import's instant, of what is held and matches one of `keys`.

    A null in `keys` matches any value. What `alive` (with keys) has is not retracted. The result
    has the kind's schema, its references' texts, `known_from`, `retracted` and `defaulted`.
    """
    named = _with_keys(desk, kind, keys)
    held = _held(desk, kind, named)
    columns = list(kind.key_columns)
    patterns = named.select(pl.col(name).is_null() for name in columns).unique()
    found = [_matching(held, named, columns, pattern) for pattern in patterns.rows()]
    matching = pl.concat([held.clear(), *found]).unique(columns, keep="any")
    lost = matching.join(alive.select(columns), on=columns, how="anti", nulls_equal=True)
    return _with_texts(desk, kind, lost).with_columns(
        known_from=pl.lit(desk.now, INSTANT), retracted=pl.lit(True), defaulted=pl.lit(False)
    )


def _with_keys(desk: Desk, kind: Kind, keys: pl.DataFrame) -> pl.DataFrame:
    """The keys of the ids; rows with an id that nobody knows are left out, for nothing is held."""
    for name in kind.key:
        field = kind.field(name)
        if isinstance(field.type, Ref):
            made = desk.keyed(keys, name, field.type.noun, "found")
            known = made.filter(pl.col(name).is_null() | pl.col("found").is_not_null())
            keys = known.drop(name).rename({"found": field.column})
    return keys.select(kind.key_columns)


def _held(desk: Desk, kind: Kind, named: pl.DataFrame) -> pl.DataFrame:
    if "student" not in kind.key_columns or named["student"].null_count():
        return current(desk.connection, kind)
    return current_of(desk.connection, kind, "student", named["student"].unique().to_list())


def _matching(
    held: pl.DataFrame, named: pl.DataFrame, columns: list[str], pattern: tuple[bool, ...]
) -> pl.DataFrame:
    """What is held and matches those of `named` that are null where `pattern` says so."""
    here = [pl.col(n).is_null() == empty for n, empty in zip(columns, pattern, strict=True)]
    given = [name for name, empty in zip(columns, pattern, strict=True) if not empty]
    return held.join(named.filter(here), on=given, how="semi") if given else held


def _with_texts(desk: Desk, kind: Kind, frame: pl.DataFrame) -> pl.DataFrame:
    """The ids beside the keys of references: the content hash reads those."""
    for field in kind.fields:
        if isinstance(field.type, Ref) and field.name != field.column:
            noun = field.type.noun
            keys = frame[field.column].drop_nulls().unique().to_list()
            texts = ids_of(desk.connection, noun, keys).select(
                pl.col(noun).alias(field.column), pl.col("local_id").alias(field.name)
            )
            frame = frame.join(texts, on=field.column, how="left", maintain_order="left")
    return frame
