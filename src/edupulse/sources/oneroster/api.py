"""OneRoster REST 1.1 and 1.2: all of it, or with the results that changed since.

What a result rests on (rosters) is read whole each time, since a record of ours rests on several
objects; results, which are nearly all of it, by what changed, and so are line items where those
of the last time were kept. Of a line item that is another now all results are read again.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import polars as pl

from edupulse.school.errors import BadInput, NotReady, SourceDown
from edupulse.sources.delivery import Ledger, Progress
from edupulse.sources.keeping import packed, unpacked
from edupulse.sources.mapping import DistrictMapping
from edupulse.sources.oneroster import items, tables
from edupulse.sources.oneroster.delivery import OneRoster
from edupulse.sources.oneroster.download import Cursor, Download
from edupulse.sources.oneroster.json import Content, frames_of
from edupulse.sources.oneroster.material import Material
from edupulse.sources.oneroster.reading import Parts, Rows, latest, same_guid, schema_of, tidied
from edupulse.sources.oneroster.tables import Table
from edupulse.sources.oneroster.vocabulary import Words
from edupulse.sources.web import Answer, Credentials, Service

PAGE = 2_000
PAGES_TOGETHER = 256
"""Pages of which the ids are looked at together: memory stays that of the different ids."""

_WHOLE, _CHANGED = "0", "1"
"""What the names of questions for all of a table, and for what changed, end in."""

ROUNDS = 3
"""How often a collection is read, where its pages change meanwhile, before we say so and go on."""

OLDEST = timedelta(hours=12)
"""A reading that began longer ago is begun anew, not gone on with."""

ROSTER = (
    tables.ORGS,
    tables.SESSIONS,
    tables.COURSES,
    tables.CLASSES,
    tables.USERS,
    tables.ENROLLED,
    tables.DEMOGRAPHIC,
)
GRADEBOOK = (tables.CATEGORIES, tables.LINE_ITEMS, tables.RESULTS)
_OF_1_2 = (tables.SCORE_SCALES,)

_SCOPES = {
    "1.1": "https://purl.imsglobal.org/spec/or/v1p1/scope/",
    "1.2": "https://purl.imsglobal.org/spec/or/v1p2/scope/",
}
_WANTED = ("roster-core.readonly", "roster-demographics.readonly")
_GRADES = {"1.1": "gradebook.readonly", "1.2": "gradebook-core.readonly"}
_SORTED = {"sort": "sourcedId", "orderBy": "asc"}
_NEXT = re.compile(r"<([^<]+?)>\s*;[^,]*\brel\s*=\s*\"?next\"?", re.IGNORECASE)
"""The address may have `>` in it, of a filter that the service leaves as it is."""


@dataclass(frozen=True, slots=True)
class Question:
    """A collection to read: `name` begins with the table's, and names it in the download."""

    table: Table
    name: str
    path: str
    query: dict[str, str | int]


def oneroster_api(
    service: Service,
    credentials: Credentials,
    folder: Path,
    mapping: DistrictMapping | None = None,
    *,
    token_url: str | None = None,
    since: str | None = None,
    kept: bytes | None = None,
    size: int = PAGE,
    progress: Progress | None = None,
) -> OneRoster:
    """The records of a OneRoster service, its pages kept in `folder` while it is read.

    The service's base ends in `v1p1`, or in `rostering/v1p2`. With `token_url` by OAuth 2, without
    (1.1 alone) by OAuth 1.0a. `since`: the `through` of an earlier delivery; `kept` is what that
    one `keeps`: without it, of each line item that changed all results are asked for. A reading
    that was cut goes on where it was. Raises `SourceDown`, `BadInput` for an address or a refused
    key, and `NotReady` where a service does not tell what changed, or so much that all is quicker.
    """
    words = Words(mapping)
    api = _Api(service, Download(folder), size, progress)
    api.sign(credentials, token_url)
    api.begin(since)
    keeps = api.read(since, unpacked(kept, items.SCHEMA))
    material = Material(Rows(api.parts()), words, Ledger())
    for path, what in api.told:
        material.ledger.note(None, path, what)
    delivery = OneRoster(f"OneRoster {api.version} at {service.base}", material)
    delivery.through = api.began
    delivery.keeps = keeps
    delivery.finish = api.download.forget
    return delivery


class _Api:
    """One reading of one service."""

    def __init__(
        self, service: Service, download: Download, size: int, progress: Progress | None
    ) -> None:
        self.service, self.download, self.size = service, download, size
        self.progress = progress
        self.version = _version_of(service.base)
        self.began: str | None = None
        self.told: list[tuple[str, str]] = []
        self._standing: pl.DataFrame | None = None

    def sign(self, credentials: Credentials, token_url: str | None) -> None:
        """With a token, or with each question."""
        if token_url:
            scopes = [_SCOPES[self.version] + name for name in (*_WANTED, _GRADES[self.version])]
            self.service.sign_in(token_url, credentials, scope=" ".join(scopes), elsewhere=True)
        elif self.version == "1.1":
            self.service.sign_each(credentials)
        else:
            raise BadInput(
                "OneRoster 1.2 signs in by OAuth 2.", "Give the address of the token too."
            )

    def begin(self, since: str | None) -> None:
        """Go on with the reading of the same that was cut, or begin anew.

        It began when the service's own clock says so: what changes from then on is for next time.
        """
        answer = self.service.get("orgs", {"limit": 1, "offset": 0})
        if not answer.is_ok:
            raise SourceDown(f"{answer.url} answers HTTP {answer.status}.", "Check the address.")
        now = _clock(answer)
        same = {"base": self.service.base, "since": since, "size": str(self.size)}
        said = self.download.said
        is_same = all(said.get(name) == value for name, value in same.items())
        began = datetime.fromisoformat(said["began"]) if said.get("began") else None
        if not is_same or began is None or now is None or now - began > OLDEST:
            self.download.begin(**same, began=now.isoformat() if now else None)
            began = now
        self.began = began.strftime("%Y-%m-%dT%H:%M:%SZ") if began else None

    def read(self, since: str | None, kept: pl.DataFrame | None) -> bytes:
        """Every collection, or what changed; what to keep for the next time."""
        more = _OF_1_2 if self.version == "1.2" else ()
        known = kept if since else None
        for table in (*ROSTER, tables.CATEGORIES, *more):
            self._answer(self._question(table))
        if since is None or known is None or not self._tells_changed_items(since):
            self._answer(self._question(tables.LINE_ITEMS))
        self._answer(self._question(tables.RESULTS, since))
        named = self._named()
        now = self._keeping(known, named)
        if not named.is_in(now.filter("is_there")["id"].implode()).all():
            self._answer(self._question(tables.LINE_ITEMS))
            now = self._keeping(known, named)
        if since:
            # Timestamps of ISO 8601 in UTC stand in the order of time.
            changed = now.filter(pl.col("modified").str.head(19) >= since[:19])
            self._answer_again(changed if known is None else items.become_others(known, now))
        return packed(now)

    def parts(self) -> dict[str, list[Parts]]:
        """What `Rows` reads: of line items those of the last time, too."""
        found = self.download.parts()
        if self._standing is not None:
            found[tables.LINE_ITEMS.name] = items.as_parts(self._standing)
        return found

    def _question(self, table: Table, since: str | None = None) -> Question:
        """All of a table, or what changed."""
        query: dict[str, str | int] = {"filter": f"dateLastModified>='{since}'"} if since else {}
        name = f"{table.name}-{_CHANGED if since else _WHOLE}"
        return Question(table, name, self._path(table), query)

    def _path(self, table: Table) -> str:
        return table.name if table in ROSTER else self._gradebook(table.name)

    def _gradebook(self, path: str) -> str:
        return f"../../gradebook/v1p2/{path}" if self.version == "1.2" else path

    def _tells_changed_items(self, since: str) -> bool:
        """Read the line items that changed, where the service tells which."""
        try:
            self._answer(self._question(tables.LINE_ITEMS, since))
        except NotReady:
            return False
        return True

    def _keeping(self, kept: pl.DataFrame | None, named: pl.Series) -> pl.DataFrame:
        """All line items, as the service says them and as they were kept."""
        whole = f"{tables.LINE_ITEMS.name}-{_WHOLE}"
        if kept is None or self.download.cursor(whole).done:
            self._standing = None
            now = latest(tables.LINE_ITEMS, self._rows(tables.LINE_ITEMS, whole))
        else:
            changed = f"{tables.LINE_ITEMS.name}-{_CHANGED}"
            now = self._standing = items.standing(kept, self._rows(tables.LINE_ITEMS, changed))
        lost = [] if kept is None else [items.lost(kept)]
        return items.keeping(now, self._rows(tables.CATEGORIES), pl.concat([named, *lost]))

    def _rows(self, table: Table, question: str = "*") -> pl.DataFrame:
        """What was answered of a table."""
        pages = (pl.read_ipc(path) for path in self.download.pages(table, question))
        empty = pl.DataFrame(schema=schema_of(table))
        return pl.concat([empty, *(tidied(table, page) for page in pages)])

    def _named(self) -> pl.Series:
        """The line items that results name."""
        named = pl.Series("id", [], pl.String)
        paths = self.download.pages(tables.RESULTS)
        for at in range(0, len(paths), PAGES_TOGETHER):
            some = paths[at : at + PAGES_TOGETHER]
            pages = (pl.read_ipc(path, columns=["item_id"])["item_id"] for path in some)
            named = pl.concat([named, *(ids.alias("id") for ids in pages)]).unique()
        bare = pl.col("id").str.strip_chars()
        return named.to_frame().select(same_guid(bare)).to_series().drop_nulls().unique()

    def _answer_again(self, others: pl.DataFrame) -> None:
        """Read all results of some line items, one question each."""
        asked = sorted(others.select("id", "class_id").drop_nulls().unique().rows())
        if asked and len(asked) > 1 + self._all_results() // self.size:
            raise NotReady("More changed than is quicker asked for by itself.", "Read it whole.")
        for item, of_class in asked:
            path = f"classes/{quote(of_class, safe='')}/lineItems/{quote(item, safe='')}/results"
            name = f"{tables.RESULTS.name}-{sha256(item.encode()).hexdigest()[:16]}"
            self._answer(Question(tables.RESULTS, name, self._gradebook(path), {}))

    def _all_results(self) -> int:
        """How many results there are; without end where the service does not count."""
        answer = self.service.get(self._path(tables.RESULTS), {"limit": 1, "offset": 0})
        total = _total(answer) if answer.is_ok else None
        return sys.maxsize if total is None else total

    def _answer(self, question: Question) -> None:
        """Read a collection to its end, and again where its pages changed meanwhile."""
        while not (cursor := self.download.cursor(question.name)).done:
            cursor = self._page(question, cursor)
            self.download.move(question.name, cursor)
        if cursor.absent:
            self.told.append((question.table.name, "the service has it not, or not for this key"))
        if self.progress:
            self.progress(question.path, 1.0)

    def _page(self, question: Question, cursor: Cursor) -> Cursor:
        """Ask for one page and keep it; the cursor behind it."""
        if cursor.next is None:
            first = {**question.query, "limit": self.size, "offset": 0, **_SORTED}
            answer = self.service.get(question.path, first)
        else:
            answer = self.service.get(cursor.next)
        if answer.status in (403, 404) and cursor.pages == 0:
            return replace(cursor, done=True, absent=True)
        if not answer.is_ok and "filter" in question.query:
            raise NotReady(
                f"{answer.url} does not tell what changed (HTTP {answer.status}).", "Read it whole."
            )
        if not answer.is_ok:
            raise SourceDown(
                f"{answer.url} answers HTTP {answer.status}.", "Ask who runs the service."
            )
        contents = _contents(answer, question.table.name)
        frames = frames_of(question.table, contents, question.path.split("/")[-1], cursor.rows + 1)
        self.download.keep(question.name, cursor.pages, frames)
        rows, pages = cursor.rows + len(contents), cursor.pages + 1
        onwards = self._next(question, answer, cursor, len(contents))
        total = _total(answer) if cursor.next is None else cursor.total
        moved = replace(cursor, rows=rows, pages=pages, next=onwards, total=total)
        return moved if onwards else self._ended(question, moved, answer)

    def _next(self, question: Question, answer: Answer, cursor: Cursor, count: int) -> str | None:
        """The address of the next page: by the Link header, else by offset; None at the end."""
        link = _NEXT.search(answer.headers.get("Link", ""))
        if count == 0:
            return None
        if link:
            onwards = _quoted(link[1])
            goes_back = "offset=" in onwards and _offset_of(onwards) <= _offset_of(cursor.next)
            if onwards == cursor.next or goes_back:
                raise SourceDown(f"{answer.url} leads in a circle.", "Ask who runs the service.")
            return onwards
        total = _total(answer)
        offset = _offset_of(cursor.next) + count
        if answer.headers.get("Link") or (total is not None and offset >= total):
            return None
        query = {**question.query, "limit": self.size, "offset": offset}
        return f"{question.path}?{urlencode({**query, **_SORTED})}"

    def _ended(self, question: Question, cursor: Cursor, answer: Answer) -> Cursor:
        """Nothing more; unless pages had shifted, since the service's count moved meanwhile."""
        total, given = _total(answer), self._different(question)
        rounds = cursor.rounds + 1
        if total is not None and (given < total or total != cursor.total):
            if rounds < ROUNDS:
                return replace(cursor, next=None, rounds=rounds)
            what = f"changed while it was read: the service counts {total:,}, and gave {given:,}"
            self.told.append((question.table.name, what))
        return replace(cursor, next=None, done=True, rounds=rounds)

    def _different(self, question: Question) -> int:
        paths = self.download.pages(question.table, question.name)
        ids = [pl.read_ipc(path, columns=["id"]) for path in paths]
        return pl.concat(ids)["id"].n_unique() if ids else 0


def _version_of(base: str) -> str:
    """By the end of the address."""
    if base.endswith("/rostering/v1p2/"):
        return "1.2"
    if base.endswith("/v1p1/"):
        return "1.1"
    raise BadInput(
        f"{base} does not say which version of OneRoster it speaks.",
        "Give the address that ends in /v1p1, or in /rostering/v1p2.",
    )


def _clock(answer: Answer) -> datetime | None:
    """The service's own time, in whole seconds; None where it does not say."""
    try:
        said = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return None
    return said.astimezone(UTC)


def _contents(answer: Answer, name: str) -> list[Content]:
    """The objects in an answer: `{"orgs": […]}`."""
    content = answer.json()
    found = content.get(name) if isinstance(content, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise SourceDown(f"{answer.url} answers with no {name}.", "Ask who runs the service.")
    return found


def _total(answer: Answer) -> int | None:
    """How many there are, as the service counts."""
    said = answer.headers.get("X-Total-Count", "")
    return int(said) if said.isdecimal() else None


def _offset_of(address: str | None) -> int:
    found = re.search(r"[?&]offset=(\d+)", address or "")
    return int(found[1]) if found else 0


def _quoted(address: str) -> str:
    """An address as it may be signed: some services leave quotes and signs in it as they are."""
    parts = urlsplit(address)
    return parts._replace(query=urlencode(parse_qsl(parts.query, keep_blank_values=True))).geturl()
