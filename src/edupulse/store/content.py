"""A 64-bit hash of a version's content, the same on every machine and in every release.

Of two versions of one record with the same `known_at`, the one with the greater hash wins
(csv.md), so the hash must not depend on the machine, the order of rows or a library's version.
Integer columns are mixed by the finalizer of SplitMix64 (Steele, Lea & Flood 2014); texts enter by
the first 8 bytes of their BLAKE2b digest.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.school.fields import Field, Ref
from edupulse.school.kind import Kind
from edupulse.store.rows import to_row

_Words = npt.NDArray[np.uint64]
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_UNKNOWN = np.uint64(0x6A09E667F3BCC909)  # the fraction of the square root of 2, as in SHA-512


def content_hash(kind: Kind, versions: pl.DataFrame) -> pl.Series:
    """The hash of each row's content columns and `retracted`, as int64.

    A reference enters by the district's own text where the frame still has it (`school_id`), so
    that our numbering does not matter; else by its key.
    """
    state = np.zeros(versions.height, np.uint64)
    content = [_part(f, versions.columns) for f in kind.fields if f.name not in kind.key]
    for column in versions.select(*content, "retracted"):
        state = _mixed(state ^ _words(column))
    return pl.Series("hash", state.view(np.int64))


def _part(of: Field, columns: list[str]) -> pl.Expr:
    return pl.col(of.name) if isinstance(of.type, Ref) and of.name in columns else to_row(of)


def _words(column: pl.Series) -> _Words:
    if column.dtype == pl.String:
        column = _digests(column)
    else:
        column = column.cast(pl.Int32 if column.dtype == pl.Date else pl.Int64).cast(pl.Int64)
    words = column.fill_null(0).to_numpy().view(np.uint64)
    return np.where(column.is_null().to_numpy(), _UNKNOWN, words)


def _digests(texts: pl.Series) -> pl.Series:
    """Each text's digest as int64; a text that occurs often is hashed once."""
    different = texts.unique().drop_nulls()
    digests = pl.Series([_digest(text) for text in different], dtype=pl.Int64)
    if not different.len():
        return pl.Series([None] * texts.len(), dtype=pl.Int64)
    return texts.replace_strict(different, digests, return_dtype=pl.Int64)


def _digest(text: str) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def _mixed(words: _Words) -> _Words:
    words = words + _STEP
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return np.asarray(words ^ (words >> np.uint64(31)), np.uint64)
