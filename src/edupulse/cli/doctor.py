"""`edupulse doctor`: what is there, what is missing, and what to do about it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Annotated

import typer
from packaging.requirements import Requirement
from psycopg import Connection
from rich.markup import escape
from rich.table import Table

from edupulse.cli.console import out
from edupulse.school.errors import EduPulseError
from edupulse.store import embedded
from edupulse.store.asking import ROLE, SERVICE_MISSING, is_secured
from edupulse.store.connection import (
    driver_of,
    engine,
    has_service_login,
    is_embedded,
    service_url,
)
from edupulse.store.keys import from_environment, keyring, keys_file
from edupulse.store.schema import applied_revision, head_revision
from edupulse.store.sealing import held_index_key
from edupulse.store.settings import edupulse_home

GIGABYTE = 2**30
NEEDED_DISK = 2 * GIGABYTE
NEEDED_MEMORY = 2 * GIGABYTE
SECOND_LOCK = "row-level security"
SETUP = "Type ./setup in the checkout."


class State(StrEnum):
    """How one thing stands; only what is missing makes the command fail."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    what: str
    state: State
    found: str
    to_do: str = ""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what is there, what is missing, and what to do. Ends with 1 if something is missing."""
    findings = list(examined())
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        out.print(_table(findings))
        out.print(_summary(findings))
    if any(finding.state is State.MISSING for finding in findings):
        raise typer.Exit(1)


def examined() -> Iterator[Finding]:
    """Every finding, in the order in which one would look."""
    yield _python()
    yield _packages("", "needed by everything", State.MISSING)
    yield _packages("train", "needed to train; scoring does without", State.NOTE)
    yield _packages("test", "needed by ./test and ./check alone", State.NOTE)
    yield _memory()
    yield _home()
    yield _disk()
    yield _onnx_runtime()
    yield _torch()
    yield from _database()


def _table(findings: list[Finding]) -> Table:
    colors = {State.OK: "green", State.NOTE: "yellow", State.MISSING: "bold red"}
    table = Table(title="edupulse doctor", title_justify="left")
    for heading in ("what", "state", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        state = f"[{colors[finding.state]}]{finding.state}[/]"
        table.add_row(finding.what, state, escape(finding.found), escape(finding.to_do))
    return table


def _summary(findings: list[Finding]) -> str:
    missing = [finding.what for finding in findings if finding.state is State.MISSING]
    return f"Missing: {', '.join(missing)}." if missing else "All that is needed is there."


def _python() -> Finding:
    return Finding("Python", State.OK, f"{platform.python_version()} in {sys.prefix}")


def _packages(extra: str, purpose: str, if_missing: State) -> Finding:
    """Whether the installed packages are those that this version of EduPulse asks for."""
    name = f"packages: {extra}" if extra else "packages"
    wanted = list(_requirements(extra))
    missing = [str(one.name) for one in wanted if not _is_there(one)]
    if missing:
        return Finding(name, if_missing, f"not there or too old: {', '.join(missing)}", SETUP)
    return Finding(name, State.OK, f"all {len(wanted)} ({purpose})")


def _requirements(extra: str) -> Iterator[Requirement]:
    for line in requires("edupulse") or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if bool(marker and "extra" in str(marker)) == bool(extra) and (
            marker is None or marker.evaluate({"extra": extra})
        ):
            yield requirement


def _is_there(requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False


def _loaded(what: str, package: str, description: str) -> Finding:
    """Load a compiled package in a process of its own: it may be there and yet fail to load.

    `description` is an expression of what to show.
    """
    code = f"import {package}; print({package}.__version__ + ', ' + {description})"
    seen = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False
    )
    if seen.returncode:
        return Finding(what, State.MISSING, "is there, but does not load", SETUP)
    return Finding(what, State.OK, seen.stdout.strip())


def _torch() -> Finding:
    try:
        version("torch")
    except PackageNotFoundError:
        return Finding("torch", State.NOTE, "not there: scores, but does not train", SETUP)
    return _loaded(
        "torch",
        "torch",
        "(torch.cuda.get_device_name() if torch.cuda.is_available() else 'on the CPU')",
    )


def _onnx_runtime() -> Finding:
    return _loaded(
        "ONNX Runtime", "onnxruntime", "' and '.join(onnxruntime.get_available_providers())"
    )


def _memory() -> Finding:
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return _amount("memory", there, NEEDED_MEMORY, "Use smaller districts: --students.")


def _disk() -> Finding:
    home = edupulse_home()
    folder = next(part for part in (home, *home.parents) if part.exists())
    there = shutil.disk_usage(folder).free
    return _amount(
        "free disk", there, NEEDED_DISK, "Make room, or set EDUPULSE_HOME to another disk."
    )


def _amount(what: str, there: int, needed: int, to_do: str) -> Finding:
    found = f"{there / GIGABYTE:.1f} GB"
    if there >= needed:
        return Finding(what, State.OK, found)
    return Finding(what, State.NOTE, f"{found}, {needed / GIGABYTE:.0f} GB are better", to_do)


def _home() -> Finding:
    home = edupulse_home()
    existing = next(part for part in (home, *home.parents) if part.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return Finding("EDUPULSE_HOME", State.OK, f"{home}{_not_made_yet(home)}")
    to_do = "Set EDUPULSE_HOME to a folder that you may write to."
    return Finding("EDUPULSE_HOME", State.MISSING, f"{home} cannot be written to", to_do)


def _not_made_yet(home: Path) -> str:
    return "" if home.exists() else " (made when it is needed)"


def _database() -> Iterator[Finding]:
    """The database: the embedded one is started to see whether it can be."""
    which = "embedded" if is_embedded() else "of DATABASE_URL"
    pool = engine()
    try:
        with pool.connect() as connection:
            server = connection.exec_driver_sql("SHOW server_version").scalar()
            applied = applied_revision(connection)
            secured = is_secured(driver_of(connection))
            keys = _keys(driver_of(connection)) if applied == head_revision() else None
    except EduPulseError as error:
        yield Finding("PostgreSQL", State.MISSING, f"{which}: {error.problem}", error.to_do)
        return
    finally:
        pool.dispose()
    place = f" in {embedded.place_of(edupulse_home())}" if is_embedded() else ""
    yield Finding("PostgreSQL", State.OK, f"{server}, {which}{place}")
    yield _tables(applied)
    if keys is not None:
        yield _own_login() if has_service_login() else _second_lock(secured)
        yield keys


def _tables(applied: str | None) -> Finding:
    if applied == head_revision():
        return Finding("tables", State.OK, f"at {applied}, the newest form")
    found = f"at {applied}" if applied else "none yet"
    return Finding("tables", State.NOTE, found, "They are made by the next import, or demo.")


def _second_lock(secured: bool) -> Finding:
    """Whether the database itself keeps viewers to their own students."""
    if secured:
        found = f"by the role {ROLE}, which is taken from the owner's login"
        to_do = "Give the role a login of its own, and its address as EDUPULSE_SERVICE_URL."
        return Finding(SECOND_LOCK, State.NOTE, found, to_do)
    return Finding(SECOND_LOCK, State.NOTE, SERVICE_MISSING.problem, SERVICE_MISSING.to_do)


def _own_login() -> Finding:
    """Whether the service's role can log in by itself."""
    pool = engine(service_url)
    try:
        with pool.connect() as connection:
            allowed = is_secured(driver_of(connection))
    except EduPulseError as error:
        return Finding(SECOND_LOCK, State.NOTE, error.problem, error.to_do)
    finally:
        pool.dispose()
    if allowed:
        return Finding(SECOND_LOCK, State.OK, f"by {ROLE}, with a login of its own")
    return Finding(SECOND_LOCK, State.NOTE, SERVICE_MISSING.problem, SERVICE_MISSING.to_do)


def _keys(connection: Connection) -> Finding:
    """Whether names and contacts can be read, and where the keys for it come from."""
    try:
        ring = keyring()
        held_index_key(connection)
    except EduPulseError as error:
        return Finding("keys of names", State.MISSING, error.problem, error.to_do)
    found = f"{len(ring.keys)}, current {ring.current.number.hex()}, from"
    if from_environment():
        return Finding("keys of names", State.OK, f"{found} EDUPULSE_KEYS")
    beside = " (beside the data: it guards copies of the database alone)" if is_embedded() else ""
    return Finding("keys of names", State.OK, f"{found} {keys_file()}{beside}")
