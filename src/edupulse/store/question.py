"""Questions that are asked again and again: planned once a connection, their answers typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

Found = TypeVar("Found")
Made = TypeVar("Made")

Rows = Sequence[tuple[Any, ...]]

SETTINGS = (
    # One order of rows for one state of the tables: no shared scans, no gathering from workers.
    "SET synchronize_seqscans = off",
    "SET max_parallel_workers_per_gather = 0",
    # Prepared statements are planned for any students: planning takes longer than reading one.
    "SET plan_cache_mode = force_generic_plan",
)
"""Of a connection that asks questions."""


class Statement(NamedTuple):
    """A text that is planned once a connection, and the types of its parameters ($1 and on).

    The text has to show these types, too, by what it does with the parameters.
    """

    text: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class Question(Generic[Found]):
    """A statement, the values of its parameters as PostgreSQL reads them, and what its rows say."""

    statement: Statement
    values: tuple[str, ...]
    read: Callable[[Rows], Found]

    def then(self, made: Callable[[Found], Made]) -> Question[Made]:
        """The same question; of its answer something is made."""
        return Question(self.statement, self.values, lambda rows: made(self.read(rows)))


def array(values: Iterable[object]) -> str:
    """Keys or UUIDs as the value of a parameter that is an array."""
    return f"{{{','.join(map(str, values))}}}"
