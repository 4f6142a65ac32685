"""`edupulse replay`: does a stored score come out again, and if not, why?"""

from __future__ import annotations

from typing import Annotated

import typer

from edupulse.cli import operator
from edupulse.cli.console import out
from edupulse.pipeline.accounts import Caller
from edupulse.pipeline.replaying import replay as replay_stored
from edupulse.store.store import open_store


def replay(
    prediction: Annotated[str, typer.Argument(help="The id of a stored prediction.")],
) -> None:
    """Compute a stored score again from the records as then known. Ends with 1 if it differs."""
    with open_store() as store:
        found = replay_stored(store, prediction, Caller(operator.login(), "edupulse replay"))
    then, now = _said(found.then.risk), "nothing" if found.now is None else _said(found.now.risk)
    out.print(f"{'The same' if found.same else 'Not the same'}: {then} then, {now} now.")
    if not found.same:
        out.print(found.why)
        raise typer.Exit(1)


def _said(risk: float | None) -> str:
    return "no score" if risk is None else f"{risk:.6f}"
