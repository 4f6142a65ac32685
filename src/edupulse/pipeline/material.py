"""What a model learns from and is judged by: windows and outcomes of past as-of days.

Training is scoring in the past: the same panel is built for each as-of day, from what was known
then. Students are taken in blocks, so that memory does not grow with the district.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt

from edupulse.panel.definition import OutcomeDefinition
from edupulse.panel.horizon import known_calendar
from edupulse.panel.outcomes import Outcomes, closed_outcomes, concat_outcomes
from edupulse.panel.panel import Panel, panel_of
from edupulse.panel.seasons import State
from edupulse.panel.splits import as_of_days, check_labels
from edupulse.panel.windows import Flags, Times, Windows, concat
from edupulse.pipeline.feedback import heed
from edupulse.school.errors import NotReady
from edupulse.school.knowledge import History, Known, StudentKeys, end_of_day
from edupulse.school.records import MARKS, SCHOOLS, STUDENT_IDS
from edupulse.store.feedback import outcomes_seen
from edupulse.store.store import Store

BLOCK = 800
"""Students read at once by one worker."""

WORKERS = max(1, min(4, os.cpu_count() or 1))
"""Blocks worked on at a time; memory grows with it, and with nothing else."""

SCORABLE: tuple[State, ...] = ("scored",)

Told = Callable[[str, float], None]
"""Told what is being done and the part of it that is done, 0 to 1."""


@dataclass(frozen=True, eq=False)
class Material:
    """Windows and their outcomes, row by row: the scorable students of each as-of day.

    `seen` bool[N]: which outcomes are as educators saw them, unlike the records (None: none).
    """

    windows: Windows
    outcomes: Outcomes
    seen: Flags | None = None

    def __len__(self) -> int:
        return len(self.windows)

    def take(self, rows: npt.ArrayLike) -> Material:
        """Some rows: their numbers, or a mask bool[N]."""
        seen = None if self.seen is None else self.seen[np.asarray(rows)]
        return Material(self.windows.take(rows), self.outcomes.take(rows), seen)


def silent(_what: str, _part: float) -> None:
    """Tells nobody."""


def past_as_of_days(store: Store, now: datetime) -> list[datetime]:
    """The as-of instants of the district's calendar up to `now`, every 4 instructional weeks."""
    schools = store.known(_NOBODY, now)
    days = as_of_days(known_calendar(schools)).tolist()
    instants = instants_of(schools, days)
    return [instant for instant in instants if instant <= now]


def instants_of(known: Known, days: Sequence[date]) -> list[datetime]:
    """The end of each day, where it ends last among the schools."""
    zones = known.frame(SCHOOLS)["timezone"].fill_null("UTC").unique().to_list()
    return [end_of_day(day, zones) for day in days]


def days_of(as_of: Times) -> Times:
    """The local days datetime64[D] that as-of instants of `instants_of` end.

    Right from UTC−10 to UTC+13, where a day ends at 10:00 of the next one, or 11:00 of the same.
    """
    return (as_of - np.timedelta64(10, "h")).astype("datetime64[D]")


def material(
    store: Store,
    as_of: Sequence[datetime],
    definition: OutcomeDefinition,
    now: datetime,
    *,
    students: StudentKeys | None = None,
    states: Collection[State] = SCORABLE,
    told: Told = silent,
) -> Material:
    """The windows and outcomes of the students enrolled at each as-of instant (None: everyone).

    Only rows in one of the `states` are kept: by default those that may be scored, so neither
    students without enough data nor days out of season. An outcome that has not closed at `now` is
    unknown; what educators saw is heeded. Raises NotReady where nothing is left.
    """
    told("Reading the past", 0.0)
    students = _ever_enrolled(store, as_of) if students is None else students
    blocks = [students[begin : begin + BLOCK] for begin in range(0, students.size, BLOCK)]

    def block(keys: StudentKeys) -> Material | None:
        history = store.history(keys, until=now)
        return _block(history, as_of, definition, now, states)

    parts: list[Material] = []
    # Threads: NumPy and Polars do nearly all of the work outside the interpreter lock.
    with ThreadPoolExecutor(WORKERS) as pool:
        for number, part in enumerate(pool.map(block, blocks), 1):
            parts += [] if part is None else [part]
            told("Reading the past", number / len(blocks))
    if not parts:
        raise NotReady(
            "No student can be scored on any past as-of day.",
            "Import records of more than one school year; see `edupulse doctor`.",
        )
    windows = concat(part.windows for part in parts)
    with store.writing() as connection:
        said = outcomes_seen(connection, now)
    outcomes, seen = heed(windows, concat_outcomes(part.outcomes for part in parts), said, now)
    check_labels(windows.as_of, outcomes, now)
    return Material(windows, outcomes, seen)


def _ever_enrolled(store: Store, as_of: Sequence[datetime]) -> StudentKeys:
    enrolled = [store.students_at(instant) for instant in as_of]
    return np.unique(np.concatenate([_NOBODY, *enrolled]))


def _block(
    history: History,
    as_of: Sequence[datetime],
    definition: OutcomeDefinition,
    now: datetime,
    states: Collection[State],
) -> Material | None:
    panels = [panel_of(history.at(instant)) for instant in as_of]
    windows = concat(panel.windows.take(_kept(panel, states)) for panel in panels)
    if not len(windows):
        return None
    # Outcomes need no marks, the most numerous records by far.
    bare = {name: rows for name, rows in history.columns.items() if name != MARKS.name}
    unmarked = _reader(
        History(history.students, {**bare, STUDENT_IDS.name: history.merges}, history.schools)
    )
    return Material(windows, closed_outcomes(unmarked, windows.cohort, now, definition))


def _kept(panel: Panel, states: Collection[State]) -> Flags:
    """The enrolled students in one of the states."""
    return np.isin(panel.states(), list(states)) & (panel.windows.school >= 0)


def _reader(history: History) -> Callable[[StudentKeys, datetime], Known]:
    return lambda _students, instant: history.at(instant.astimezone(UTC))


_NOBODY = np.zeros(0, np.int32)
