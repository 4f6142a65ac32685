"""The README's first command: all of it once, and only what changed the second time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edupulse.store import embedded
from journeys.conftest import Journey

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

STEPS = ("simulate a district", "import its records", "train, calibrate, evaluate")
SMALL = ("demo", "--students", "300", "--hidden", "2", "--epochs")


@pytest.fixture(scope="module")
def made(reachable_folder: Callable[[], Path]) -> Iterator[tuple[Journey, str]]:
    """A home with a small demo in it, and what the demo printed."""
    journey = Journey(reachable_folder())
    yield journey, journey.must(*SMALL, "1")
    embedded.remove(journey.home / "demo")


def reused(printed: str) -> list[str]:
    lines = [line for line in printed.splitlines() if "(reused)" in line]
    return [step for step in STEPS if any(step in line for line in lines)]


def test_the_demo_shows_its_evaluation_its_list_and_where_things_are(
    made: tuple[Journey, str],
) -> None:
    journey, printed = made
    assert not reused(printed)
    assert "gru_attention" in printed
    assert "Whom to see" in printed
    assert "this model says nothing about real ones" in printed
    assert str(journey.home / "demo") in printed
    # Its home is its own: nothing lies beside it.
    assert [path.name for path in journey.home.iterdir()] == ["demo"]


def test_what_it_advises_to_do_next_works(made: tuple[Journey, str]) -> None:
    journey, printed = made
    advised = [line.split()[1:] for line in printed.splitlines() if ".venv/bin/edupulse" in line]
    assert [words[0] for words in advised] == ["features", "score", "evaluate", "--help"]
    inside = Journey(journey.home / "demo")
    for words in advised:
        assert inside.must(*words)


def test_a_second_run_reuses_everything_and_another_setting_only_the_records(
    made: tuple[Journey, str],
) -> None:
    journey, first = made
    second = journey.must(*SMALL, "1")
    assert reused(second) == list(STEPS)
    assert "\n0 answers stored" in second
    assert whom(second) == whom(first)
    assert reused(journey.must(*SMALL, "2")) == list(STEPS[:2])


def whom(printed: str) -> list[str]:
    """The list of students alone."""
    lines = printed.splitlines()
    begin = next(number for number, line in enumerate(lines) if "Whom to see" in line)
    end = next(number for number, line in enumerate(lines) if "answers stored" in line)
    return lines[begin:end]
