"""`edupulse retrain`: learn again where something calls for it, and report what changed and why."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.markup import escape

from edupulse.cli.console import out, progress
from edupulse.cli.monitor import show
from edupulse.cli.options import AsOf, instant
from edupulse.store.settings import edupulse_home
from edupulse.store.store import open_store


def retrain(
    always: Annotated[
        bool, typer.Option("--always", help="Also where nothing calls for it.")
    ] = False,
    as_of: AsOf = None,
) -> None:
    """Train again on all that has closed, if something calls for it; the gate decides what serves.

    Reasons are those of `edupulse monitor`. The settings are those of the newest checkpoint. A
    run that was cut off goes on where it stopped. Every run leaves a report of what changed and
    why. Run it nightly: on most nights there is nothing to do.
    """
    # Imported here: torch takes seconds to load.
    from edupulse.pipeline.retraining import REPORTS
    from edupulse.pipeline.retraining import retrain as retrain_now

    home = edupulse_home()
    with open_store() as store, progress() as told:
        now = instant(store, as_of)
        done = retrain_now(store, home, now=now, always=always, told=told)
    if done.report is None:
        if done.seen is not None:
            show(done.seen)
        return
    if done.resumed:
        out.print("An interrupted run was taken up again.")
    text = done.report.text()
    out.print(Markdown(text) if out.is_terminal else escape(text))
    out.print(f"Reports are in {escape(str(home / REPORTS))}")
