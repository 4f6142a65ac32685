"""What was computed before, given from the event loop itself: no thread, two or three questions.

A line tells what stands in the store for students whom the cache does not know; one tells the
versions of rights to all who come at a time; another looks, for all that is to be given at a time,
whether it still holds, and writes it down in the same question. That begins after the request came,
so nothing is given that was out of date by then; nothing is told before it is written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from uuid import UUID

from edupulse.api.asked import Answer, Ask
from edupulse.api.shared import Shared
from edupulse.casework.access import Sight
from edupulse.casework.predictions import OF_PREDICTION
from edupulse.pipeline.accounts import Caller, predicted
from edupulse.pipeline.speaking import Serving
from edupulse.store import audit, given, standing, versions
from edupulse.store.audit import Entry
from edupulse.store.given import Claim
from edupulse.store.standing import Prediction
from edupulse.store.store import Store
from edupulse.store.versions import Seen


class Giving:
    """The lines of one process, used from one event loop."""

    def __init__(self, store: Store, serving: Serving) -> None:
        self._serving = serving
        self._lines = [
            store.line(one)
            for one in (versions.QUESTION, standing.QUESTION, given.QUESTION, audit.APPEND)
        ]
        self._asked, self._stood, self._gave, self._written = self._lines
        self._standing: Shared[UUID, dict[UUID, tuple[UUID, Prediction]]] = Shared(self._stands)
        self._now: Shared[None, Seen] = Shared(self._look)
        self._claims: Shared[Claim, set[Claim]] = Shared(self._give)
        self._log: Shared[Sequence[Entry], None] = Shared(self._write)
        self._seen: Seen | None = None

    async def warm(self) -> None:
        """Open the lines, so that nobody waits for that. Raises DatabaseDown."""
        await self.rights()
        await self._stands([])
        await self._give([])

    async def rights(self) -> int:
        """The version of rights and tokens, by a question that begins from now on."""
        return (await self._now.get(None)).rights

    async def standing(self, ask: Ask) -> Answer | None:
        """The answer that the store has for a question as of now; may it be given, is not said."""
        if ask.as_of is not None or ask.explained:
            return None
        found = (await self._standing.get(ask.student_id)).get(ask.student_id)
        return found and Answer.of(found[1], found[0], ask.student_id, explained=False)

    async def give(self, ask: Ask, found: Answer) -> bool:
        """Does what was found hold, and may it be seen? Then it is written down that it was."""
        asking = ask.asking
        if not may_see(asking.sight, found.student):
            return False
        if not found.answers(ask, await self._speaks(found.basis.registry)):
            return False
        caller = Caller(asking.viewer.name, asking.purpose)
        entry = predicted(found, found.student_id, caller)
        claim = Claim(found.student, found.basis, entry)
        return claim in await self._claims.get(claim)

    async def _speaks(self, registry: int) -> str | None:
        """What speaks by a version of the registry, where that is what it was when last seen.

        A claim on this version holds only if it still is.
        """
        seen = self._seen
        if seen is None or seen.registry != registry:
            seen = await self._now.get(None)
        return self._serving.speaks(seen.checkpoint) if seen.registry == registry else None

    async def write_down(self, entries: Sequence[Entry]) -> None:
        """Written down and committed when this returns, with what others write meanwhile."""
        if entries:
            await self._log.get(entries)

    def close(self) -> None:
        """End the connections."""
        for line in self._lines:
            line.close()

    async def _look(self, _: list[None]) -> Seen:
        self._seen = await versions.seen_by(self._asked)
        return self._seen

    async def _stands(self, students: list[UUID]) -> dict[UUID, tuple[UUID, Prediction]]:
        return await standing.standing_by(self._stood, students)

    async def _give(self, claims: list[Claim]) -> set[Claim]:
        return await given.given_by(self._gave, claims)

    async def _write(self, entries: list[Sequence[Entry]]) -> None:
        await audit.append_by(self._written, list(chain.from_iterable(entries)))


def may_see(sight: Sight | None, student: int) -> bool:
    """May one with this sight see the student's scores?"""
    return sight is not None and set(OF_PREDICTION) <= sight.of(student)
