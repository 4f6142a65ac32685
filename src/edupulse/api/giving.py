"""What the cache holds, given from the event loop itself: two questions to the database, no thread.

A line tells the versions, of rights and of students, to all who wait for them at a time; another
writes down, in one transaction, all that is given at a time. The first begins after the request
came, so nothing is given that was out of date by then; nothing is told before the second ended.
"""

from __future__ import annotations

from itertools import chain

from edupulse.api.asked import Answer, Ask
from edupulse.api.shared import Shared
from edupulse.casework.access import Part, Sight
from edupulse.pipeline.accounts import Caller, predicted
from edupulse.pipeline.predicting import Basis
from edupulse.store import audit, versions
from edupulse.store.audit import Entry
from edupulse.store.store import Store
from edupulse.store.versions import Versions


class Giving:
    """The lines of one process, used from one event loop."""

    def __init__(self, store: Store) -> None:
        self._asked, self._written = store.line(versions.QUESTION), store.line(audit.APPEND)
        self._versions: Shared[list[int], Versions] = Shared(self._now)
        self._log: Shared[Entry, None] = Shared(self._write)

    async def rights(self) -> int:
        """The version of rights and tokens, by a question that begins from now on."""
        return (await self._versions.get([])).rights

    async def give(self, ask: Ask, found: Answer) -> bool:
        """Does what the cache had hold, and may it be seen? Then it is written down that it was."""
        asking = ask.asking
        if not may_see(asking.sight, found.student):
            return False
        now = await self._versions.get([found.student])
        if not found.holds(ask, Basis.of(now, found.student)):
            return False
        caller = Caller(asking.viewer.name, asking.purpose)
        await self._log.get(predicted(found, found.student_id, caller))
        return True

    def close(self) -> None:
        """End the connections."""
        self._asked.close()
        self._written.close()

    async def _now(self, students: list[list[int]]) -> Versions:
        return await versions.versions_by(self._asked, chain.from_iterable(students))

    async def _write(self, entries: list[Entry]) -> None:
        await audit.append_by(self._written, entries)


def may_see(sight: Sight | None, student: int) -> bool:
    """May one with this sight see the student's scores?"""
    return sight is not None and {Part.FACTS, Part.SCORES} <= sight.of(student)
