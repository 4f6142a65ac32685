"""`edupulse tokens`: what programs show to the service instead of a login."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from edupulse.cli import operator
from edupulse.cli.console import out
from edupulse.store import tokens as kept
from edupulse.store.people import staff_key
from edupulse.store.store import open_store
from edupulse.store.tokens import SCOPES, Token, Wanted

tokens = typer.Typer(
    help="What programs show to the service instead of a login.", no_args_is_help=True
)


@tokens.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help=f"May be repeated: {', '.join(SCOPES)}.")],
    staff: Annotated[
        str | None, typer.Option(help="The staff_id whose rights it has. Default: nobody's.")
    ] = None,
    days: Annotated[int, typer.Option(help="How long it holds, at most 366.")] = 90,
) -> None:
    """Make a token and show it, once: only its hash is kept."""
    with open_store() as store, store.writing() as connection:
        key = None if staff is None else staff_key(connection, staff)
        wanted = Wanted(name, scope, timedelta(days=days), key)
        token, secret = kept.create(connection, wanted, now=datetime.now(UTC), by=operator.login())
    typer.echo(secret)
    typer.echo(f"Its id is {token.id}; it ends on {token.expires:%Y-%m-%d}.", err=True)


@tokens.command("list")
def list_() -> None:
    """List all tokens, the newest first; their secrets are not kept."""
    with open_store() as store, store.writing() as connection:
        found = kept.every(connection)
    table = Table(box=SIMPLE_HEAD)
    for column in ("id", "name", "state", "ends", "scopes", "made by"):
        table.add_column(column, overflow="fold")
    now = datetime.now(UTC)
    for token in found:
        ends = f"{token.expires:%Y-%m-%d}"
        scopes = " ".join(token.scopes)
        row = (str(token.id), token.name, _state(token, now), ends, scopes, token.by)
        table.add_row(*(escape(cell) for cell in row))
    out.print(table if found else "There is no token.")


@tokens.command()
def revoke(id_: Annotated[str, typer.Argument(metavar="ID", help="The token's id.")]) -> None:
    """End a token at once."""
    with open_store() as store, store.writing() as connection:
        kept.revoke(connection, id_, now=datetime.now(UTC), by=operator.login())
    out.print("The token is revoked.")


def _state(token: Token, now: datetime) -> str:
    if token.revoked is not None:
        return "revoked"
    return "holds" if token.holds_at(now) else "expired"
