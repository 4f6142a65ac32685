"""`edupulse database`: where the database is; stop the embedded one."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from edupulse.cli.console import out
from edupulse.school.errors import NotReady
from edupulse.store import embedded
from edupulse.store.connection import is_embedded
from edupulse.store.settings import edupulse_home


class Wish(StrEnum):
    """What to do with the embedded database."""

    STATUS = "status"
    STOP = "stop"


def database(
    wish: Annotated[Wish, typer.Argument(help="What to do.")] = Wish.STATUS,
) -> None:
    """Say where the database is; stop the embedded one.

    Commands start the embedded server when they need it and share it; it stops by itself when the
    last one has ended.
    """
    if not is_embedded():
        if wish is not Wish.STATUS:
            raise NotReady(
                "DATABASE_URL names a database of yours; EduPulse neither starts nor stops it.",
                "Unset DATABASE_URL to use the embedded one.",
            )
        out.print("The database is the one that DATABASE_URL names.")
        return
    home = edupulse_home()
    if wish is Wish.STOP:
        embedded.stop(home)
    _show(embedded.status(home))


def _show(status: embedded.Status) -> None:
    if not status.exists:
        out.print(f"There is no embedded database yet; it will be made in {status.place}.")
    elif status.process is None:
        out.print(f"The embedded database in {status.place} is stopped.")
    else:
        out.print(f"The embedded database in {status.place} runs on 127.0.0.1:{status.port}.")
