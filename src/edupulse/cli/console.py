"""How commands speak: tables and answers on standard output, progress and errors beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from edupulse.school.errors import EduPulseError

_WIDTH = None if sys.stdout.isatty() else 120  # a file or a pipe has no width of its own

out = Console(highlight=False, width=_WIDTH)
beside = Console(stderr=True, highlight=False)

Told = Callable[[str, float], None]
"""Told what is being done and the part of it that is done, 0 to 1."""


def complain(error: EduPulseError) -> None:
    """Show what is wrong and what to do."""
    beside.print(f"[bold red]Error:[/] {escape(error.problem)}")
    if error.to_do:
        beside.print(f"[bold]What to do:[/] {escape(error.to_do)}")


@contextmanager
def progress() -> Iterator[Told]:
    """Progress bars, one a step; each step is finished when the next begins."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=beside,
    ) as bars:
        tasks: dict[str, int] = {}

        def told(what: str, part: float) -> None:
            if what not in tasks:
                for task in bars.task_ids:
                    bars.update(task, completed=1.0)
                tasks[what] = bars.add_task(escape(what), total=1.0)
            bars.update(bars.task_ids[tasks[what]], completed=min(part, 1.0))

        yield told
        for task in bars.task_ids:
            bars.update(task, completed=1.0)
