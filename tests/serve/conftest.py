"""A simulated district with a checkpoint that serves, and a service on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edupulse.model.checkpoint import Checkpoint
from edupulse.pipeline.scoring import score_students
from edupulse.risk.risk import Risk
from edupulse.store import embedded, tokens
from edupulse.store.people import staff_key
from edupulse.store.store import Store, open_store
from edupulse.store.tokens import SCOPES, Wanted
from pipeline.small_champion import import_frames, let_serve, small_checkpoint, small_district
from serve.running import Running, running

AS_OF = datetime(2025, 2, 20, 18, tzinfo=UTC)
STUDENTS = 12


@dataclass(frozen=True)
class Place:
    """A district in a database of its own server, which may be killed, and what is true of it."""

    home: Path
    store: Store
    checkpoint: Checkpoint
    risks: dict[str, float | None]
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """The district's admin asks."""
        return {"Authorization": f"Bearer {self.token}"}

    @contextmanager
    def served(self, **settings: object) -> Iterator[Running]:
        """The service on the embedded server of this place."""
        with running(None, EDUPULSE_HOME=self.home, DATABASE_URL="", **settings) as service:
            yield service


@pytest.fixture(scope="session")
def place(reachable_folder: Callable[[], Path]) -> Iterator[Place]:
    """Twelve students, the risk of each, and a token."""
    home = reachable_folder()
    with open_store(embedded.ensure_running(home)) as store:
        import_frames(store, home / "records", small_district(STUDENTS))
        checkpoint = small_checkpoint(home / "checkpoints", serves=True)
        let_serve(store, checkpoint)
        yield Place(home, store, checkpoint, _risks(store), token_of(store))
    embedded.remove(home)


def _risks(store: Store) -> dict[str, float | None]:
    lines = score_students(store, store.students_at(AS_OF).tolist(), AS_OF)
    return {
        str(line.said.student_id): line.said.risk_score if isinstance(line.said, Risk) else None
        for line in lines
    }


def token_of(store: Store) -> str:
    """Of the district's admin."""
    with store.writing() as connection:
        wanted = Wanted("a test", SCOPES, timedelta(days=1), staff_key(connection, "D001"))
        return tokens.create(connection, wanted, now=datetime.now(UTC), by="a test")[1]
