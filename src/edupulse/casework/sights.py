"""What viewers see, kept between requests: exact, and only what both locks let through.

A sight is kept under the version of the rights, which every request asks the database for, and
under the span of time in which nothing else changes them. So a right that was taken away is gone
with the next request, in every process.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable
from datetime import datetime

from edupulse.casework.access import Part, Sight, Viewer, sight
from edupulse.store.kept import Kept
from edupulse.store.moments import Moments
from edupulse.store.store import Store

MOST = 512
"""Viewers whose sights are kept: about 100 bytes for each student that one of them sees."""
TRIES = 3


class Sights:
    """The sights of one process; `differed` hears of whom the two locks do not agree."""

    def __init__(self, store: Store, differed: Callable[[Viewer], None]) -> None:
        self._store, self._differed = store, differed
        self._kept: Kept[tuple[Viewer, Hashable], Sight] = Kept(MOST)
        self._moments: Kept[None, Moments] = Kept(1)

    def of(self, viewer: Viewer, at: datetime, version: int) -> Sight:
        """What both locks let the viewer see at `at`; `version` is that of the rights just now."""
        key = (viewer, self._moments_at(at, version).span(at))
        return self._kept.get(version, key, lambda: self._decided(viewer, at))

    def kept(self, viewer: Viewer, at: datetime, version: int) -> Sight | None:
        """The same, where it is kept and nothing needs to be asked for."""
        moments = self._moments.find(version, None)
        if moments is None or at < moments.since:
            return None
        return self._kept.find(version, (viewer, moments.span(at)))

    def _moments_at(self, at: datetime, version: int) -> Moments:
        found = self._moments.find(version, None)
        if found is None or at < found.since:
            found = self._moments.keep(version, None, self._store.moments(at))
        return found

    def _decided(self, viewer: Viewer, at: datetime) -> Sight:
        """By both locks; a record that came between the two questions lets us ask again."""
        if viewer.may_write_records:
            return sight(self._store, viewer, at)
        for _ in range(TRIES):
            version = self._store.rights_version()
            decided, shown = sight(self._store, viewer, at), shown_to(self._store, viewer, at)
            if version == self._store.rights_version():
                break
        agreed = agreed_on(decided, shown)
        if agreed is not decided:
            self._differed(viewer)
        return agreed


def shown_to(store: Store, viewer: Viewer, at: datetime) -> Sight:
    """What the second lock shows the viewer at `at`."""
    found = store.shown(viewer.asking(at), Part)
    some: dict[int, set[Part]] = defaultdict(set)
    for part, (_, students) in found.items():
        for student in students:
            some[student].add(Part(part))
    everyone = frozenset(Part(part) for part, (is_everyone, _) in found.items() if is_everyone)
    return Sight(everyone, {student: frozenset(parts) for student, parts in some.items()})


def agreed_on(decided: Sight, shown: Sight) -> Sight:
    """`decided` itself where the locks agree; else what each of them lets through."""
    students = decided.some.keys() | shown.some.keys()
    if decided.everyone == shown.everyone and all(
        decided.of(student) == shown.of(student) for student in students
    ):
        return decided
    both = {student: decided.of(student) & shown.of(student) for student in students}
    return Sight(decided.everyone & shown.everyone, both, decided.rights)
