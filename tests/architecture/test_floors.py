import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_imports_run_downward_only() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_scoring_loads_neither_torch_nor_scikit_learn() -> None:
    assert not {"torch", "sklearn"} & loaded_by("import edupulse.pipeline.explaining")


def test_the_service_starts_without_pyarrow() -> None:
    without = "sys.modules['pyarrow'] = None; import edupulse.serve.worker"
    assert "adbc_driver_postgresql" in loaded_by(f"{without}; sys.modules.pop('pyarrow')")
    assert "pandas" not in loaded_by(without)


def test_a_worker_loads_nothing_that_serves_nobody() -> None:
    needless = {"alembic", "mako", "pandas", "pyarrow", "requests", "rich", "sklearn", "torch"}
    assert not {*needless, "statsmodels", "typer"} & loaded_by("import edupulse.serve.worker")


def test_the_parent_of_the_workers_loads_neither_the_app_nor_the_store() -> None:
    parent = "process, configuration, counts, workers"
    loaded = loaded_by(f"from edupulse.serve import {parent}; import edupulse.store.embedded")
    assert "uvicorn" in loaded
    assert not {"fastapi", "numba", "onnxruntime", "polars", "sqlalchemy"} & loaded


def test_the_command_line_starts_without_torch() -> None:
    assert "torch" not in loaded_by("import edupulse.cli")


def test_threads_are_told_how_to_wait_before_openmp_is_loaded() -> None:
    code = (
        "import edupulse.cli, os, pathlib\n"
        "maps = pathlib.Path('/proc/self/maps')\n"
        "loaded = maps.read_text() if maps.exists() else ''\n"
        "print(os.environ['OMP_WAIT_POLICY'], 'libgomp' in loaded)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["PASSIVE", "False"]


def test_each_room_of_the_source_has_its_tests() -> None:
    rooms = {path.name for path in (ROOT / "src/edupulse").iterdir() if path.is_dir()}
    rooms -= {"__pycache__"}
    assert rooms <= {path.name for path in (ROOT / "tests").iterdir()}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src").rglob("*.py")
        if not path.read_text().lstrip().startswith(('"""', 'r"""'))
    ]
    assert silent == []
