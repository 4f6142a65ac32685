"""`edupulse keys`: the keys of names and contacts; never the keys themselves."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from edupulse.cli import operator
from edupulse.cli.console import out, progress
from edupulse.store import rotation
from edupulse.store.keys import add_key, from_environment, keyring, keys_file
from edupulse.store.store import Store, open_store

keys = typer.Typer(help="The keys that names and contacts are sealed with.", no_args_is_help=True)


@keys.command()
def show() -> None:
    """List the keys by their numbers, and how many values each one seals. Shows no key."""
    with open_store() as store, store.writing() as connection:
        sealed = rotation.sealed_by(connection)
    ring = keyring()
    table = Table(box=SIMPLE_HEAD)
    for column in ("key", "is", "values under it"):
        table.add_column(column, justify="right" if "under" in column else "left")
    for key in ring.keys:
        what = "current" if key is ring.current else "older, for reading"
        table.add_row(key.number.hex(), what, f"{sealed.pop(key.number, 0):,}")
    for number, count in sealed.items():
        table.add_row(
            number.hex(), "[bold red]missing[/]: these values cannot be read", f"{count:,}"
        )
    out.print(table)
    out.print(f"They come from {'EDUPULSE_KEYS' if from_environment() else keys_file()}.")
    if sealed:
        raise typer.Exit(1)


@keys.command()
def rotate(
    because: Annotated[str, typer.Option(help="Why; kept in the audit log.")] = "rotation",
) -> None:
    """Seal every name and contact anew with the current key; killed, it goes on when run again.

    With EDUPULSE_KEYS, put the new key before the others first, in every process (see
    docs/operations.md); with the file in EDUPULSE_HOME the new key is made here.
    """
    with open_store() as store:
        if not from_environment() and _is_finished(store):
            add_key(keys_file())
        with progress() as told:
            done = rotation.rotate(
                store,
                by=operator.login(),
                because=because,
                told=lambda part: told("sealing anew", part),
            )
    number = keyring().current.number.hex()
    if not done:
        out.print(f"Everything is sealed with key {number} already: nothing was done.")
        return
    out.print(f"{done:,} values were sealed anew with key {number}.")
    out.print("Older keys open nothing here any more; keep them as long as a backup needs them.")


def _is_finished(store: Store) -> bool:
    """Does nothing lie under an older key, so that no rotation waits to be gone on with?"""
    with store.writing() as connection:
        return set(rotation.sealed_by(connection)) <= {keyring().current.number}
