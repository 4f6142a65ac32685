"""What the nightly list said stands: whoever asks next is told that, and nothing is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.answering_district import AT, Served, ask, run, served
from edupulse.api.answering import Answering
from edupulse.api.metrics import ANSWERS
from edupulse.api.said import Said
from edupulse.model.checkpoint import Checkpoint
from edupulse.pipeline.predicting import Predictor
from edupulse.pipeline.scoring import Scoring, score
from edupulse.pipeline.speaking import voice_of
from edupulse.store.checkpoints import retire_champion
from edupulse.store.purging import purge
from edupulse.store.standing import let_stand
from pipeline.small_champion import let_serve, small_checkpoint

LATER = AT + timedelta(hours=1)


@pytest.fixture(scope="module")
def district(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
) -> Iterator[tuple[Served, Checkpoint, Checkpoint]]:
    """And two checkpoints; the first serves."""
    with served(empty_database(), reachable_folder()) as made:
        champion, other = (small_checkpoint(made.folder / str(n), seed=n) for n in (3, 2))
        yield made, champion, other


@pytest.fixture
def place(district: tuple[Served, Checkpoint, Checkpoint]) -> Served:
    """The district with nothing said yet."""
    made, champion, _ = district
    with made.store.writing() as connection:
        connection.execute("DELETE FROM state.standing")
        connection.execute("DELETE FROM state.risks")
    let_serve(made.store, champion)
    return made


@pytest.fixture
def other(district: tuple[Served, Checkpoint, Checkpoint]) -> Checkpoint:
    """One that does not serve."""
    return district[2]


@pytest.fixture
def listed(place: Served) -> Scoring:
    return score(place.store, AT, explained=5)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """About whom something was computed since."""
    whom: list[UUID] = []
    predict = Predictor.predict

    def noted(self: Predictor, students: dict[int, UUID], *args: Any, **more: Any) -> Any:
        whom.extend(students.values())
        return predict(self, students, *args, **more)

    monkeypatch.setattr(Predictor, "predict", noted)
    return whom


def said(place: Served, *ids: UUID, at: Any = LATER, **serving: Any) -> list[Said]:
    """Asked of a process that has just begun."""

    async def story(made: Answering) -> list[Said]:
        return [Said.model_validate_json((await ask(made, id_, at)).told) for id_ in ids]

    return list(run(story, place.store, **serving))


def test_what_the_list_said_is_told_as_it_stands_there(
    place: Served, listed: Scoring, computed: list[UUID]
) -> None:
    ids = [UUID(line.said.student_id) for line in listed.lines]
    for line, told in zip(listed.lines, said(place, *ids), strict=True):
        stored = place.store.latest_risks([line.student]).row(0, named=True)
        assert str(told.prediction_id) == stored["id"]
        assert told.risk_score == line.said.to_json().get("risk_score")
        assert told.as_of == AT
        assert (told.factors, told.strengths) == (None, None)  # nobody asked for them
        assert (told.worklist_band is None) is (told.risk_score is None)
    assert computed == []


def looks(place: Served, student: UUID) -> int:
    """How often the log says that somebody was told of a student."""
    with place.store.writing() as connection:
        row = connection.execute(
            "SELECT count(*) FROM state.audit WHERE what = 'predicted' AND student = %s", [student]
        ).fetchone()
    return int(row[0]) if row else 0


def test_each_look_at_it_stands_in_the_log(place: Served, listed: Scoring) -> None:
    before = looks(place, place.ids[0])
    said(place, place.ids[0], place.ids[0])
    assert looks(place, place.ids[0]) == before + 2


def test_what_was_computed_for_one_stands_for_the_next_process(
    place: Served, computed: list[UUID]
) -> None:
    first = said(place, place.ids[0])
    assert said(place, place.ids[0], at=LATER + timedelta(minutes=5)) == first
    assert computed == [place.ids[0]]


def test_a_new_record_ends_it_for_its_student_alone(
    place: Served, listed: Scoring, computed: list[UUID]
) -> None:
    day = AT - timedelta(days=2)
    absence = f"student_id,date,status\n{place.number(place.ids[0])},{day:%Y-%m-%d},unexcused"
    place.bring(AT - timedelta(minutes=1), attendance=absence)
    said(place, *place.ids[:3])
    assert computed == [place.ids[0]]


@pytest.mark.parametrize("at", [AT + timedelta(days=1), AT - timedelta(minutes=1)])
def test_it_holds_neither_for_another_day_nor_for_an_instant_before(
    place: Served, listed: Scoring, computed: list[UUID], at: Any
) -> None:
    (told,) = said(place, place.ids[0], at=at)
    assert (told.as_of, computed) == (at, [place.ids[0]])


def test_another_model_or_none_ends_it(
    place: Served, listed: Scoring, computed: list[UUID], other: Checkpoint
) -> None:
    let_serve(place.store, other)
    (by_other,) = said(place, place.ids[0])
    with place.store.writing() as connection:
        retire_champion(connection, now=LATER, by="a test", because="a test")
    (by_rules,) = said(place, place.ids[0])
    assert by_other.model_version == other.version
    assert (by_rules.model_version, len(computed)) == (None, 2)


def test_a_pinned_model_is_not_answered_for_by_the_one_that_serves_elsewhere(
    place: Served, listed: Scoring, computed: list[UUID], other: Checkpoint
) -> None:
    champion = place.store.champion()
    assert champion is not None
    let_serve(place.store, other)
    score(place.store, AT)
    (told,) = said(place, place.ids[0], MODEL_VERSION=champion.hash)
    assert (told.model_version, computed) == (champion.hash, [place.ids[0]])


def test_what_was_said_by_a_voice_that_does_not_serve_does_not_stand(
    place: Served, computed: list[UUID]
) -> None:
    score(place.store, AT, voice=voice_of(place.store, force_simulated=True))
    said(place, place.ids[0])
    assert computed == [place.ids[0]]


def test_an_older_answer_does_not_take_the_place_of_a_newer_one(
    place: Served, listed: Scoring, computed: list[UUID]
) -> None:
    score(place.store, AT - timedelta(days=7))
    said(place, place.ids[0])
    assert computed == []


def test_factors_are_computed_by_who_asks_for_them(
    place: Served, listed: Scoring, computed: list[UUID]
) -> None:
    async def story(made: Answering) -> Any:
        return await ask(made, place.ids[0], LATER, explained=True)

    assert Said.model_validate_json(run(story, place.store).told).factors
    assert computed == [place.ids[0]]


def test_a_purge_leaves_nothing_of_it(place: Served, listed: Scoring) -> None:
    student = place.store.resolve_student(str(place.ids[-1]))
    with place.store.writing() as connection:
        purge(connection, student, by="a test", because="it is asked")
        left = connection.execute("SELECT student FROM state.standing").fetchall()
    assert len(left) == len(listed.lines) - 1
    assert (student,) not in left


def test_nothing_to_stand_is_nothing_done(place: Served) -> None:
    with place.store.writing() as connection:
        let_stand(connection, [])
        assert connection.execute("SELECT count(*) FROM state.standing").fetchone() == (0,)


def test_metrics_tell_where_answers_came_from(place: Served, listed: Scoring) -> None:
    before = {source: _counted(source) for source in ("cache", "store", "computed")}
    said(place, place.ids[0], place.ids[0])
    said(place, place.ids[0], at=AT + timedelta(days=1))
    assert {source: _counted(source) - before[source] for source in before} == {
        "cache": 1, "store": 1, "computed": 1
    }  # fmt: skip


def _counted(source: str) -> float:
    return ANSWERS.labels(source)._value.get()
