"""The scripts at the root: runnable, readable by any shell, and free of addresses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["setup", "demo", "test", "check", ".ci/run"]
CONSTRAINTS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_may_be_run_and_parses(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["sh", "-n", ROOT / script], check=True)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_a_script_passes_shellcheck(script: str) -> None:
    found = subprocess.run(["shellcheck", ROOT / script], stdout=subprocess.PIPE, text=True)
    assert found.stdout == ""


@pytest.mark.parametrize("name", [*SCRIPTS, "constraints.txt", "pyproject.toml"])
def test_where_packages_come_from_is_left_to_each_machine(name: str) -> None:
    said = (ROOT / name).read_text()
    assert not re.search(r"https?://|--?(extra-)?index-url|--find-links|tool\.uv", said)


def test_every_constraint_is_one_exact_version() -> None:
    for constraint in CONSTRAINTS:
        assert re.fullmatch(r"==[\w.+]+", str(constraint.specifier)), constraint
        assert constraint.url is None
    names = [canonicalize_name(one.name) for one in CONSTRAINTS]
    assert len(set(names)) == len(names)


def test_every_dependency_is_pinned_within_what_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = {canonicalize_name(one.name): str(one.specifier)[2:] for one in CONSTRAINTS}
    extras = project["optional-dependencies"].values()
    for line in [*project["dependencies"], *(line for extra in extras for line in extra)]:
        asked = Requirement(line)
        assert asked.specifier.contains(pins[canonicalize_name(asked.name)]), line


def test_setup_refuses_what_it_does_not_know() -> None:
    refused = subprocess.run([ROOT / "setup", "nonsense"], stderr=subprocess.PIPE, text=True)
    assert refused.returncode == 1
    assert "./setup test" in refused.stderr


def test_what_dependencies_depend_on_is_pinned_too() -> None:
    pinned = {canonicalize_name(one.name) for one in CONSTRAINTS}
    assert needed("edupulse", frozenset({"train", "test"})) - {"edupulse"} <= pinned


def needed(name: str, extras: frozenset[str]) -> set[str]:
    """All that has to be installed here with a distribution and some of its extras."""
    found, waiting = set(), [(canonicalize_name(name), extras)]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        for line in requires(one[0]) or []:
            asked = Requirement(line)
            if asked.marker is None or any(
                asked.marker.evaluate({"extra": extra}) for extra in one[1] or {""}
            ):
                waiting.append((canonicalize_name(asked.name), frozenset(asked.extras)))
    return {name for name, _ in found}
