"""What holds is given and stands in the log, in one question; of the rest nothing is written."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from edupulse.store.audit import Entry, What, Written, verify, written
from edupulse.store.given import QUESTION, Claim, given_by
from edupulse.store.standing import Basis
from edupulse.store.store import Store, open_store
from edupulse.store.versions import Of, bump, versions
from store.lines import told

KNOWN, NEVER_MERGED = 7, 8


@pytest.fixture(scope="module")
def store(empty_database: Callable[[], str]) -> Iterator[Store]:
    with open_store(empty_database()) as opened:
        with opened.writing() as connection:
            connection.execute("INSERT INTO state.student_versions VALUES (%s, 10)", [KNOWN])
        yield opened


def claim(store: Store, student: int, why: str = "a test") -> Claim:
    """One that holds."""
    basis = Basis.of(store.answer(versions([student])), student)
    body = {"prediction": str(uuid.UUID(int=student)), "said": 'a "word", é\n'}
    return Claim(student, basis, Entry(What.PREDICTED, "a test", why, uuid.uuid4(), body))


def given(store: Store, claims: Sequence[Claim]) -> set[Claim]:
    return told(store, QUESTION, lambda line: given_by(line, claims))


def log(store: Store) -> list[Written]:
    with store.writing() as connection:
        found = list(written(connection))
    assert verify(found).whole
    return found


@pytest.mark.parametrize("student", [KNOWN, NEVER_MERGED])
def test_what_holds_is_written_down_to_the_letter(store: Store, student: int) -> None:
    before, good = len(log(store)), claim(store, student)
    assert given(store, [good]) == {good}
    [entry] = log(store)[before:]
    expected = good.entry
    assert (entry.what, entry.student, entry.purpose) == (
        expected.what,
        expected.student,
        expected.purpose,
    )
    assert json.loads(entry.body) == expected.body


@pytest.mark.parametrize("version", ["student", "reference", "registry"])
@pytest.mark.parametrize("step", [-1, 1])
def test_each_version_counts(store: Store, version: str, step: int) -> None:
    before, good = len(log(store)), claim(store, KNOWN)
    other = replace(good.basis, **{version: getattr(good.basis, version) + step})
    assert given(store, [Claim(KNOWN, other, good.entry)]) == set()
    assert len(log(store)) == before


def test_of_many_those_that_hold_in_their_order(store: Store) -> None:
    before = len(log(store))
    good = [claim(store, KNOWN, f"purpose {n}") for n in range(50)]
    bad = [Claim(KNOWN, replace(one.basis, student=1), one.entry) for one in good]
    mixed = [one for pair in zip(good, bad, strict=True) for one in pair]
    assert given(store, mixed) == set(good)
    assert [one.purpose for one in log(store)[before:]] == [one.entry.purpose for one in good]


def test_who_asks_the_same_twice_stands_in_the_log_twice(store: Store) -> None:
    before, good = len(log(store)), claim(store, KNOWN)
    twin = replace(good)
    assert given(store, [good, twin]) == {good, twin}
    assert len(log(store)) == before + 2


def test_nothing_is_given_on_what_has_changed_since(store: Store) -> None:
    good = claim(store, KNOWN)
    with store.writing() as connection:
        bump(connection, Of.REFERENCE)
    before = len(log(store))
    assert given(store, [good]) == set()
    assert len(log(store)) == before
