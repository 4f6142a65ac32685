"""Answers about a few students at a time, as soon as they are asked for: the path of `scoring`.

What does not change between two questions is kept: the checkpoint's session, until the registry's
version grows, and the records of schools, until that of the reference does. Versions and records
are read from one snapshot, so that an answer rests on exactly the versions that it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from edupulse.features.reference import first_day
from edupulse.pipeline.speaking import Line, Serving, Voice, lines_of, to_store, voice_of
from edupulse.school.errors import BadInput, NotFound, NotReady
from edupulse.school.knowledge import History, Known, Schools
from edupulse.store import histories
from edupulse.store.risks import Weeks, weeks_before, with_worklist_band
from edupulse.store.standing import Basis, Prediction
from edupulse.store.store import Store
from edupulse.store.versions import Versions, versions

_TO_WARM = 8
"""Students, so many that some of them have every kind of record."""


@dataclass
class Predictor:
    """Predicts by what serves, or by the `speaking` one. Not to be used by two threads at once."""

    store: Store
    serving: Serving = field(default_factory=Serving)
    speaking: Voice | None = None
    _voice: tuple[int, Voice] | None = None
    _schools: tuple[int, Schools] | None = None

    def predict(
        self, students: Mapping[int, UUID], as_of: datetime, *, explained: bool = False
    ) -> list[Prediction]:
        """What is said of each student (key to UUID) as of an instant, in order.

        With the worklist's band. Raises NotReady where what should serve cannot speak.
        """
        return [
            replace(one, risk=with_worklist_band(one.risk, weeks.get(one.risk.student, ())))
            for weeks, spoken in self._in_parts(students, as_of, explained, weekly=True)
            for _, one in spoken
        ]

    def speak(
        self, students: Mapping[int, UUID], as_of: datetime, *, explained: bool = False
    ) -> list[tuple[Line, Prediction]]:
        """The same for a list, without that band, which takes the whole year's answers to read."""
        parts = self._in_parts(students, as_of, explained, weekly=False)
        return [one for _, spoken in parts for one in spoken]

    def _in_parts(
        self, students: Mapping[int, UUID], as_of: datetime, explained: bool, *, weekly: bool
    ) -> Iterator[tuple[Weeks, list[tuple[Line, Prediction]]]]:
        """As many at a time as are read in one question, each part of a state of its own."""
        rest = iter(students.items())
        while some := dict(islice(rest, histories.AT_A_TIME)):
            found, history, weeks = self._read(list(some), as_of, weekly=weekly)
            yield weeks, self._spoken(found, history, some, as_of, explained)

    def _read(
        self, students: Sequence[int], as_of: datetime, *, weekly: bool = False
    ) -> tuple[Versions, History, Weeks]:
        """Of one state: versions, the records that count as of an instant, and the weeks before."""
        while True:
            reference, schools = self._schools or self._read_schools()
            with self.store.asking() as asked:
                found = asked.ask(versions(students))
                history = asked.ask(histories.history_of(students, schools, first_day(as_of)))
                weeks = asked.ask(weeks_before(students if weekly else (), as_of))
            now = found()
            if now.reference == reference:
                return now, history(), weeks()
            self._schools = None

    def _read_schools(self) -> tuple[int, Schools]:
        with self.store.snapshot() as reading:
            reference = reading.answer(versions()).reference
            self._schools = reference, histories.schools(reading)
        return self._schools

    def _spoken(
        self,
        found: Versions,
        history: History,
        students: Mapping[int, UUID],
        as_of: datetime,
        explained: bool,
    ) -> list[tuple[Line, Prediction]]:
        known = history.at(as_of)
        ids = {key: str(id_) for key, id_ in students.items()}
        lines = lines_of(known, self.voice(found.registry), ids, explained=explained)
        until = _earliest(day_ends(known), history.next_change(as_of))
        return [
            (line, Prediction(to_store(line), Basis.of(found, line.student), until))
            for line in lines
        ]

    def warm(self, now: datetime) -> None:
        """Predict a few students for nobody: the first who asks waits for no loading or compiling.

        Whatever stands in the way is left for the first who asks to hear.
        """
        with suppress(Exception):
            students = self.store.students_at(now)[:_TO_WARM].tolist()
            self.predict(self.store.student_ids(students), now)

    def voice(self, registry: int) -> Voice:
        """Who speaks, as of that version of the registry or a later one."""
        if self.speaking is not None:
            return self.speaking
        if self._voice is None or self._voice[0] != registry:
            try:
                self._voice = registry, voice_of(self.store, serving=self.serving)
            except (NotFound, BadInput) as error:
                raise NotReady(
                    f"The checkpoint that serves cannot be read: {error.problem}", error.to_do
                ) from error
        return self._voice[1]


def day_ends(known: Known) -> datetime:
    """When the day of an instant ends: at the first of all schools where it does, or in UTC."""
    zones = {ZoneInfo("UTC"), *known.zones().values()}
    return min(_midnight(known.as_of, zone) for zone in zones)


def _midnight(as_of: datetime, zone: ZoneInfo) -> datetime:
    tomorrow = as_of.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)


def _earliest(first: datetime, *others: datetime | None) -> datetime:
    return min([first, *(one for one in others if one is not None)])
