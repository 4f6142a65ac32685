"""A service on a small simulated district, and tokens of whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
from starlette.testclient import TestClient

from edupulse.api.app import PREFIX, create_app
from edupulse.api.limits import Limits
from edupulse.store import experiments, tokens
from edupulse.store.experiments import Wanted as WantedExperiment
from edupulse.store.people import staff_key
from edupulse.store.store import Store, open_store
from edupulse.store.tokens import SCOPES, WRITE_RECORDS, Wanted
from pipeline.small_champion import Frames, import_frames, small_district

AT = datetime(2025, 2, 20, 18, tzinfo=UTC)
"""When the tests ask: in the middle of the second school year."""

PATIENT = Limits(seconds=600)
"""The first look at features compiles them."""


@dataclass(frozen=True)
class Service:
    """A running app, its store, and tokens for it."""

    client: TestClient
    store: Store

    def token(self, staff_id: str | None = "D001", *scopes: str) -> str:
        """A new service token of a member of staff (by number), or of an integration (None)."""
        wanted = scopes or ((WRITE_RECORDS,) if staff_id is None else SCOPES)
        with self.store.writing() as connection:
            staff = None if staff_id is None else staff_key(connection, staff_id)
            made = Wanted("a test", wanted, timedelta(days=1), staff)
            return tokens.create(connection, made, now=AT, by="a test")[1]

    def any_student(self) -> str:
        """The UUID of somebody."""
        with self.store.writing() as connection:
            found = connection.execute("SELECT min(student_id::text) FROM identity.student")
            return found.fetchone()[0]

    def as_(self, staff_id: str | None = "D001", *scopes: str) -> dict[str, str]:
        """The headers with which a member of staff asks; D001 is the district's admin."""
        return {"Authorization": f"Bearer {self.token(staff_id, *scopes)}"}


def with_known_guardians() -> Frames:
    """The small district, whose guardians were known from the beginning."""
    frames = small_district()
    known = frames["guardians"].with_columns(known_at=pl.lit(date(2023, 8, 1)))
    return frames | {"guardians": known}


@pytest.fixture(scope="module")
def service(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
) -> Iterator[Service]:
    """The app on 40 simulated students in two schools, asked at AT."""
    url = empty_database()
    with TestClient(create_app(lambda: open_store(url), lambda: AT, PATIENT)) as client:
        store = client.app.state.store
        import_frames(store, reachable_folder() / "records", with_known_guardians())
        yield Service(client, store)


def things_of(service: Service, client: Any) -> dict[str, Any]:
    """By the name under which it is asked for: something that is there, made by that client.

    The app answers in one event loop alone: that of who asks it later.
    """
    student, headers = service.any_student(), service.as_()

    def made(path: str, **body: Any) -> dict[str, Any]:
        return client.post(f"{PREFIX}/{path}", json=body, headers=headers).json()

    experiment, days = uuid4(), (AT.date(), AT.date())
    fixed = WantedExperiment("A name", "sha256:new", "A question?", "auroc", *days)
    with service.store.writing() as connection:
        experiments.add(connection, experiment, fixed, "sha256:old", by="a test", now=AT)
    plan = {"title": "A plan", "provider": "counselor", "begins_on": "2025-02-24"}
    return {
        "student_id": student,
        "student_ids": [student],
        "prediction_id": made("predict", student_id=student)["prediction_id"],
        "intervention_id": made("interventions", student_id=student, **plan)["id"],
        "experiment_id": str(experiment),
        "import_id": made("records/marks", records=[{}])["import_id"],
        "webhook_id": made("webhooks", url="https://a.example", events=["model.promoted"])["id"],
        "kind": "attendance",
        "held_on": "2025-02-19",
    }
