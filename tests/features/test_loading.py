"""A made-up student loads every loop for all types that real records bring."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

PROGRAM = """
import importlib, pkgutil, sys
import edupulse.features
from edupulse.features.loading import load_loops
from edupulse.features.weekly import weekly_features
from features.random_district import STUDENTS, random_district

modules = [one.name for one in pkgutil.iter_modules(edupulse.features.__path__)]
modules = [importlib.import_module(f"edupulse.features.{name}") for name in modules]
loops = [one for module in modules for one in vars(module).values() if hasattr(one, "py_func")]

def loaded():
    return sum(sum(count.values()) for one in loops for count in one.stats[1:])

load_loops()
before = loaded()
for seed in range(3):
    district, as_of = random_district(seed)
    weekly_features(district.known(as_of, STUDENTS))
print(before, loaded())
"""


def test_what_a_made_up_student_loaded_is_all_that_real_ones_need() -> None:
    paths = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    before, after = map(int, done.stdout.split())
    assert before > 0
    assert after == before
