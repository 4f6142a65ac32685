"""The 13 discipline features, over the observed days of schools that record incidents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edupulse.features.incidents import Incidents, incidents_of
from edupulse.features.reference import Bools, Ints, Longs
from edupulse.features.robust import median, slope
from edupulse.features.tally import Block, Floats, ObservedDays
from edupulse.school.calendar import NEVER
from edupulse.school.columns import Columns

RATE_DAYS, RATE_MIN_DAYS = 45, 10
RECENT_DAYS, CHANGE_DAYS, FOLLOW_DAYS, SINCE_CAP = 60, 20, 30, 120
HALF_LIFE = 20
PER_DAYS = 100
MIN_SLOPE_INCIDENTS, MIN_REPEAT_INCIDENTS = 3, 2

_ONE = 2**40
_DECAY: Longs = np.rint(_ONE * 0.5 ** (np.arange(RECENT_DAYS) / HALF_LIFE)).astype(np.int64)
"""0.5^(age ÷ 20) in integer units, so that the order of incidents does not touch their sum."""

WHOLE_DAY = 1_000


@dataclass(frozen=True)
class Counted:
    """The incidents of m students seen from each of their weeks, `[m, C, K]`.

    `seen` had happened by the week's end `[m, C]`, `age` is in observed days. `days`, `week` and
    `year` are `[m, C]`: observed days up to the week's end, in the week, in the school year.
    """

    of: Incidents
    end: Ints
    seen: Bools
    age: Ints
    days: Ints
    week: Ints
    year: Ints

    def within(self, days: int) -> Bools:
        """Which incidents lie in the last `days` observed days."""
        return np.asarray(self.seen & (self.age < days), np.bool_)

    @property
    def in_year(self) -> Bools:
        """Which incidents lie in the school year of each week."""
        return np.asarray(self.seen & (self.age < self.year[..., None]), np.bool_)

    @cached_property
    def severities(self) -> tuple[Ints, Bools, Longs]:
        """Severities of the last 60 days (0: not among them), which they are, and how many."""
        recent = self.within(RECENT_DAYS)
        severity = np.where(recent, self.of.severity[:, None, :], 0)
        return severity, recent, recent.sum(-1)

    def incident_days(self, among: Bools) -> Ints:
        """How many distinct days the incidents `among` lie on."""
        return np.asarray((among & self.of.new_day[:, None, :]).sum(-1), np.int32)


Of = Callable[[Counted], Floats]
"""A feature `[m, W]` of the students with incidents."""


def discipline(block: Block) -> list[Floats]:
    """The features 30 to 42 of the last weeks, each `[n, weeks]`; NaN where not observed."""
    schedule, reference = block.schedule, block.reference
    mask = schedule.own_days_in(reference.covered["incidents"])
    mask &= schedule.schools_where(reference.flags["records_incidents"])
    days = ObservedDays(mask, schedule)
    shown = slice(-block.weeks, None)
    total, week = days.count[:, shown], days.weeks().days[:, shown]
    year = days.this_year().days[:, shown]
    incidents = incidents_of(block, days)
    who = incidents.who
    counted = _counted(block, incidents, total[who], week[who], year[who])

    def spread(of: Of, observed: Bools, none: float = np.nan) -> Floats:
        """The values of those with incidents, and `none` for all others."""
        if not who.size:
            return np.where(observed, none, np.nan)
        whole = np.full(total.shape, none, np.float64)
        whole[who] = of(counted)
        return np.where(observed, whole, np.nan)

    known = total > 0
    return [
        spread(_days_this_week, week > 0, 0),
        spread(_rate, total >= RATE_MIN_DAYS, 0),
        spread(_load, known, 0),
        spread(_highest, known),
        spread(_mean, known),
        spread(_slope, known),
        spread(_change, total >= 2 * CHANGE_DAYS, 0),
        spread(_days_since, known, SINCE_CAP),
        spread(_median_gap, known),
        spread(_recidivism, known),
        spread(_repeats, known),
        np.where(year > 0, _exclusion_days(block), np.nan),
        spread(_variety, known),
    ]


def _counted(block: Block, incidents: Incidents, days: Ints, week: Ints, year: Ints) -> Counted:
    end = block.schedule.end[block.schedule.path[incidents.who], -block.weeks :]
    seen = incidents.date[:, None, :] <= end[..., None]
    age = days[..., None] - 1 - incidents.rank[:, None, :]
    return Counted(incidents, end, seen, age, days, week, year)


def _share(part: npt.NDArray[np.integer], whole: npt.NDArray[np.integer], least: int) -> Floats:
    return np.asarray(part / np.where(whole >= least, whole, np.nan), np.float64)


def _days_this_week(counted: Counted) -> Floats:
    among = counted.seen & (counted.age < counted.week[..., None])
    return counted.incident_days(among).astype(np.float64)


def _rate(counted: Counted) -> Floats:
    incident_days = counted.incident_days(counted.within(RATE_DAYS))
    share = _share(incident_days, np.minimum(counted.days, RATE_DAYS), 1)
    return np.asarray(PER_DAYS * share, np.float64)


def _load(counted: Counted) -> Floats:
    recent = counted.within(RECENT_DAYS)
    weight = _DECAY[np.clip(counted.age, 0, RECENT_DAYS - 1)]
    load = np.where(recent, weight * counted.of.severity[:, None, :], 0).sum(-1)
    return np.asarray(load / _ONE, np.float64)


def _highest(counted: Counted) -> Floats:
    severity, _, number = counted.severities
    return np.where(number > 0, severity.max(-1, initial=0), np.nan)


def _mean(counted: Counted) -> Floats:
    severity, _, number = counted.severities
    return _share(severity.sum(-1), number, 1)


def _slope(counted: Counted) -> Floats:
    """Theil–Sen over the order of incidents, for all rows with as many incidents at a time."""
    severity, recent, number = counted.severities
    slopes = np.full(number.shape, np.nan)
    for many in np.unique(number[number >= MIN_SLOPE_INCIDENTS]):
        here = number == many
        ordered = severity[here][recent[here]].reshape(-1, many)
        slopes[here] = slope(ordered.astype(np.float64), MIN_SLOPE_INCIDENTS)
    return slopes


def _change(counted: Counted) -> Floats:
    now = counted.within(CHANGE_DAYS)
    before = counted.within(2 * CHANGE_DAYS) & ~now
    more = counted.incident_days(now) - counted.incident_days(before)
    return np.asarray(PER_DAYS * more / CHANGE_DAYS, np.float64)


def _days_since(counted: Counted) -> Floats:
    since = np.where(counted.seen, counted.age, SINCE_CAP).min(-1, initial=SINCE_CAP)
    return np.asarray(since, np.float64)


def _median_gap(counted: Counted) -> Floats:
    """Between incident days, both in the school year."""
    of = counted.of
    year_rank = (counted.days - counted.year)[..., None]
    among = counted.in_year & of.new_day[:, None, :] & (of.day_before[:, None, :] >= year_rank)
    if not among.size:
        return np.full(counted.days.shape, np.nan)
    gap = (of.rank - np.maximum(of.day_before, 0)).astype(np.float64)
    return median(np.where(among, gap[:, None, :], np.nan))


def _recidivism(counted: Counted) -> Floats:
    of = counted.of
    eligible = counted.in_year & (counted.age >= FOLLOW_DAYS)
    soon = (of.day_after < NEVER) & (of.day_after - of.rank <= FOLLOW_DAYS)
    happened = of.after_date[:, None, :] <= counted.end[..., None]
    followed = eligible & soon[:, None, :] & happened
    return _share(followed.sum(-1), eligible.sum(-1), 1)


def _distinct(counted: Counted, recent: Bools) -> Longs:
    """How many behaviors: those incidents whose behavior has none before them in the window."""
    window_rank = (counted.days - RECENT_DAYS)[..., None]
    first = counted.of.same_before[:, None, :] < np.maximum(window_rank, 0)
    return np.asarray((recent & first).sum(-1), np.int64)


def _repeats(counted: Counted) -> Floats:
    recent = counted.within(RECENT_DAYS)
    number = recent.sum(-1)
    return _share(number - _distinct(counted, recent), number, MIN_REPEAT_INCIDENTS)


def _variety(counted: Counted) -> Floats:
    recent = counted.within(RECENT_DAYS)
    number = recent.sum(-1)
    varied = (_distinct(counted, recent) + 1) / (number + 2)
    return np.where(number > 0, varied, np.nan)


def _exclusion_days(block: Block) -> Floats:
    """Days served of the exclusions begun in the school year of each week, up to its end."""
    schedule, shown = block.schedule, slice(-block.weeks, None)
    total = np.zeros((block.size, block.weeks), np.int64)
    rows = block.rows["exclusions"]
    if not rows.student.size:
        return total.astype(np.float64)
    standing = rows.where(_standing_exclusions(block))
    student, begins = standing.student, standing.columns["begins_on"]
    path = schedule.path[student]
    begun = schedule.counted[path, block.reference.offset(begins)][:, None]
    elapsed = np.maximum(schedule.end_at[path, shown] - begun, 0).astype(np.int64)
    given = standing.columns.filled("days", NEVER)[:, None]
    served = np.minimum(given, WHOLE_DAY * elapsed)
    this_year = begins[:, None] >= schedule.year_begins[path, shown]
    this_year &= begins[:, None] <= schedule.end[path, shown]
    np.add.at(total, student, np.where(this_year, served, 0))
    return np.asarray(total / WHOLE_DAY, np.float64)


def _standing_exclusions(block: Block) -> Bools:
    """Which exclusions are of incidents that were not overturned."""
    incidents = block.rows["incidents"].columns
    void = set(_incident_of(incidents.rows(incidents["overturned"] > 0)))
    return np.array([of not in void for of in _incident_of(block.rows["exclusions"].columns)])


def _incident_of(columns: Columns) -> Iterator[tuple[int, str | None]]:
    return zip(columns["student"].tolist(), columns.words("incident_id"), strict=True)
