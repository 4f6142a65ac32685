"""Syncs configured sources: whole, or what changed since, each in one transaction.

How far a source was read is written in the import's own transaction, so a sync that is killed at
any point has either happened or not, and can simply be run again.
"""

from __future__ import annotations

import os
import tomllib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edupulse.pipeline.import_report import ImportReport
from edupulse.pipeline.intake import intake
from edupulse.pipeline.material import Told, silent
from edupulse.pipeline.opening import Origin, Speaks, opened
from edupulse.school.errors import BadInput, NotFound, NotReady
from edupulse.sources.web import Credentials
from edupulse.store.store import Store
from edupulse.store.syncs import Synced, kept, note_sync, synced

CONFIGURATION = "sources.toml"


class Configured(BaseModel):
    """One source of a configuration file.

    `key` and `secret` name environment variables, never the secrets; `token_url` is where a
    OneRoster service signs in by OAuth 2. `whole_every` is after how
    many days a service is read whole again although it tells what changed; files always are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    speaks: Annotated[Speaks, Field(alias="from")]
    place: str
    mapping: Path | None = None
    key: str | None = None
    secret: str | None = None
    token_url: str | None = None
    snapshot: bool = False
    whole_every: Annotated[int, Field(ge=1)] = 7
    limit: Annotated[float, Field(ge=0, le=1)] = 0.05


@dataclass(frozen=True)
class Sync:
    """What one sync did: the import's report, and was the source read whole?"""

    source: str
    was_whole: bool
    report: ImportReport


def configured(path: Path) -> Mapping[str, Configured]:
    """The sources of a TOML file by name; relative places are beside it.

    Raises NotFound without the file, BadInput naming what is wrong in it.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(
            f"{path.name} is not there.",
            "Write it in EDUPULSE_HOME as docs/first-day.md shows, or name another: --sources.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"is not TOML: {error}.", "Correct it there.", file=path.name) from None
    try:
        found = _FILE.validate_python(content).sources
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{first['msg']}.", "See docs/first-day.md.", file=path.name, field=where) \
            from None  # fmt: skip
    return {name: _placed(one, path.parent) for name, one in found.items()}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sources: dict[str, Configured]


_FILE = TypeAdapter(_File)


def sync(
    store: Store,
    name: str,
    source: Configured,
    *,
    now: datetime,
    whole: bool = False,
    home: Path | None = None,
    told: Told = silent,
    number: uuid.UUID | None = None,
) -> Sync:
    """Read a source whole, or what changed since the last time, and import it.

    What cannot be read by its changes is read whole: files, a service that was set back, one not
    read whole for `whole_every` days. A whole reading retracts what is not there any more where
    the configuration says `snapshot`. The import's id is `number`, or a new one. Raises SourceDown
    and ImportRefused with nothing changed.
    """
    with store.writing() as connection:
        last = synced(connection, name)
    origin = _origin(source)
    since = None if whole else _since(source, last, now)
    try:
        return _read(store, name, source, origin, since, last, now, home, told, number)
    except NotReady:
        if since is None:
            raise
        return _read(store, name, source, origin, None, last, now, home, told, number)


def _read(
    store: Store,
    name: str,
    source: Configured,
    origin: Origin,
    since: str | None,
    last: Synced | None,
    now: datetime,
    home: Path | None,
    told: Told,
    number: uuid.UUID | None,
) -> Sync:
    is_whole = since is None

    with opened(origin, since, told, None if is_whole else _kept(store, name)) as delivery:

        def note(connection: Connection, landed: uuid.UUID) -> None:
            through = None if delivery.through is None else str(delivery.through)
            when_whole = now if is_whole or last is None else last.whole
            done = Synced(name, through, now, when_whole, landed)
            note_sync(connection, done, delivery.keeps)

        report = intake(
            store,
            delivery,
            now=now,
            snapshot=source.snapshot and is_whole,
            limit=source.limit,
            progress=told,
            home=home,
            also=note,
            number=number,
        )
    return Sync(name, is_whole, report)


def _kept(store: Store, name: str) -> bytes | None:
    with store.writing() as connection:
        return kept(connection, name)


def _since(source: Configured, last: Synced | None, now: datetime) -> str | None:
    if last is None or now - last.whole >= timedelta(days=source.whole_every):
        return None
    return last.through


def _origin(source: Configured) -> Origin:
    credentials = None
    if source.key and source.secret:
        key, secret = (os.environ.get(name) for name in (source.key, source.secret))
        if not key or not secret:
            raise BadInput(
                f"{source.key} and {source.secret} are not set.",
                "Set them in the environment to what the service gave you.",
            )
        credentials = Credentials(key, secret)
    return Origin(source.speaks, source.place, source.mapping, credentials, source.token_url)


def _placed(source: Configured, folder: Path) -> Configured:
    """With relative places beside the file."""
    mapping = source.mapping and folder / source.mapping
    place = source.place if "://" in source.place else str(folder / source.place)
    return source.model_copy(update={"mapping": mapping, "place": place})
