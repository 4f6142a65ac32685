"""A small simulated district, made once a session by the real commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edupulse.store import embedded

PROGRAM = Path(sys.executable).with_name("edupulse")


@dataclass(frozen=True)
class Journey:
    """A home, a simulated district beside it, and the command line in it."""

    home: Path

    @property
    def folder(self) -> Path:
        return self.home / "district"

    def run(self, *words: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "EDUPULSE_HOME": str(home or self.home)}
        environment.pop("EDUPULSE_KEYS")  # as one who set nothing: the keys are made
        return subprocess.run(
            [PROGRAM, *words], env=environment, capture_output=True, text=True, check=False
        )

    def must(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


@pytest.fixture(scope="session")
def journey(reachable_folder: Callable[[], Path]) -> Iterator[Journey]:
    """300 students and three years, imported; nothing trained yet."""
    made = Journey(reachable_folder())
    made.must(
        *("simulate", str(made.folder), "--students", "300"),
        *("--truth-pairs", "60", "--rollouts", "20"),
    )
    made.must("import", str(made.folder))
    yield made
    embedded.remove(made.home)


@pytest.fixture(scope="session")
def trained(journey: Journey) -> Journey:
    """The same, with a tiny network trained; law 9 was seen before."""
    rules = journey.run("score", "--as-of", "2026-02-02", "--format", "json")
    (journey.home / "rules.json").write_text(rules.stdout)
    journey.must(
        *("train", "--hidden", "8", "--epochs", "4"),
        *("--truth", str(journey.folder)),
    )
    return journey
