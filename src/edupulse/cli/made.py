"""What the demo has made already, by fingerprints of the code, settings and data behind it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Made:
    """A small file of names and fingerprints, written whole each time."""

    path: Path

    def of(self, name: str) -> str:
        """The fingerprint noted under a name; empty where there is none."""
        return self._all().get(name, "")

    def has(self, name: str, fingerprint: str) -> bool:
        """Is what that name stands for there, and made from just this?"""
        return self._all().get(name) == fingerprint

    def note(self, name: str, fingerprint: str) -> None:
        """Say that it is made."""
        beside = self.path.with_name(self.path.name + ".new")
        beside.write_text(json.dumps({**self._all(), name: fingerprint}, indent=1))
        os.replace(beside, self.path)

    def _all(self) -> dict[str, str]:
        try:
            return dict(json.loads(self.path.read_text()))
        except (OSError, ValueError):
            return {}


def code_of(*rooms: str) -> str:
    """A fingerprint of the source files of some rooms of the package."""
    files = sorted(path for room in rooms for path in (PACKAGE / room).rglob("*") if _counts(path))
    return digest(*((str(path.relative_to(PACKAGE)), path.read_bytes()) for path in files))


def digest(*parts: object) -> str:
    """A fingerprint of values by their `repr`."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _counts(path: Path) -> bool:
    return path.is_file() and path.suffix in {".py", ".toml"}
