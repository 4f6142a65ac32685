"""A district with a champion, a hot path on it in this thread, and questions as its admin."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from edupulse.api.answering import Answering
from edupulse.api.asked import Answer, Ask
from edupulse.casework.access import PARTS, Sight, Viewer
from edupulse.casework.disclosures import Asking
from edupulse.pipeline.intake import intake
from edupulse.pipeline.speaking import Serving
from edupulse.sources.csv_folder import csv_folder
from edupulse.store.answers import Answers, CacheSettings
from edupulse.store.store import Store, open_store
from pipeline.small_champion import import_frames, let_serve, small_checkpoint, small_district
from pipeline.small_folder import write_folder

AT = datetime(2025, 2, 20, 18, tzinfo=UTC)
EVERYONE = Sight(everyone=PARTS["district_admin"])


@dataclass(frozen=True)
class Served:
    """A store, its students' UUIDs, and a folder for more."""

    store: Store
    ids: list[UUID]
    folder: Path
    url: str

    def bring(self, at: datetime, **files: str) -> None:
        """Import a few CSV rows at an instant."""
        folder = write_folder(self.folder / at.strftime("%H%M%S%f"), files)
        (folder / "SIMULATED.txt").touch()
        intake(self.store, csv_folder(folder), now=at, home=folder)

    def number(self, id_: UUID) -> str:
        """The district's number of a student."""
        with self.store.writing() as connection:
            row = connection.execute(
                "SELECT local_id FROM identity.student WHERE student_id = %s", [id_]
            ).fetchone()
        return str(row[0])


@contextmanager
def served(url: str, folder: Path, *, champion: bool = True) -> Iterator[Served]:
    """40 simulated students in two schools, and a small champion."""
    with open_store(url) as store:
        import_frames(store, folder / "records", small_district())
        if champion:
            let_serve(store, small_checkpoint(folder / "checkpoints"))
        ids = store.student_ids(store.students_at(AT).tolist()).values()
        yield Served(store, sorted(ids), folder, url)


def asking(at: datetime = AT, sight: Sight = EVERYONE) -> Asking:
    """One who sees everybody, at an instant."""
    return Asking(Viewer("a test"), at, "a test", sight)


@asynccontextmanager
async def answering(store: Store, redis_url: str | None = None, **serving: Any) -> Any:
    """A hot path of its own, as another process has it."""
    answers = Answers.opened(CacheSettings(REDIS_URL=redis_url))
    made = Answering.on(store, answers, Serving(**serving))
    made.start()
    try:
        yield made
    finally:
        await made.close()


def run(work: Callable[[Answering], Awaitable[Any]], store: Store, **serving: Any) -> Any:
    """Do something with a hot path."""

    async def whole() -> Any:
        async with answering(store, **serving) as made:
            return await work(made)

    return asyncio.run(whole())


async def ask(made: Answering, id_: UUID, at: datetime = AT, **more: Any) -> Answer:
    """One answer, and what was kept for the cache is there when this returns."""
    answer = await made.ask(Ask(asking(at), id_, **more))
    await asyncio.gather(*made._keeping)
    return answer
