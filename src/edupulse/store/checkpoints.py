"""The registry of checkpoints: which there are, and which one serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from psycopg import Connection
from psycopg.types.json import Jsonb
from pydantic import Field
from pydantic_settings import BaseSettings

from edupulse.school.errors import NotFound, NotReady

Action = Literal["promoted", "refused", "rolled_back", "retired"]


class CheckpointSettings(BaseSettings):
    """Read from the environment; empty counts as absent.

    `path` (MODEL_PATH) is the folder of checkpoints, where it is not the one of the registry.
    """

    path: Path | None = Field(default=None, validation_alias="MODEL_PATH")

    model_config = {"env_ignore_empty": True}


@dataclass(frozen=True)
class Registered:
    """A checkpoint of the registry; `decision` is what the gate said of it."""

    hash: str
    created: datetime
    status: str
    folder: str
    decision: dict[str, Any]


def register(
    connection: Connection, hash_: str, *, created: datetime, folder: str, decision: dict[str, Any]
) -> None:
    """Add a checkpoint as a challenger; one that is there keeps its status, its decision is new."""
    connection.execute(
        "INSERT INTO state.checkpoints (hash, created, status, folder, decision)"
        " VALUES (%s, %s, 'challenger', %s, %s)"
        " ON CONFLICT (hash) DO UPDATE SET folder = excluded.folder, decision = excluded.decision",
        (hash_, created, folder, Jsonb(decision)),
    )


@dataclass(frozen=True)
class Decided:
    """One decision about what serves: when, what, by whom or what, and on which figures.

    `checkpoint` is what it was about, `before` what served until then (None: the rules).
    """

    at: datetime
    action: Action
    checkpoint: str
    before: str | None
    by: str
    because: str
    grounds: dict[str, Any]


def promote(
    connection: Connection,
    hash_: str,
    *,
    now: datetime,
    by: str,
    because: str,
    grounds: Mapping[str, Any] | None = None,
    action: Action = "promoted",
) -> Registered:
    """Let a checkpoint serve; the one that served is retired. Raises NotFound.

    What serves already goes on serving, and nothing is written down.
    """
    _lock(connection)
    wanted, serving = checkpoint(connection, hash_), champion(connection)
    if serving is not None and serving.hash == wanted.hash:
        return serving
    _retire(connection)
    connection.execute(
        "UPDATE state.checkpoints SET status = 'champion', promoted = %s WHERE hash = %s",
        [now, wanted.hash],
    )
    before = serving.hash if serving else None
    _write_down(
        connection, Decided(now, action, wanted.hash, before, by, because, {**(grounds or {})})
    )
    return checkpoint(connection, wanted.hash)


def refuse(
    connection: Connection,
    hash_: str,
    *,
    now: datetime,
    by: str,
    because: str,
    grounds: Mapping[str, Any],
) -> None:
    """Write down that a checkpoint may not serve, and why; what serves is left as it is.

    The same run refuses once, however often it is taken up again.
    """
    told = {(one.action, one.checkpoint, one.at) for one in decisions(connection)}
    if ("refused", hash_, now) in told:
        return
    serving = champion(connection)
    before = serving.hash if serving else None
    _write_down(connection, Decided(now, "refused", hash_, before, by, because, {**grounds}))


def rollback(connection: Connection, *, now: datetime, by: str, because: str) -> Registered:
    """Let the checkpoint serve that served last before this one. Raises NotReady without one."""
    _lock(connection)
    row = connection.execute(
        "SELECT hash FROM state.checkpoints WHERE status = 'retired' AND promoted IS NOT NULL"
        " ORDER BY promoted DESC LIMIT 1"
    ).fetchone()
    if row is None:
        raise NotReady("No checkpoint served before this one.", "Promote one by its hash.")
    return promote(connection, row[0], now=now, by=by, because=because, action="rolled_back")


def retire_champion(connection: Connection, *, now: datetime, by: str, because: str) -> None:
    """Let no checkpoint serve: the service then runs the rules. Raises NotReady without one."""
    _lock(connection)
    serving = champion(connection)
    if serving is None:
        raise NotReady("No checkpoint serves: the rules do already.", "There is nothing to retire.")
    _retire(connection)
    _write_down(connection, Decided(now, "retired", serving.hash, serving.hash, by, because, {}))


def decisions(connection: Connection) -> list[Decided]:
    """Every decision about what serves, the newest first."""
    rows = connection.execute(
        "SELECT decided, action, checkpoint, before, by, because, grounds"
        " FROM state.decisions ORDER BY number DESC"
    ).fetchall()
    return [Decided(*row) for row in rows]


def champion(connection: Connection) -> Registered | None:
    """The checkpoint that serves; None where the rules do."""
    found = _select(connection, "WHERE status = 'champion'")
    return found[0] if found else None


def checkpoint(connection: Connection, hash_: str) -> Registered:
    """The checkpoint of that hash, or of the only hash that begins so. Raises NotFound."""
    found = _select(connection, "WHERE starts_with(hash, %s)", hash_)
    exact = [one for one in found if one.hash == hash_]
    if len(exact or found) != 1:
        raise NotFound(
            "No single checkpoint has this hash.", "`edupulse models` lists those that there are."
        )
    return (exact or found)[0]


def checkpoints(connection: Connection) -> list[Registered]:
    """All checkpoints, the newest first."""
    return _select(connection, "")


def _select(connection: Connection, condition: str, *arguments: object) -> list[Registered]:
    query = f"{_COLUMNS} {condition} ORDER BY created DESC, hash"
    rows = connection.execute(query.encode(), arguments).fetchall()
    path = CheckpointSettings().path
    found = [Registered(*row) for row in rows]
    return found if path is None else [_where_it_lies(one, path) for one in found]


def _where_it_lies(one: Registered, path: Path) -> Registered:
    """With the folder under MODEL_PATH, if it is there: checkpoints may have been moved or copied
    since they were registered."""
    # Here, since what only keeps the registry need not load what a checkpoint is made of.
    from edupulse.model.checkpoint import folder as folder_of

    if not folder_of(path, one.hash).is_dir():
        return one
    return replace(one, folder=str(folder_of(path, one.hash)))


_COLUMNS = "SELECT hash, created, status, folder, decision FROM state.checkpoints"


def _retire(connection: Connection) -> None:
    connection.execute("UPDATE state.checkpoints SET status = 'retired' WHERE status = 'champion'")


def _write_down(connection: Connection, decided: Decided) -> None:
    connection.execute(
        "INSERT INTO state.decisions"
        " (decided, action, checkpoint, before, by, because, grounds)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            decided.at,
            decided.action,
            decided.checkpoint,
            decided.before,
            decided.by,
            decided.because,
            Jsonb(decided.grounds),
        ),
    )


def _lock(connection: Connection) -> None:
    connection.execute("LOCK TABLE state.checkpoints IN SHARE ROW EXCLUSIVE MODE")
