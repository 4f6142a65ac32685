"""Every route of the service as a method; made by `python -m edupulse.api.client_code`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from edupulse.client.transport import Transport, new_key


class Alive(TypedDict):
    """The process runs."""

    status: NotRequired[Literal["alive"]]


class Disclosure(TypedDict):
    """One look at a record, or an attempt that was refused."""

    number: int
    at: str
    what: str
    who: str
    purpose: str


class PageDisclosure(TypedDict):
    """One page of a list."""

    items: list[Disclosure]
    next: NotRequired[str | None]


class Ready(TypedDict):
    """Can the service answer, and what is missing?"""

    ready: bool
    missing: list[str]
    serving: str


class Operations(Transport):
    """What can be asked of the service."""

    def healthz(self) -> Alive:
        """The process is alive; nothing else is asked."""
        answer: Alive = self._ask("GET", "/healthz")
        return answer

    def readyz(self) -> Ready:
        """Whether the service can answer. Without a checkpoint it can: by the rules, named as
        such.
        """
        answer: Ready = self._ask("GET", "/readyz")
        return answer

    def disclosures(
        self, *, student_id: str, limit: int | None = None, cursor: str | None = None
    ) -> PageDisclosure:
        """Who saw this student's record, the newest first. To ask is itself a disclosure."""
        answer: PageDisclosure = self._ask(
            "GET",
            "/api/v1/disclosures",
            query={"student_id": student_id, "limit": limit, "cursor": cursor},
        )
        return answer
