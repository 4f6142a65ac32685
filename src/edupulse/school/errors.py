"""Every way in which EduPulse says no: one tree of exceptions, each with what to do about it.

EduPulseError
├── BadInput            a file, row, field or argument that cannot be taken as it is
│   └── ImportRefused   too many bad rows: nothing was changed
├── NotFound            no such student, school, checkpoint
├── Unidentified        nobody known asks: no token, or none that holds
├── NotAllowed          somebody known asks for what his or her rights do not hold
├── TooOften            one caller asks faster than a service allows
├── NotReady            something needed is missing: database, checkpoint, closed outcomes
│   ├── DatabaseDown    the database does not answer
│   ├── ProviderDown    the OpenID provider does not answer, and without it nobody can be told
│   └── SourceDown      a source's service does not answer, or only with errors
└── Refused             it could be done, and a law says no
    ├── CatalogMismatch a checkpoint met features that are not its own (law 8)
    └── Leakage         something would see the future (laws 1, 7)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Place = Mapping[str, str]
"""One place that is wrong (`where`) and what is wrong with it (`what`), without its value."""


class EduPulseError(Exception):
    """An error that a person can act on: what is wrong, and what to do; `places` name it all."""

    places: Sequence[Place] = ()

    def __init__(self, problem: str, to_do: str = "") -> None:
        super().__init__(f"{problem} {to_do}".strip())
        self.problem = problem
        self.to_do = to_do


class BadInput(EduPulseError):
    """Input that cannot be taken: names the file, line and field where there is one."""

    def __init__(
        self,
        problem: str,
        to_do: str = "",
        *,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
    ) -> None:
        where = ", ".join(
            part
            for part in (
                file or "",
                f"line {line}" if line is not None else "",
                f"field {field}" if field else "",
            )
            if part
        )
        super().__init__(f"{where}: {problem}" if where else problem, to_do)
        self.file, self.line, self.field = file, line, field


class ImportRefused(BadInput):
    """Too many rejected rows: the import changed nothing."""


class NotFound(EduPulseError):
    """What was asked for does not exist, or not for this caller."""


class Unidentified(EduPulseError):
    """Who asks is not known: no token, or one that does not hold."""


class NotAllowed(EduPulseError):
    """Who asks is known, and may not do this at all, whichever student it concerns."""


class TooOften(EduPulseError):
    """One caller asks faster than is allowed; `wait` is in seconds."""

    def __init__(self, problem: str, to_do: str = "", *, wait: float = 1.0) -> None:
        super().__init__(problem, to_do)
        self.wait = wait


class NotReady(EduPulseError):
    """Something that is needed first is not there yet."""


class DatabaseDown(NotReady):
    """The database does not answer."""


class ProviderDown(NotReady):
    """The OpenID provider does not answer, and the key of a token is not known yet."""


class SourceDown(NotReady):
    """A source's service does not answer, or only with errors."""


class Refused(EduPulseError):
    """It could be computed, but a law of this software forbids it."""


class CatalogMismatch(Refused):
    """A checkpoint met features of another catalog, order or number (law 8)."""


class Leakage(Refused):
    """Something would have seen the future (laws 1 and 7)."""
