"""`edupulse sync`: the configured sources, every night."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from edupulse.cli.console import beside, complain, out, progress
from edupulse.cli.import_records import show
from edupulse.pipeline.syncing import CONFIGURATION, Configured, configured
from edupulse.pipeline.syncing import sync as sync_source
from edupulse.school.errors import BadInput, EduPulseError
from edupulse.store.settings import edupulse_home
from edupulse.store.store import open_store
from edupulse.store.syncs import all_synced

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def sync(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which sources. Default: all.")
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option(help=f"The configuration. Default: {CONFIGURATION} in EDUPULSE_HOME."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Read everything, not only what changed.")
    ] = False,
    every: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Go on, and sync again after so long: 30m, 24h, 1d."),
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Only tell when each source was read last.")
    ] = False,
) -> None:
    """Read the configured sources: what changed since the last time, or everything.

    Each is one transaction: it can be killed at any point and run again. A source that fails does
    not keep the others from being read; the command then ends with 2. See docs/first-day.md for
    the configuration, and for a timer that runs it every night.
    """
    pause = None if every is None else _duration(every)
    if status:
        _tell()
        return
    chosen = _chosen(configured(sources or edupulse_home() / CONFIGURATION), names)
    while True:
        failed = [name for name, source in chosen.items() if not _succeeds(name, source, whole)]
        if pause is None:
            break
        time.sleep(pause.total_seconds())
    if failed:
        raise typer.Exit(2)


def _succeeds(name: str, source: Configured, whole: bool) -> bool:
    try:
        with open_store() as store, progress() as told:
            done = sync_source(store, name, source, now=datetime.now(UTC), whole=whole, told=told)
    except EduPulseError as error:
        beside.print(f"{escape(name)}: not read")
        complain(error)
        return False
    how = "whole" if done.was_whole else "by what changed"
    out.print(f"{escape(name)}: read {how}")
    show(done.report)
    return True


def _chosen(every: Mapping[str, Configured], names: list[str] | None) -> dict[str, Configured]:
    strange = [name for name in names or () if name not in every]
    if strange:
        raise BadInput(f"No source is named {strange[0]}.", f"There are: {', '.join(every)}.")
    return {name: source for name, source in every.items() if not names or name in names}


def _duration(text: str) -> timedelta:
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in _UNITS or int(number) == 0:
        raise BadInput(f"{text} is no time.", "Write it as 30m, 24h or 1d.", field="--every")
    return int(number) * _UNITS[unit]


def _tell() -> None:
    with open_store() as store, store.writing() as connection:
        found = all_synced(connection)
    for one in found:
        whole = f"whole at {one.whole:%Y-%m-%d %H:%M}"
        out.print(f"{escape(one.source)}: read at {one.finished:%Y-%m-%d %H:%M} UTC, {whole}")
    if not found:
        out.print("No source was synced yet.")
