"""What all tests share: threads kept small, one profile of Hypothesis, and a real PostgreSQL."""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("POLARS_MAX_THREADS", "2")
# No test may touch the database of the person who runs it.
os.environ.pop("DATABASE_URL", None)
# Tests that name a database by DATABASE_URL need keys; those of keys themselves unset it.
os.environ["EDUPULSE_KEYS"] = "YSBrZXkgb2YgdGhlIHRlc3RzLCBvZiAzMiBieXRlcyE="

import itertools  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from importlib.util import find_spec  # noqa: E402
from pathlib import Path  # noqa: E402

import psycopg  # noqa: E402
import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def reachable_folder() -> Iterator[Callable[[], Path]]:
    """Makes new temporary folders that the account of PostgreSQL can enter, when root tests.

    (pytest's own `tmp_path` is closed to others.)
    """
    made: list[Path] = []

    def make() -> Path:
        folder = Path(tempfile.mkdtemp(prefix="edupulse-test-"))
        folder.chmod(0o711)
        made.append(folder)
        return folder

    yield make
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _home_of_the_tests(reachable_folder: Callable[[], Path]) -> Iterator[Path]:
    """An EDUPULSE_HOME of this session's own, so that no test finds anybody's data."""
    home = reachable_folder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDUPULSE_HOME", str(home))
        yield home


@pytest.fixture(scope="session")
def postgres_url(_home_of_the_tests: Path) -> Iterator[str]:
    """The address of a real embedded server, one for each test process, removed at the end."""
    from edupulse.store import embedded

    yield embedded.ensure_running(_home_of_the_tests)
    embedded.remove(_home_of_the_tests)


@pytest.fixture(scope="session")
def empty_database(postgres_url: str) -> Iterator[Callable[[], str]]:
    """Makes a new migrated database without any row at each call, and returns its address."""
    numbers = itertools.count(1)
    with psycopg.connect(postgres_url, autocommit=True) as server:
        _make_template(server, postgres_url)

        def make() -> str:
            name = f"test_{next(numbers)}"
            server.execute(f'CREATE DATABASE "{name}" TEMPLATE template_of_tests')
            return named(postgres_url, name)

        yield make


def named(url: str, database: str) -> str:
    """The same server's address, of another database."""
    before, _, after = url.rpartition("/edupulse")
    return f"{before}/{database}{after}"


def _make_template(server: psycopg.Connection, url: str) -> None:
    server.execute("CREATE DATABASE template_of_tests")
    if find_spec("edupulse.store.schema") is None:
        return
    from edupulse.store import connection, schema

    engine = connection.engine(named(url, "template_of_tests"))
    schema.migrate(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def interop_data() -> Path:
    """The folder of third-party data; where it is not there, the test is skipped visibly."""
    folder = Path(os.environ.get("EDUPULSE_INTEROP_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"third-party data is not at {folder}; set EDUPULSE_INTEROP_DATA")
    return folder
