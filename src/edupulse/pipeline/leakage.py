"""Does anything in an evaluation see the future? Asked of the artefacts before any figure is shown.

What a checkpoint and a contest rest on is made again from less: features from records without all
that came to be known later, labels from records as of their closing, the scaler from the training
part alone. Whatever then differs has seen what it must not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl

from edupulse.model.checkpoint import Checkpoint
from edupulse.model.scaling import Scaler, fit_scaler
from edupulse.model.track_record import Canary
from edupulse.panel.definition import OutcomeDefinition
from edupulse.panel.outcomes import closed_outcomes
from edupulse.panel.panel import panel_of
from edupulse.panel.splits import PARTS, early_stopping, hashed_share
from edupulse.panel.windows import Cohort, Flags, Times, Windows
from edupulse.pipeline.judging import (
    AS_OF_DAYS,
    LEARNED_UNTIL,
    RECORDS,
    Parts,
    check_untouched,
)
from edupulse.pipeline.material import Material, Told, days_of, silent
from edupulse.school.errors import Leakage
from edupulse.school.knowledge import History, Known, StudentKeys
from edupulse.store.store import Store

STUDENTS = 100
"""Students, by hash, whose features and labels are made again on every as-of day."""

HAPPENED_ON = {
    "attendance": "date",
    "marks": "due_on",
    "course_grades": "posted_on",
    "incidents": "date",
    "exclusions": "begins_on",
}
"""The day of which a record tells."""

_Array = npt.NDArray[Any]
_AHEAD = timedelta(days=7)
_EARLIER = timedelta(days=30)
WHAT = "Looking for leaks"
"""What a bar of progress says meanwhile."""

_READ = ("values", "observed", "held", "week_start", "grade_level")
_TOLD = ("known", "off_track", "severity", "first", "last", "closes_at")


def check_leakage(
    store: Store, which: Checkpoint, rows: Material, parts: Parts, now: datetime, told: Told
) -> tuple[Canary, ...]:
    """Ask everything about leakage that the artefacts allow. Raises Leakage with the reason."""
    provenance = which.manifest.provenance
    definition = OutcomeDefinition.from_json(provenance.outcome)
    learned, days = provenance.data[LEARNED_UNTIL], provenance.data.get(AS_OF_DAYS)
    corrected = rows.seen is not None and bool(rows.seen.any())
    unchanged = provenance.data.get(RECORDS) == store.fingerprint() and not corrected
    check_untouched(parts.test, learned)
    found = (
        check_horizons(vars(parts), definition),
        check_learned(rows, days, learned),
        *check_features(store, rows, now, told),
        check_outcomes(store, rows, definition, now, told),
        # The last: a feature that leaks has another scale too.
        check_scaler(rows, which.manifest.scaler, days, unchanged),
    )
    told(WHAT, 1.0)
    return found


def check_features(
    store: Store, rows: Material, now: datetime, told: Told = silent
) -> tuple[Canary, ...]:
    """Make the windows of some students again from records without the future: the same bits?

    Once without every version known later, once with what happened in the next days announced
    beforehand, which is known and still must not count. Raises Leakage where a bit differs.
    """
    students = _some(rows.windows.student)
    history = store.history(students, until=now)
    instants = np.unique(rows.windows.as_of)
    gone = ahead = compared = 0
    for number, instant in enumerate(instants):
        told(WHAT, number / instants.size / 2)
        mine = rows.windows.take(
            (rows.windows.as_of == instant) & np.isin(rows.windows.student, students)
        )
        if not len(mine):
            continue
        as_of = _aware(instant)
        then = {name: _as_then(frame, as_of) for name, frame in history.frames.items()}
        gone += sum(frame.height for frame in history.frames.values())
        gone -= sum(frame.height for frame in then.values())
        _same_windows(mine, History(students, then).at(as_of), _LATE, as_of)
        tomorrow = dict(_announced(history, as_of))
        ahead += sum(frame.height for frame in tomorrow.values())
        announced = then | {name: pl.concat([then[name], new]) for name, new in tomorrow.items()}
        _same_windows(mine, History(students, announced).at(as_of), _PEEK, as_of)
        compared += len(mine)
    on = f"{compared:,} windows of {students.size} students on {instants.size} as-of days"
    return (
        Canary("late_knowledge", gone > 0, f"{on} made again without {gone:,} later versions"),
        Canary("peek", ahead > 0, f"{on} made again with {ahead:,} records of the days after"),
    )


_LATE = "what came to be known only later"
_PEEK = "records of the days after it"


def check_outcomes(
    store: Store, rows: Material, definition: OutcomeDefinition, now: datetime, told: Told = silent
) -> Canary:
    """Make the labels of some students again from records as of each closing: the same?

    Those that educators' words changed are left out. Raises Leakage where one differs.
    """
    told(WHAT, 0.5)
    students = _some(rows.windows.student)
    chosen = np.isin(rows.windows.student, students)
    if rows.seen is not None:
        chosen &= ~rows.seen
    mine = rows.take(chosen)
    history = store.history(students, until=now)

    def read(whom: StudentKeys, instant: datetime) -> Known:
        frames = {name: _as_then(frame, instant) for name, frame in history.frames.items()}
        return History(whom if whom.size else students, frames).at(instant)

    windows = mine.windows
    cohort = Cohort(windows.student, windows.school, windows.as_of)
    again = closed_outcomes(read, cohort, now, definition)
    for name in _TOLD:
        ours, theirs = getattr(mine.outcomes, name), getattr(again, name)
        wrong = (ours != theirs) & ~(_nat(ours) & _nat(theirs))
        if wrong.any():
            raise Leakage(
                f"{int(wrong.sum())} of {len(mine):,} labels ({name}) come out otherwise from what "
                "was known when their horizons closed.",
                "A label must not use what came to be known later; nothing was evaluated.",
            )
    on = f"{len(mine):,} labels of {students.size} students made again as of their closing"
    return Canary("labels", len(mine) > 0, on)


def check_horizons(parts: Mapping[str, Material], definition: OutcomeDefinition) -> Canary:
    """Do the label windows of no part touch a later one, by days, whatever they say of closing?

    Raises Leakage where they do, or where a label is said to close too soon.
    """
    closing = np.timedelta64(definition.closes_after, "D")
    for name, part in parts.items():
        early = part.outcomes.closes_at < part.outcomes.last + closing
        if early.any():
            raise Leakage(
                f"{int(early.sum())} labels of the part '{name}' are said to close before "
                f"{definition.closes_after} days have passed since their horizon's end.",
                "The parts cannot be told apart in time; nothing was evaluated.",
            )
    begins = {name: days_of(part.windows.as_of).min() for name, part in parts.items()}
    for earlier, later in (("train", "calibrate"), ("calibrate", "test"), ("train", "test")):
        reaches = parts[earlier].outcomes.last.max()
        if reaches >= begins[later]:
            raise Leakage(
                f"The label windows of the part '{earlier}' reach to {reaches}, those of "
                f"'{later}' are read from {begins[later]} on.",
                "Divide the as-of days anew; nothing was evaluated.",
            )
    found = ", ".join(
        f"{name} {begins[name]} to {part.outcomes.last.max()}" for name, part in parts.items()
    )
    return Canary("label_windows", True, f"from the first as-of day to the last label: {found}")


def check_learned(rows: Material, as_of_days: Mapping[str, Any] | None, learned: str) -> Canary:
    """Had every label of the days that a checkpoint names closed when it says that they had?

    `as_of_days` are the instants of its parts, ISO 8601 in UTC. Raises Leakage where not.
    """
    name = "learned_until"
    if as_of_days is None:
        return Canary(name, False, "the checkpoint does not name its as-of days")
    taught = np.isin(rows.windows.as_of, _instants(as_of_days, "train", "calibrate"))
    closes = rows.outcomes.closes_at[taught & rows.outcomes.known]
    if not closes.size:
        return Canary(name, False, "none of the checkpoint's as-of days is in these records")
    if closes.max() > np.datetime64(learned.removesuffix("Z")):
        raise Leakage(
            f"The checkpoint says that its labels had closed by {learned}, but one of the days "
            f"that it names closed on {closes.max().astype('datetime64[D]')}.",
            "Train again; nothing was evaluated.",
        )
    return Canary(name, True, f"{closes.size:,} labels that taught it had closed by {learned}")


def check_scaler(
    rows: Material, scaler: Scaler, as_of_days: Mapping[str, Any] | None, unchanged: bool
) -> Canary:
    """Was the checkpoint's scaler fitted on its training part, and on nothing else?

    `unchanged`: are the records those that it was trained on? Raises Leakage where the scaler is
    another, or that of all parts together; where records changed, the first cannot be told.
    """
    name = "scaler"
    if as_of_days is None:
        return Canary(name, False, "the checkpoint does not name its as-of days")
    known = rows.outcomes.known
    train = known & np.isin(rows.windows.as_of, _instants(as_of_days, "train"))
    kept = train & ~early_stopping(rows.windows.student)
    if not kept.any():
        return Canary(name, False, "none of the checkpoint's training days is in these records")
    pieces = 0 if scaler.knots is None else scaler.knots.shape[1] - 1
    if _equal(scaler, _fitted(rows.windows, kept, pieces)):
        return Canary(name, True, f"fitted anew on {int(kept.sum()):,} training rows: the same")
    everything = known & np.isin(rows.windows.as_of, _instants(as_of_days, *PARTS))
    wider = [everything, everything & ~early_stopping(rows.windows.student), train]
    if unchanged or any(_equal(scaler, _fitted(rows.windows, some, pieces)) for some in wider):
        raise Leakage(
            "The checkpoint's scaler is not the one of its training part alone "
            f"({int(kept.sum()):,} rows): it was fitted on other rows too.",
            "Train again; nothing was evaluated.",
        )
    return Canary(name, False, "the records changed since the training, and so did their scale")


def _fitted(windows: Windows, rows: Flags, pieces: int) -> Scaler:
    seen = windows.observed[rows] & windows.held[rows][:, :, None]
    return fit_scaler(windows.values[rows], seen, pieces)


def _equal(one: Scaler, other: Scaler) -> bool:
    """The same but for the order in which sums were made."""
    pairs = [(one.center, other.center), (one.gain, other.gain)]
    if one.knots is not None and other.knots is not None:
        pairs.append((one.knots, other.knots))
    return all(np.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in pairs)


def _instants(as_of_days: Mapping[str, Any], *parts: str) -> Times:
    said = [day.removesuffix("Z") for part in parts for day in as_of_days.get(part, ())]
    return np.array(said, "datetime64[us]")


def _some(student: StudentKeys) -> StudentKeys:
    """About STUDENTS of the students, by hash, so that a district's order says nothing."""
    every = np.unique(student)
    share = min(1.0, STUDENTS / max(every.size, 1))
    chosen = every[hashed_share(every, share, salt=23)]
    return chosen if chosen.size else every[:STUDENTS]


def _as_then(frame: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The versions that had come by `as_of`, without a word of what took their place later."""
    until = pl.col("known_until")
    return frame.filter(pl.col("known_from") <= as_of).with_columns(
        known_until=pl.when(until <= as_of).then(until)
    )


def _announced(history: History, as_of: datetime) -> Iterator[tuple[str, pl.DataFrame]]:
    """What is on record of the days after `as_of`, as if it had been known a month before."""
    zones = history.frames["schools"]["timezone"].fill_null("UTC").unique().to_list() or ["UTC"]
    today = max(as_of.astimezone(ZoneInfo(zone)).date() for zone in zones)
    for name, day in HAPPENED_ON.items():
        frame = history.frames[name].filter(
            pl.col(day).is_between(today, today + _AHEAD, closed="right"),
            pl.col("known_until").is_null(),
            pl.col("known_from") > as_of,
        )
        yield name, frame.with_columns(known_from=pl.lit(as_of - _EARLIER, _UTC_TIME))


def _same_windows(mine: Windows, known: Known, what: str, as_of: datetime) -> None:
    """Raise Leakage unless the windows of these rows come out of `known` bit for bit."""
    again = panel_of(known).windows
    place = np.searchsorted(again.student, mine.student)
    again = again.take(place)
    for name in _READ:
        ours, theirs = getattr(mine, name), getattr(again, name)
        if ours.tobytes() != theirs.tobytes():
            raise Leakage(
                f"Features as of {as_of:%Y-%m-%d} depend on {what} ({_where(ours, theirs)}).",
                "No feature may see past its as-of instant; nothing was evaluated.",
            )


def _where(ours: _Array, theirs: _Array) -> str:
    one, other = (side.view(np.uint8).reshape(len(side), -1) for side in (ours, theirs))
    return f"{int((one != other).any(axis=1).sum())} of {len(ours)} students"


def _nat(values: _Array) -> Flags:
    if values.dtype.kind != "M":
        return np.zeros(values.shape, np.bool_)
    return np.isnat(values)


def _aware(instant: np.datetime64) -> datetime:
    found: datetime = instant.astype("datetime64[us]").item()
    return found.replace(tzinfo=UTC)


_UTC_TIME = pl.Datetime("us", "UTC")
