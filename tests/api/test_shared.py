"""Many ask at a time, and no answer is older than the one who asked."""

from __future__ import annotations

import asyncio
import threading

import pytest

from edupulse.api.shared import Shared


class Counted:
    """A question that waits until it may be answered, and says how often it was asked."""

    def __init__(self) -> None:
        self.times, self.may_go = 0, threading.Semaphore(0)

    async def __call__(self, items: list[int]) -> tuple[int, list[int]]:
        return await asyncio.to_thread(self._answered), items

    def _answered(self) -> int:
        self.times += 1
        mine = self.times
        assert self.may_go.acquire(timeout=60)
        if mine == 3:
            raise LookupError("the third")
        return mine


async def begun(asked: Counted, times: int) -> None:
    while asked.times < times:
        await asyncio.sleep(0.001)


def test_who_comes_during_a_question_waits_for_the_next_one_and_shares_it() -> None:
    async def story() -> tuple[list[tuple[int, list[int]]], int]:
        asked = Counted()
        shared = Shared(asked)
        first = asyncio.create_task(shared.get(0))
        await begun(asked, 1)
        later = [asyncio.create_task(shared.get(n)) for n in range(1, 21)]
        await asyncio.sleep(0)
        asked.may_go.release(2)
        return [await first, *await asyncio.gather(*later)], asked.times

    answers, times = asyncio.run(story())
    assert answers == [(1, [0])] + [(2, list(range(1, 21)))] * 20
    assert times == 2


def test_one_who_gives_up_takes_nothing_from_the_others_and_an_error_reaches_all() -> None:
    async def story() -> tuple[int, list[int | BaseException], int]:
        asked = Counted()
        shared = Shared(asked)
        impatient, patient = (asyncio.create_task(shared.get(n)) for n in range(2))
        await begun(asked, 1)
        impatient.cancel()
        asked.may_go.release(2)
        got, _ = await patient
        assert await shared.get(2) == (2, [2])
        failing = [asyncio.create_task(shared.get(n)) for n in range(2)]
        await begun(asked, 3)
        asked.may_go.release(2)
        failed = await asyncio.gather(*failing, return_exceptions=True)
        return got, failed, (await shared.get(3))[0]

    got, failed, after = asyncio.run(story())
    assert got == 1
    assert all(isinstance(one, LookupError) for one in failed)
    assert after == 4
    with pytest.raises(LookupError):
        raise failed[0]
