"""The hot path: the same numbers as anywhere, told after they are written down, by sight alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from api.answering_district import AT, Served, answering, ask, asking, run, served
from edupulse.api.answering import Answering
from edupulse.api.asked import Ask
from edupulse.api.said import Said
from edupulse.casework.access import PARTS, Sight
from edupulse.pipeline.predicting import Predictor
from edupulse.pipeline.scoring import score
from edupulse.school.errors import BadInput, NotFound
from edupulse.store.audit import Written, of_student, written
from edupulse.store.store import Store
from pipeline.small_champion import small_checkpoint


@pytest.fixture(scope="module")
def place(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
) -> Iterator[Served]:
    with served(empty_database(), reachable_folder()) as made:
        yield made


def said(answer: object) -> Said:
    return Said.model_validate_json(answer.told)


def log_of(store: Store, id_: UUID) -> list[Written]:
    with store.writing() as connection:
        return of_student(connection, id_)


def many(store: Store, table: str) -> int:
    with store.writing() as connection:
        return connection.execute(f"SELECT count(*) FROM state.{table}").fetchone()[0]


def test_one_and_many_and_the_nightly_list_get_the_same_risk(place: Served):
    as_of = AT - timedelta(days=1)

    async def both(made: Answering) -> tuple[list[Said], list[Said]]:
        singly = [said(await ask(made, id_, as_of=as_of)) for id_ in place.ids]
        asks = [Ask(asking(), id_, as_of) for id_ in place.ids]
        return singly, [said(one) for one in await made.ask_all(asks)]

    singly, together = run(both, place.store)
    lines = {line.said.student_id: line.said for line in score(place.store, as_of).lines}
    assert singly == together
    for one in singly:
        nightly = lines[str(one.student_id)]
        assert (one.state, one.risk_category) == (nightly.state, nightly.risk_category)
        assert one.risk_score == pytest.approx(nightly.risk_score, abs=1e-6)
    assert any(one.risk_score is not None for one in singly)


def test_questions_at_one_time_are_answered_together_and_each_stands_in_the_log(place: Served):
    at, risks, entries = AT + timedelta(seconds=1), many(place.store, "risks"), len(place.ids[:5])

    async def at_once(made: Answering) -> list[object]:
        return await asyncio.gather(
            *(made.ask(Ask(asking(at), id_)) for id_ in place.ids[:5] for _ in range(4))
        )

    before = {id_: len(log_of(place.store, id_)) for id_ in place.ids[:5]}
    answers = run(at_once, place.store)
    assert len({answer.id for answer in answers}) == entries
    assert many(place.store, "risks") == risks + entries
    for id_ in place.ids[:5]:
        log = log_of(place.store, id_)
        assert len(log) == before[id_] + 4
        assert (log[0].what, log[0].who, log[0].purpose) == ("predicted", "a test", "a test")


def test_an_answer_from_the_cache_is_the_same_and_its_own_entry_of_the_log(place: Served):
    id_, at = place.ids[0], AT + timedelta(minutes=1)

    async def twice(made: Answering) -> object:
        first = await ask(made, id_, at)
        again = await ask(made, id_, at + timedelta(minutes=5))
        assert first.told == again.told
        return made.answers.counts.found

    before = len(log_of(place.store, id_))
    assert run(twice, place.store) == 1
    assert len(log_of(place.store, id_)) == before + 2


def test_a_student_outside_of_the_sight_is_as_one_who_is_not_there_and_both_are_logged(
    place: Served,
):
    blind, facts_alone = Sight(), Sight(everyone=PARTS["family"])
    denied = [(place.ids[0], blind), (place.ids[0], facts_alone), (uuid4(), blind)]

    async def refused(made: Answering) -> list[str]:
        told = []
        for id_, sight in denied:
            with pytest.raises(NotFound) as refusal:
                await made.ask(Ask(asking(sight=sight), id_))
            told.append(str(refusal.value))
        return told

    assert len(set(run(refused, place.store))) == 1
    assert [one.what for one in log_of(place.store, place.ids[0])[:2]] == ["denied"] * 2
    with place.store.writing() as connection:
        last = list(written(connection))[-1]
    assert (last.what, last.student) == ("denied", None)


def test_of_many_each_gets_a_result_or_a_refusal_in_its_place(place: Served):
    asks = [Ask(asking(), id_) for id_ in (place.ids[0], uuid4(), place.ids[1])]
    outcomes = run(lambda made: made.ask_all(asks), place.store)
    assert [isinstance(one, NotFound) for one in outcomes] == [False, True, False]
    assert outcomes[2].student_id == place.ids[1]


def test_a_number_that_is_merged_meanwhile_is_answered_as_the_one_that_stands(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
):
    with served(empty_database(), reachable_folder()) as place:
        old, new = place.ids[:2]
        at = AT + timedelta(hours=1)

        async def merged_on_the_way(made: Answering) -> object:
            asks_who, times = made.quick._behind, []

            def who_stands_then(ids: set[UUID]) -> object:
                found = asks_who(ids)
                times.append(found[1])
                if len(times) == 1:
                    merge = f"{place.number(old)},{place.number(new)}"
                    place.bring(at, student_ids=f"old_student_id,student_id\n{merge}")
                return found

            made.quick._behind = who_stands_then
            answer = await ask(made, old, at + timedelta(minutes=1))
            assert len(times) == 2
            return answer

        assert run(merged_on_the_way, place.store).student_id == new


def test_what_cannot_be_written_down_is_told_to_nobody(place: Served):
    at = AT + timedelta(minutes=30)

    async def unwritten(made: Answering) -> None:
        with place.store.writing() as connection:
            connection.execute("ALTER TABLE state.audit RENAME TO away")
        try:
            with pytest.raises(Exception, match="audit"):
                await made.ask(Ask(asking(at), place.ids[3]))
        finally:
            with place.store.writing() as connection:
                connection.execute("ALTER TABLE state.away RENAME TO audit")

    risks = many(place.store, "risks")
    run(unwritten, place.store)
    assert many(place.store, "risks") == risks


def test_an_instant_that_is_not_past_is_refused(place: Served):
    with pytest.raises(BadInput, match="as_of"):
        run(lambda made: ask(made, place.ids[0], as_of=AT + timedelta(days=1)), place.store)


def test_factors_come_where_they_are_asked_for_with_the_same_number(place: Served):
    async def both(made: Answering) -> tuple[Said, Said]:
        at = AT + timedelta(hours=1)
        explained = said(await ask(made, place.ids[4], at, explained=True))
        return said(await ask(made, place.ids[4], at)), explained

    plain, explained = run(both, place.store)
    assert plain.factors is None
    assert explained.factors is not None
    assert plain.risk_score == pytest.approx(explained.risk_score, abs=1e-6)


def test_a_predictor_that_is_warmed_has_read_what_it_needs_and_says_nothing(place: Served):
    before = [many(place.store, table) for table in ("risks", "audit")]
    predictor = Predictor(place.store)
    predictor.warm(AT)
    assert {"_voice", "_schools"} <= {name for name, kept in vars(predictor).items() if kept}
    assert [many(place.store, table) for table in ("risks", "audit")] == before


def test_a_checkpoint_that_is_not_there_is_an_error_before_anything_is_asked(
    place: Served, monkeypatch: pytest.MonkeyPatch
):
    from edupulse.api.answering import answering_on

    async def begun() -> None:
        async with answering_on(place.store):
            pass

    monkeypatch.setenv("MODEL_VERSION", "sha256:0000")
    with pytest.raises(NotFound):
        asyncio.run(begun())
    champion = place.store.champion()
    monkeypatch.setenv("MODEL_VERSION", champion.hash)
    monkeypatch.setenv("MODEL_PATH", str(place.folder / "checkpoints"))
    asyncio.run(begun())
    monkeypatch.setenv("MODEL_PATH", str(place.folder))
    with pytest.raises(NotFound):
        asyncio.run(begun())


def test_a_checkpoint_that_is_named_and_whose_gate_failed_does_not_speak(place: Served):
    failed = small_checkpoint(place.folder / "failed", seed=4, serves=False)
    named = {"MODEL_VERSION": failed.version, "MODEL_PATH": failed.path.parent}

    async def one(made: Answering) -> Said:
        return said(await ask(made, place.ids[0], AT + timedelta(minutes=50)))

    answer = run(one, place.store, **named)
    assert (answer.method, answer.risk_score) == ("abc_rules", None)


def test_without_a_checkpoint_rules_answer_and_there_is_no_score(
    empty_database: Callable[[], str], reachable_folder: Callable[[], Path]
):
    with served(empty_database(), reachable_folder(), champion=False) as bare:

        async def one(made: Answering) -> Said:
            return said(await ask(made, bare.ids[0]))

        answer = run(one, bare.store)
    assert answer.method == "abc_rules"
    assert answer.risk_score is answer.model_version is answer.risk_category is None
    assert answer.indicators is not None


def test_what_serves_changes_without_a_restart(place: Served):
    from edupulse.store.checkpoints import promote, retire_champion

    at, champion = AT + timedelta(hours=2), place.store.champion()
    why = {"now": AT, "by": "a test", "because": "it must"}

    async def changes() -> list[str]:
        async with answering(place.store) as made:
            found = [said(await ask(made, place.ids[0], at)).method]
            with place.store.writing() as connection:
                retire_champion(connection, **why)
            found.append(said(await ask(made, place.ids[0], at)).method)
            with place.store.writing() as connection:
                promote(connection, champion.hash, **why)
            return [*found, said(await ask(made, place.ids[0], at)).method]

    assert asyncio.run(changes()) == ["gru_attention", "abc_rules", "gru_attention"]
