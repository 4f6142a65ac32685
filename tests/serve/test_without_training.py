"""The service needs nothing of what trains: it runs where torch and its like cannot be loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serve.conftest import Place
from serve.test_fail_closed import all_right

TRAINS = ("torch", "sklearn", "onnx", "safetensors", "scipy", "threadpoolctl")
BLOCKED = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {TRAINS}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
"""


@pytest.fixture
def path_without_training(tmp_path: Path) -> str:
    """A PYTHONPATH by which every process finds those modules absent."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    return os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


def test_the_modules_are_absent_indeed(path_without_training: str) -> None:
    environment = os.environ | {"PYTHONPATH": path_without_training}
    done = subprocess.run([sys.executable, "-c", "import torch"], env=environment, check=False,
                          capture_output=True)  # fmt: skip
    assert b"ModuleNotFoundError" in done.stderr


@pytest.mark.slow
def test_the_service_predicts_without_them(path_without_training: str, place: Place) -> None:
    with place.served(PYTHONPATH=path_without_training) as service:
        assert service.ask("/readyz").status == 200
        assert service.ask("/api/v1/openapi.json").status == 200
        assert all_right(service, place)
