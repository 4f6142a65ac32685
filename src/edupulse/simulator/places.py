"""The schools: levels, calendars with breaks and snow, terms, and what each one records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from edupulse.simulator import draws
from edupulse.simulator.plan import DistrictPlan

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

TIMEZONE = "America/Chicago"
LEVELS = {"high": (9, 12), "middle": (6, 8), "elementary": (3, 5), "combined": (6, 12)}
PLANNED_DAYS = 180
FRIDAY = 4


@dataclass(frozen=True)
class Term:
    """A grading period: of which school and year (0 is the first), its place in it, its days."""

    school: int
    year: int
    number: int
    begins: int
    ends: int


@dataclass(frozen=True)
class Places:
    """All schools; days are counted from 1 July of the first year.

    Arrays `[school]` hold what a school is, arrays `[school, day]` what a day is there:
    `open` (school was held), `planned` (the calendar said so before the snow), `observed`
    (attendance system up), `half` (an early release), `term` (index in `terms`, −1 outside),
    `term_middle`, `term_close` and `year_close` (last open days).
    """

    first: date
    levels: list[str]
    low: Ints
    high: Ints
    absence: Floats
    conduct: Floats
    letters: Flags
    by_category: Flags
    weighted: Flags
    semesters: Flags
    sced: Flags
    every_day: Flags
    records: dict[str, Flags]
    passing: Floats
    planned: Flags
    open: Flags
    half: Flags
    observed: Flags
    term: Ints
    term_middle: Flags
    term_close: Flags
    year_close: Flags
    terms: list[Term]

    @property
    def count(self) -> int:
        """The number of schools."""
        return len(self.levels)

    @property
    def days(self) -> int:
        """The number of calendar days of the whole story."""
        return int(self.open.shape[1])

    def day(self, when: date) -> int:
        """The number of a date."""
        return (when - self.first).days

    def date(self, day: int) -> date:
        """The date of a day's number."""
        return self.first + timedelta(days=int(day))

    def year_of(self, day: int) -> int:
        """The school year of a day; 0 is the first."""
        when = self.date(day)
        return when.year - self.first.year - (when.month < 7)

    def serving(self, grade: int) -> Ints:
        """The schools that have a grade level."""
        return np.flatnonzero((self.low <= grade) & (grade <= self.high)).astype(np.int32)


def build_places(plan: DistrictPlan) -> Places:
    """The schools of a plan; the first six carry the peculiarities that a district has."""
    count = plan.school_count
    levels = _levels(count)
    first = date(plan.first_year, 7, 1)
    days = (date(plan.first_year + plan.years, 7, 1) - first).days
    keys = draws.root(plan.seed, "school", count)
    quirk = np.where(np.arange(count) < 6, np.arange(count), -1)
    semesters = _either(keys, "semesters", quirk, on=(3,), share=0.25)
    four_days = quirk == 2
    planned, half = _calendars(plan, keys, four_days, days)
    terms = _terms(planned, semesters, plan, first)
    term, middle, close, year_close = _term_days(terms, planned, semesters)
    snow = _snow(keys, planned, close | middle, plan)
    return Places(
        first=first,
        levels=levels,
        low=np.array([LEVELS[level][0] for level in levels], np.int32),
        high=np.array([LEVELS[level][1] for level in levels], np.int32),
        absence=draws.normal(keys, "absence") * 0.15,
        conduct=draws.normal(keys, "conduct") * 0.15,
        letters=_either(keys, "letters", quirk, on=(1, 2, 5), share=0.4),
        by_category=_either(keys, "categories", quirk, on=(1, 3), share=0.4),
        weighted=_either(keys, "weights", quirk, on=(0, 3), share=0.3),
        semesters=semesters,
        sced=_either(keys, "sced", quirk, on=(0, 1, 3), share=0.5),
        every_day=quirk == 4,
        records=_recorded(keys, quirk, plan.missingness),
        passing=np.where(quirk == 4, 62.0, 60.0),
        planned=planned,
        open=planned & ~snow,
        half=half,
        observed=_system_up(keys, planned, plan),
        term=term,
        term_middle=middle,
        term_close=close,
        year_close=year_close,
        terms=terms,
    )


def _levels(count: int) -> list[str]:
    if count == 1:
        return ["combined"]
    if count == 2:
        return ["high", "middle"]
    return [("high", "middle", "elementary")[number % 3] for number in range(count)]


def _either(
    keys: draws.Keys, name: str, quirk: npt.NDArray[np.int64], on: tuple[int, ...], share: float
) -> Flags:
    """The first six schools as told, the others by lot."""
    return np.where(quirk >= 0, np.isin(quirk, on), draws.uniform(keys, name) < share)


def _recorded(
    keys: draws.Keys, quirk: npt.NDArray[np.int64], missingness: float
) -> dict[str, Flags]:
    absent_at = {"excuse": 3, "tardies": 4, "partial_days": 5, "gradebook": 2, "incidents": 5}
    return {
        kind: ~_either(keys, kind, quirk, on=(school,), share=missingness / 4)
        for kind, school in absent_at.items()
    }


def _calendars(
    plan: DistrictPlan, keys: draws.Keys, four_days: Flags, days: int
) -> tuple[Flags, Flags]:
    planned = np.zeros((keys.size, days), np.bool_)
    half = np.zeros_like(planned)
    origin = date(plan.first_year, 7, 1)
    for year in range(plan.years):
        begins = draws.uniform(keys, "begin", year) * 9
        breaks = _breaks(plan.first_year + year)
        for school in range(keys.size):
            when = date(plan.first_year + year, 8, 16) + timedelta(days=int(begins[school]))
            held = 0
            while held < PLANNED_DAYS:
                if when.weekday() < 5 and when not in breaks:
                    held += 1
                    day = (when - origin).days
                    planned[school, day] = not (four_days[school] and when.weekday() == FRIDAY)
                    half[school, day] = planned[school, day] and held % 45 in (20, 44)
                when += timedelta(days=1)
    return planned, half


def _breaks(year: int) -> set[date]:
    """The holidays of the school year that begins in `year`."""
    off = {_nth(year, 9, 0, 1), _nth(year, 10, 0, 2), date(year, 11, 11)}
    thanks = _nth(year, 11, 3, 4)
    off |= {thanks + timedelta(days=shift) for shift in (-1, 0, 1)}
    off |= {date(year, 12, 22) + timedelta(days=shift) for shift in range(14)}
    off |= {_nth(year + 1, 1, 0, 3), _nth(year + 1, 2, 0, 3)}
    spring = _nth(year + 1, 3, 0, 4)
    off |= {spring + timedelta(days=shift) for shift in range(5)}
    memorial = date(year + 1, 5, 31)
    return off | {memorial - timedelta(days=memorial.weekday())}


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _terms(planned: Flags, semesters: Flags, plan: DistrictPlan, first: date) -> list[Term]:
    terms = []
    for school, parts in enumerate(np.where(semesters, 2, 4)):
        for year in range(plan.years):
            low = (date(plan.first_year + year, 7, 1) - first).days
            high = (date(plan.first_year + year + 1, 7, 1) - first).days
            held = low + np.flatnonzero(planned[school, low:high])
            for number, part in enumerate(np.array_split(held, parts)):
                terms.append(Term(school, year, number, int(part[0]), int(part[-1])))
    return terms


def _term_days(
    terms: list[Term], planned: Flags, semesters: Flags
) -> tuple[Ints, Flags, Flags, Flags]:
    term = np.full(planned.shape, -1, np.int32)
    middle, close, year_close = (np.zeros_like(planned) for _ in range(3))
    for index, part in enumerate(terms):
        held = part.begins + np.flatnonzero(planned[part.school, part.begins : part.ends + 1])
        term[part.school, part.begins : part.ends + 1] = index
        middle[part.school, held[held.size // 2]] = True
        close[part.school, part.ends] = True
        last = 1 if semesters[part.school] else 3
        year_close[part.school, part.ends] = part.number == last
    return term, middle, close, year_close


def _snow(keys: draws.Keys, planned: Flags, kept: Flags, plan: DistrictPlan) -> Flags:
    """Days lost to snow in winter; never a day on which a term ends or its middle falls."""
    snow = np.zeros_like(planned)
    for year in range(plan.years):
        low = (date(plan.first_year + year, 12, 1) - date(plan.first_year, 7, 1)).days
        winter = slice(low, low + 105)
        for day in range(low, low + 105):
            storm = draws.uniform(keys[:1], "storm", plan.seed, day)[0] < 0.025
            if storm:
                snow[:, day] = draws.uniform(keys, "snow", day) < 0.7
        snow[:, winter] &= planned[:, winter] & ~kept[:, winter]
    return snow


def _system_up(keys: draws.Keys, planned: Flags, plan: DistrictPlan) -> Flags:
    """False on the days on which a school's attendance system was down."""
    up = np.ones_like(planned)
    for year in range(plan.years):
        low = (date(plan.first_year + year, 9, 1) - date(plan.first_year, 7, 1)).days
        down = draws.uniform(keys, "down", year) < plan.missingness
        begins = low + (draws.uniform(keys, "down on", year) * 230).astype(int)
        length = 3 + (draws.uniform(keys, "down for", year) * 10).astype(int)
        for school in np.flatnonzero(down):
            up[school, begins[school] : begins[school] + length[school]] = False
    return up
