"""`edupulse models`: which checkpoints there are, which one serves, and who decided so."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from edupulse.cli.console import out
from edupulse.model.checkpoint import CARD, read_checkpoint
from edupulse.pipeline.promoting import promote_by_hand
from edupulse.store import checkpoints as registry
from edupulse.store.checkpoints import Registered
from edupulse.store.store import open_store

models = typer.Typer(
    help="Which checkpoints there are, which one serves, and who decided so.", no_args_is_help=True
)

Hash = Annotated[str, typer.Argument(metavar="HASH", help="A checkpoint's hash or its beginning.")]
Because = Annotated[str, typer.Option(help="Why; kept with the decision.")]
Name = Annotated[str | None, typer.Option("--by", help="Who decides. Default: your login.")]


@models.command("list")
def list_() -> None:
    """List all checkpoints, the newest first."""
    with open_store() as store, store.writing() as connection:
        found = registry.checkpoints(connection)
    table = Table(box=SIMPLE_HEAD)
    for column in ("status", "hash", "made", "gate"):
        table.add_column(column, no_wrap=True)
    for one in found:
        gate = "passed" if one.decision.get("serves") else "not passed"
        table.add_row(one.status, _short(one.hash), f"{one.created:%Y-%m-%d %H:%M}", gate)
    out.print(table if found else "No checkpoint was trained yet: `edupulse train`.")


@models.command()
def show(hash_: Hash) -> None:
    """Show a checkpoint's model card."""
    with open_store() as store, store.writing() as connection:
        folder = Path(registry.checkpoint(connection, hash_).folder)
    read_checkpoint(folder)
    card = (folder / CARD).read_text(encoding="utf-8")
    out.print(Markdown(card) if out.is_terminal else card, markup=False)


@models.command()
def add(
    folder: Annotated[Path, typer.Argument(help="A checkpoint's folder, made elsewhere.")],
) -> None:
    """Register a checkpoint that was trained elsewhere, as a challenger, after verifying it."""
    checkpoint = read_checkpoint(folder.resolve())
    gate = checkpoint.manifest.gate
    decision = {"serves": gate.serves, "instead": gate.instead, "by": "its own gate"}
    with open_store() as store, store.writing() as connection:
        registry.register(
            connection,
            checkpoint.version,
            created=datetime.now(UTC),
            folder=str(checkpoint.path),
            decision=decision,
        )
    out.print(f"Registered as a challenger: {_short(checkpoint.version)}")


@models.command()
def promote(hash_: Hash, because: Because, by: Name = None) -> None:
    """Let a checkpoint serve from now on, without a restart; the one that served is retired.

    One that did not pass its gate is refused: what does not beat the checklist does not serve.
    """
    with open_store() as store:
        _serves(promote_by_hand(store, hash_, now=_now(), by=login(by), because=because))


@models.command()
def rollback(because: Because, by: Name = None) -> None:
    """Let the checkpoint serve again that served before this one, without a restart."""
    with open_store() as store, store.writing() as connection:
        _serves(registry.rollback(connection, now=_now(), by=login(by), because=because))


@models.command()
def retire(because: Because, by: Name = None) -> None:
    """Let no checkpoint serve: the rules do, in their own name."""
    with open_store() as store, store.writing() as connection:
        registry.retire_champion(connection, now=_now(), by=login(by), because=because)
    out.print("No checkpoint serves: the rules do.")


@models.command()
def decisions(
    figures: Annotated[
        bool, typer.Option("--figures", help="As JSON, with the figures behind each.")
    ] = False,
) -> None:
    """List every decision about what serves, the newest first: when, what, by whom, and why."""
    with open_store() as store, store.writing() as connection:
        found = registry.decisions(connection)
    if figures:
        typer.echo(json.dumps([vars(one) for one in found], default=str, indent=1))
        return
    table = Table(box=SIMPLE_HEAD)
    for column in ("when", "what", "checkpoint", "by", "because"):
        table.add_column(column, no_wrap=column != "because")
    for one in found:
        when = f"{one.at:%Y-%m-%d %H:%M}"
        table.add_row(when, one.action, _short(one.checkpoint), escape(one.by), escape(one.because))
    out.print(table if found else "Nothing was decided yet.")


def _serves(champion: Registered) -> None:
    out.print(f"{_short(champion.hash)} serves now.")


def _short(hash_: str) -> str:
    return hash_[: len("sha256:") + 12]


def login(by: str | None) -> str:
    """Who decides: as said, else the login."""
    return by or getpass.getuser()


def _now() -> datetime:
    return datetime.now(UTC)
