"""Ed-Fi resources from an ODS/API, resources 4.0 and 5.0: all of them, or what changed since.

What changed is asked by a window of change versions, with deletions and old keys. A record of ours
may rest on several resources, so whatever a change touches is read again whole: a day's attendance,
an incident's behaviors, a student's actions of a day, and the students of a gradebook entry that
is another than the one that was kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from edupulse.school.errors import NotReady, SourceDown
from edupulse.sources.delivery import Progress
from edupulse.sources.edfi import entries, resources
from edupulse.sources.edfi.delivery import EdFi
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.json import row_of, row_of_key
from edupulse.sources.edfi.paging import PAGE, Unavailable, pages, total
from edupulse.sources.edfi.resource import Resource
from edupulse.sources.edfi.resources import RESOURCES
from edupulse.sources.edfi.spool import Spool
from edupulse.sources.keeping import packed, unpacked
from edupulse.sources.web import Credentials, Query, Service

ALWAYS_WHOLE = (
    resources.SCHOOL,
    resources.SESSION,
    resources.GRADING_PERIOD,
    resources.CALENDAR,
    resources.CALENDAR_DATE,
    resources.COURSE,
    resources.COURSE_OFFERING,
    resources.SECTION,
    resources.INCIDENT,
    resources.STAFF,
    resources.STAFF_ASSIGNMENT,
    resources.STAFF_SECTION,
)
"""What other records rest on, and is small beside what students do: read whole each time."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Of resources `of` the values in `columns` that changed; `again` is read by them, as `query`.

    `query` is the API's name of each column.
    """

    of: tuple[Resource, ...]
    columns: tuple[str, ...]
    again: tuple[Resource, ...]
    query: tuple[str, ...]


Values = tuple[str, ...]

_ATTENDANCE = (resources.SCHOOL_ATTENDANCE, resources.SECTION_ATTENDANCE)
_BEHAVIORS = (resources.BEHAVIOR, resources.NON_OFFENDER)
TOUCHED = (
    Touched(_ATTENDANCE, ("date",), _ATTENDANCE, ("eventDate",)),
    Touched(
        (resources.STUDENT_ORGANIZATION,),
        ("student",),
        (resources.STUDENT_ORGANIZATION,),
        ("studentUniqueId",),
    ),
    Touched(
        (resources.SECTION_ATTENDANCE,),
        ("student",),
        (resources.SECTION_STUDENT,),
        ("studentUniqueId",),
    ),
    Touched(_BEHAVIORS, ("incident", "school"), _BEHAVIORS, ("incidentIdentifier", "schoolId")),
    Touched(
        (resources.ACTION,),
        ("student", "date"),
        (resources.ACTION,),
        ("studentUniqueId", "disciplineDate"),
    ),
)

ENTRY_NAMED = ("gradebookEntryIdentifier", "namespace")
"""The API's names of what identifies a gradebook entry: `entries.KEY`."""


def edfi_api(
    service: Service,
    credentials: Credentials,
    words: Words | None = None,
    *,
    since: int | None = None,
    kept: bytes | None = None,
    size: int = PAGE,
    progress: Progress | None = None,
) -> EdFi:
    """The records of an ODS/API at its base address, all of it read once.

    `since`: only what changed after that change version; `kept`: what that delivery `keeps`, so
    that less is asked. The delivery's `through` is the version to give next time; None where the
    service has no change queries. Raises `SourceDown`,
    `BadInput` (a refused key) and, where `since` cannot be served, `NotReady`.
    """
    api = _Api(service, credentials, size, progress)
    spool = Spool()
    try:
        if since is None:
            keeps = api.read_all(spool)
        else:
            keeps = api.read_changes(spool, since, unpacked(kept, entries.SCHEMA))
    except BaseException:
        spool.close()
        raise
    delivery = EdFi(f"Ed-Fi API {service.base}", spool, words or Words())
    delivery.through = api.newest
    delivery.keeps = keeps
    for path in api.unavailable:
        delivery.ledger.note(None, path, "the service has it not, or not for this key: not read")
    return delivery


class _Api:
    """One reading of one service."""

    def __init__(
        self, service: Service, credentials: Credentials, size: int, progress: Progress | None
    ) -> None:
        self.service, self.size, self.progress = service, size, progress
        urls = _addresses(service)
        self.data = urls["dataManagementApi"].rstrip("/") + "/ed-fi/"
        service.sign_in(urls["oauth"], credentials)
        self.newest = _newest_version(service, urls)
        self.unavailable: list[str] = []

    def read_all(self, spool: Spool) -> bytes | None:
        """Every resource, as of the newest change version; what to keep for the next time."""
        window = {} if self.newest is None else {"maxChangeVersion": self.newest}
        self._read(spool, (r for r in RESOURCES if r.path), window)
        return packed(entries.keeping(spool, None))

    def read_changes(self, spool: Spool, since: int, kept: pl.DataFrame | None) -> bytes | None:
        """What changed after a version, all that it touches, and what to keep for next time."""
        if self.newest is None:
            raise NotReady(
                "The service has no change queries.", "Read it whole, without a change version."
            )
        if self.newest < since:
            raise NotReady(
                f"The service is at change version {self.newest}, before {since}: it was set back.",
                "Read it whole, without a change version.",
            )
        window = {"minChangeVersion": since + 1, "maxChangeVersion": self.newest}
        changing = [r for r in RESOURCES if r.path and r not in ALWAYS_WHOLE]
        spool.is_of_changes = True
        self._read(spool, ALWAYS_WHOLE, {})
        if since < self.newest:
            self._read(spool, changing, window)
            self._read_deletions(spool, [*changing, *ALWAYS_WHOLE], window)
            self._read_touched(spool)
            self._read_entries_again(spool, kept)
        return None if kept is None else packed(entries.keeping(spool, kept))

    def _read(self, spool: Spool, wanted: Iterable[Resource], query: Query) -> None:
        for resource in wanted:
            try:
                self._read_one(spool, resource, query)
            except Unavailable:
                self.unavailable.append(resource.path)

    def _read_one(self, spool: Spool, resource: Resource, query: Query) -> None:
        for found in pages(self.service, self.data + resource.path, query, self.size):
            spool.see(resource)
            for content in found:
                self._add(spool, resource, content)
        if self.progress:
            self.progress(resource.path, 1.0)

    def _add(self, spool: Spool, resource: Resource, content: Mapping[str, Any]) -> None:
        line = spool.rows[resource.element] + 1
        spool.add(resource, row_of(resource, content), resource.path, line, deleted=False)

    def _read_deletions(self, spool: Spool, wanted: Iterable[Resource], window: Query) -> None:
        """What was deleted, and the keys that others took the place of."""
        for resource in wanted:
            for ending, name in (("deletes", "keyValues"), ("keyChanges", "oldKeyValues")):
                path = f"{self.data}{resource.path}/{ending}"
                for key in _keys(self.service, path, name, window, self.size):
                    line = spool.rows[resource.element] + 1
                    row = row_of_key(resource, key)
                    spool.add(resource, row, f"{resource.path}/{ending}", line, deleted=True)

    def _read_touched(self, spool: Spool) -> None:
        for touched in TOUCHED:
            values = _values(spool, touched)
            for resource in touched.again if values else ():
                self._read_again(spool, resource, touched.query, values)

    def _read_entries_again(self, spool: Spool, kept: pl.DataFrame | None) -> None:
        """The marks of gradebook entries that are others now, and the entries of marks."""
        touched = (
            spool.whole(resources.GRADEBOOK_ENTRY)
            if kept is None
            else entries.become_others(kept, spool)
        )
        self._read_by_entry(spool, resources.STUDENT_GRADEBOOK_ENTRY, touched)
        if kept is not None:
            self._add_kept(spool, entries.of_marks(kept, spool))
        self._read_by_entry(spool, resources.GRADEBOOK_ENTRY, entries.lost(spool))

    def _read_by_entry(self, spool: Spool, resource: Resource, wanted: pl.DataFrame) -> None:
        keys = sorted(wanted.select(entries.KEY).drop_nulls().unique().rows())
        if keys:
            self._read_again(spool, resource, ENTRY_NAMED, keys)

    def _add_kept(self, spool: Spool, kept: pl.DataFrame) -> None:
        """Entries that did not change, for the marks that did."""
        resource = resources.GRADEBOOK_ENTRY
        blank = pl.lit(None, pl.String)
        names = [column.name for column in resource.columns]
        columns = [name if name in kept.columns else blank.alias(name) for name in names]
        for row in kept.select(columns).rows():
            line = spool.rows[resource.element] + 1
            spool.add(resource, list(row), resource.path, line, deleted=False)

    def _read_again(
        self, spool: Spool, resource: Resource, names: tuple[str, ...], values: list[Values]
    ) -> None:
        """What has one of the values, or all there is, where that takes fewer questions."""
        if resource.path in self.unavailable:
            return
        all_there_is = total(self.service, self.data + resource.path)
        if all_there_is is not None and len(values) > 1 + all_there_is // self.size:
            self._read(spool, [resource], {})
        else:
            for each in values:
                self._read(spool, [resource], dict(zip(names, each, strict=True)))


def _values(spool: Spool, touched: Touched) -> list[Values]:
    """The different values of the touched columns, those that are whole."""
    found = pl.concat(spool.whole(of).select(touched.columns) for of in touched.of)
    return sorted(found.drop_nulls().unique().rows())


def _keys(
    service: Service, path: str, name: str, window: Query, size: int
) -> Iterator[Mapping[str, Any]]:
    """The natural keys in a list of deletions or changed keys, where the service has one."""
    try:
        for page in pages(service, path, window, size):
            for each in page:
                key = each.get(name)
                if isinstance(key, dict):
                    yield key
    except Unavailable:
        return


def _addresses(service: Service) -> dict[str, str]:
    """Where the API is, as its base says; else where the ODS/API has it by default."""
    default = {"oauth": "oauth/token", "dataManagementApi": "data/v3"}
    answer = service.get("")
    if not answer.is_ok:
        return default
    content = answer.json()
    said = content.get("urls") if isinstance(content, dict) else None
    if not isinstance(said, dict):
        raise SourceDown(
            f"{service.base} does not say where its API is.",
            "Give the base address of the ODS/API.",
        )
    return {**default, **{name: url for name, url in said.items() if isinstance(url, str)}}


def _newest_version(service: Service, urls: Mapping[str, str]) -> int | None:
    """The newest change version, or None where there are no change queries."""
    base = urls.get("changeQueries", "changeQueries/v1").rstrip("/")
    answer = service.get(f"{base}/availableChangeVersions")
    if not answer.is_ok:
        return None
    content = answer.json()
    named = (
        {name.lower(): value for name, value in content.items()}
        if isinstance(content, dict)
        else {}
    )
    newest = str(named.get("newestchangeversion", ""))
    return int(newest) if newest.isdecimal() else None
