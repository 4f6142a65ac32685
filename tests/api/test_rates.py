"""One caller may ask so often and no more; who has no token that holds, more seldom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.conftest import Service
from edupulse.api.app import PREFIX
from edupulse.api.gate import Gate
from edupulse.api.rates import MOST, Rates, RateSettings, network_of
from edupulse.school.errors import TooOften

PATH = f"{PREFIX}/disclosures"


class Clock:
    """Seconds that pass when they are told to."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def asked(rates: Rates, caller: str, times: int) -> int:
    """How many of so many requests at once pass."""
    passed = 0
    for _ in range(times):
        try:
            rates.take(caller)
        except TooOften:
            continue
        passed += 1
    return passed


def test_a_bucket_empties_fills_with_time_and_is_each_callers_own(clock) -> None:
    rates = Rates(2, 5, clock)
    assert asked(rates, "a", 9) == 5
    assert asked(rates, "b", 9) == 5
    clock.seconds += 1
    assert asked(rates, "a", 9) == 2
    clock.seconds += 3600
    assert asked(rates, "a", 9) == 5


def test_it_says_what_is_left_and_how_long_to_wait(clock) -> None:
    rates = Rates(2, 5, clock)
    said = rates.take("a").headers()
    assert said == {"RateLimit-Policy": '"caller";q=5;w=3', "RateLimit": '"caller";r=4;t=1'}
    asked(rates, "a", 4)
    with pytest.raises(TooOften) as refusal:
        rates.take("a")
    assert refusal.value.wait == 0.5
    clock.seconds += refusal.value.wait
    assert rates.take("a").requests == 0


def test_to_be_refused_costs_nothing_and_to_look_counts_nothing(clock) -> None:
    rates = Rates(1, 1, clock)
    rates.check("a")
    assert asked(rates, "a", 50) == 1
    with pytest.raises(TooOften):
        rates.check("a")
    clock.seconds += 1
    assert asked(rates, "a", 1) == 1


def test_buckets_do_not_grow_without_end(clock) -> None:
    rates = Rates(1, 1, clock)
    for number in range(MOST + 10):
        rates.take(str(number))
    assert asked(rates, "0", 1) == 1, "forgotten, so full again"
    assert asked(rates, str(MOST + 9), 1) == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("testclient", "testclient"),
    ],
)
def test_a_household_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.fixture
def strict(service: Service) -> Iterator[Service]:
    """The service with three requests at once, and three failures."""
    usual = service.client.app.state.gate
    settings = RateSettings(
        EDUPULSE_RATE=0.001, EDUPULSE_RATE_BURST=3,
        EDUPULSE_FAILED_RATE=0.001, EDUPULSE_FAILED_BURST=3,
    )  # fmt: skip
    service.client.app.state.gate = Gate(service.store, None, settings)
    yield service
    service.client.app.state.gate = usual


def statuses(service: Service, headers: dict[str, str], times: int) -> list[int]:
    return [service.client.get(PATH, headers=headers).status_code for _ in range(times)]


def test_a_caller_who_asks_too_often_is_told_when_to_come_back(strict) -> None:
    headers = strict.as_()
    assert statuses(strict, headers, 3) == [422] * 3
    answer = strict.client.get(PATH, headers=headers)
    assert answer.status_code == 429
    assert answer.json()["type"] == "urn:edupulse:problem:too-often"
    assert int(answer.headers["retry-after"]) > 900
    assert statuses(strict, strict.as_("H001"), 1) == [422], "another caller"


def test_an_answer_says_what_is_left(service) -> None:
    answer = service.client.get(PATH, headers=service.as_())
    assert answer.headers["ratelimit-policy"] == '"caller";q=2000;w=2'
    assert answer.headers["ratelimit"].startswith('"caller";r=1')


def test_an_address_with_many_failures_is_not_listened_to_but_known_callers_go_on(strict) -> None:
    known, later = strict.as_(), strict.as_()
    assert statuses(strict, known, 1) == [422]
    assert statuses(strict, {"Authorization": "Bearer edupulse_x"}, 5) == [401] * 3 + [429] * 2
    assert statuses(strict, {}, 1) == [429]
    assert statuses(strict, known, 1) == [422]
    assert statuses(strict, later, 1) == [429]
