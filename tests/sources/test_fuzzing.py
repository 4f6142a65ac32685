"""Damaged districts of every format are read or refused; `fuzzing.py` goes on where this ends."""

from __future__ import annotations

import pytest

from sources.fuzzing import fuzz


@pytest.mark.slow
def test_whatever_is_in_the_files_there_are_records_or_a_refusal_with_something_to_do() -> None:
    found = fuzz(rounds=200)
    assert found["failed"] == 0
    assert min(found["read"], found["refused"]) > 20
