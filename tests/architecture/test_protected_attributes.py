"""Law 15: nothing under features, panel, model or risk names a demographic column."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import edupulse
from edupulse.school.records import DEMOGRAPHICS, GUARDIANS

PACKAGE = Path(edupulse.__file__).parent
ROOMS = ("features", "panel", "model", "risk")
PROTECTED = {
    *DEMOGRAPHICS.content_columns,
    DEMOGRAPHICS.name,
    GUARDIANS.name,
    "DEMOGRAPHICS",
    "GUARDIANS",
    "guardian_id",
    "race",
    "ethnicity",
    "gender",
    "language",
    "religion",
}


def names_in(source: str) -> set[str]:
    """Every name, attribute, argument, import and text constant of a module but its docstrings."""
    tree = ast.parse(source)
    documents = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname", "module"):
            if isinstance(name := getattr(node, field, None), str):
                found.update((name, *name.split(".")))
        text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in documents:
            found.update(re.findall(r"\w+", text))
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_that_scores_names_a_protected_attribute(room):
    for file in sorted((PACKAGE / room).rglob("*.py")):
        named = names_in(file.read_text(encoding="utf-8")) & PROTECTED
        assert not named, f"{file.relative_to(PACKAGE)} names {sorted(named)}"


@pytest.mark.parametrize("room", ROOMS)
def test_no_declaration_of_data_names_one_either(room):
    for file in sorted((PACKAGE / room).rglob("*.toml")):
        words = set(re.findall(r"\w+", file.read_text(encoding="utf-8")))
        assert not words & (PROTECTED - {"language"}), file.name


@pytest.mark.parametrize(
    "source",
    [
        "frame['race_ethnicity']",
        "from edupulse.school.records import DEMOGRAPHICS",
        "query = 'select low_income from x'",
        "def f(home_language): ...",
        "row.disability",
    ],
)
def test_the_search_finds_every_way_to_name_one(source):
    assert names_in(source) & PROTECTED
