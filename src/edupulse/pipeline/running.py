"""Carries out the imports and trainings that were asked for, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edupulse.pipeline.syncing import CONFIGURATION, Configured, configured, sync
from edupulse.school.errors import EduPulseError, ImportRefused, NotFound, NotReady
from edupulse.store import runs
from edupulse.store.imports import landed
from edupulse.store.runs import Run, RunState, What
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store

COMMAND = (sys.executable, "-c", "from edupulse.cli import main; main()", "carry-out")
TOLD_EVERY = timedelta(seconds=1)

Clock = Callable[[], datetime]


def source_of(name: str, home: Path | None = None) -> Configured:
    """The configured source of that name. Raises NotFound."""
    found = configured((home or edupulse_home()) / CONFIGURATION)
    if name not in found:
        raise NotFound("No source of that name is configured.", f"See {CONFIGURATION}.")
    return found[name]


def require_training() -> None:
    """Raises NotReady where this machine cannot train. Loads nothing."""
    if find_spec("torch") is None:
        raise NotReady(
            "This installation cannot train: the extra `train` is not installed.",
            "Install edupulse[train] there, or train elsewhere.",
        )


def start_import(
    store: Store, id_: uuid.UUID, source: str, *, whole: bool, by: str, now: datetime
) -> Run:
    """Ask for an import of a configured source. Raises NotFound."""
    source_of(source)
    wanted = {"source": source, "whole": whole}
    with store.writing() as connection:
        return runs.ask_for(connection, id_, What.IMPORT, wanted, by=by, now=now)


def start_training(store: Store, id_: uuid.UUID, *, always: bool, by: str, now: datetime) -> Run:
    """Ask for a training. Raises NotReady where this machine cannot train."""
    require_training()
    with store.writing() as connection:
        return runs.ask_for(connection, id_, What.TRAINING, {"always": always}, by=by, now=now)


def import_of(store: Store, id_: uuid.UUID) -> Run:
    """An import that was asked for, or that landed by any other way. Raises NotFound."""
    with store.writing() as connection:
        done = landed(connection, id_)
        try:
            return runs.run(connection, id_, What.IMPORT)
        except NotFound:
            if done is None:
                raise
    wanted = {"source": done.source}
    return Run(
        *(id_, What.IMPORT, wanted, "", done.started, done.started, done.finished, "finished", ""),
        part=1,
        report=done.report,
        problem=None,
    )


def training_of(store: Store, id_: uuid.UUID) -> Run:
    """A training that was asked for. Raises NotFound."""
    with store.writing() as connection:
        return runs.run(connection, id_, What.TRAINING)


def launch(store: Store, now: datetime) -> list[subprocess.Popen[bytes]]:
    """Start a process for each run that may begin, and tell those that were interrupted."""
    with store.writing() as connection:
        runs.note_interrupted(connection, now)
        waiting = runs.to_launch(connection, now)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
             "stderr": subprocess.DEVNULL}  # fmt: skip
    return [
        subprocess.Popen([*COMMAND, str(id_)], start_new_session=True, **quiet)  # type: ignore[call-overload]  # noqa: S603
        for id_ in waiting
    ]


def carry_out(store: Store, id_: uuid.UUID, clock: Clock, home: Path | None = None) -> RunState:
    """Do what a waiting run wants, unless another of its kind runs; its state afterwards."""
    with store.writing() as connection:
        wanted = runs.run(connection, id_)
    with store.session() as session, runs.alone(session, wanted.what) as mine:
        if mine:
            _carried_out(store, wanted, clock, home or edupulse_home())
    with store.writing() as connection:
        return runs.run(connection, id_).state


def _carried_out(store: Store, wanted: Run, clock: Clock, home: Path) -> None:
    with store.writing() as connection:
        if not runs.begin(connection, wanted.id, clock()):
            return
    report: Mapping[str, Any] | None = None
    problem: str | None = None
    try:
        report = _DOERS[wanted.what](store, wanted, _Told(store, wanted.id, clock), home)
        state: RunState = "finished"
    except EduPulseError as error:
        state = "refused" if isinstance(error, ImportRefused) else "failed"
        problem = str(error)
    except Exception as error:  # whatever it is, who asked must be told that it ended
        state, problem = (
            "failed",
            f"It ended with an error of this software: {type(error).__name__}.",
        )
    with store.writing() as connection:
        runs.end(connection, wanted.id, state, now=clock(), report=report, problem=problem)


@dataclass
class _Told:
    """Writes down how far a run is, once a second at most."""

    store: Store
    run: uuid.UUID
    clock: Clock
    last: datetime | None = None

    def __call__(self, doing: str, part: float) -> None:
        now = self.clock()
        if self.last is None or now - self.last >= TOLD_EVERY:
            self.last = now
            with self.store.writing() as connection:
                runs.note(connection, self.run, doing, part)


def _import(store: Store, wanted: Run, told: _Told, home: Path) -> Mapping[str, Any]:
    name = wanted.wanted["source"]
    whole = wanted.wanted["whole"]
    done = sync(
        store,
        name,
        source_of(name, home),
        now=told.clock(),
        whole=whole,
        home=home,
        told=told,
        number=wanted.id,
    )
    return done.report.as_json()


def _train(store: Store, wanted: Run, told: _Told, home: Path) -> Mapping[str, Any]:
    require_training()
    from edupulse.pipeline.retraining import retrain  # torch: never in the service

    done = retrain(store, home, now=told.clock(), always=wanted.wanted["always"], told=told)
    if done.report is None:
        return {"trained": False}
    plain: dict[str, Any] = json.loads(json.dumps(asdict(done.report), default=str))
    return {"trained": True, **plain}


_DOERS: Mapping[What, Callable[[Store, Run, _Told, Path], Mapping[str, Any]]] = {
    What.IMPORT: _import,
    What.TRAINING: _train,
}
