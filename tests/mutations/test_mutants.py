"""The laws' tests notice when a law is broken: four mutants, each caught.

A copy of the package is changed in one place, and the law's own test must fail against it; the
same test passes against an unchanged copy, so that it is the change that is noticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import edupulse

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Mutant:
    """What is changed where, and which law's test has to notice."""

    file: str
    before: str
    after: str
    test: str


MUTANTS = {
    "law 1: the filter of what was known is gone": Mutant(
        "school/knowledge.py",
        "(known_from <= instant)",
        "(known_from == known_from)",
        "tests/laws/test_features_future.py",
    ),
    "law 1: the features peek one day past the as-of instant": Mutant(
        "school/knowledge.py",
        "self.as_of.astimezone(zone).date()",
        "date.fromordinal(self.as_of.astimezone(zone).toordinal() + 1)",
        "tests/laws/test_features_future.py",
    ),
    "law 8: the features come in another order": Mutant(
        "features/weekly.py",
        "(*attendance(block), *grades(block), *discipline(block))",
        "(*attendance(block)[::-1], *grades(block), *discipline(block))",
        "tests/laws/test_features_order.py",
    ),
    "law 4: what is missing is filled with zero": Mutant(
        "features/weekly.py",
        "wide[:, ~held] = np.nan",
        "np.nan_to_num(wide, copy=False)",
        "tests/laws/test_features_missing.py",
    ),
}


def laws_hold(package: Path, test: str) -> subprocess.CompletedProcess[str]:
    """Runs one law's test against a copy of the package."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", test]
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "CI": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture
def package(tmp_path):
    source = Path(edupulse.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(source, tmp_path / "edupulse", ignore=ignored))


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_law_is_noticed(name, package):
    mutant = MUTANTS[name]
    source = package / mutant.file
    text = source.read_text(encoding="utf-8")
    assert text.count(mutant.before) == 1, "the mutation no longer applies: bring it up to date"
    source.write_text(text.replace(mutant.before, mutant.after), encoding="utf-8")
    result = laws_hold(package, mutant.test)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout + result.stderr


def test_the_unchanged_package_keeps_the_laws_and_is_the_copy(package):
    errors = package / "school" / "errors.py"
    errors.write_text(errors.read_text(encoding="utf-8") + "\nCOPIED = True\n", encoding="utf-8")
    result = laws_hold(package, "tests/laws/test_features_order.py")
    assert result.returncode == pytest.ExitCode.OK, result.stdout + result.stderr
    code = "from edupulse.school.errors import COPIED"
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
