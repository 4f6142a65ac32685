"""Learns again from all that has closed, lets the gate decide, and reports what changed and why.

A run that is cut off at any point goes on where it stopped, from the same instant, and ends with
the same checkpoint and one decision.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from edupulse.model.checkpoint import Checkpoint, read_checkpoint
from edupulse.pipeline.material import Told, silent
from edupulse.pipeline.monitoring import Trigger, Watch, WatchPolicy, watch
from edupulse.pipeline.retraining_report import Report, report_of
from edupulse.pipeline.training import TrainingPlan, train_checkpoint
from edupulse.store.checkpoints import checkpoints
from edupulse.store.store import Store

BY = "edupulse retrain"
UNDER_WAY = "retraining.json"
STATE = "retraining.state"
REPORTS = "retrainings"


@dataclass(frozen=True)
class UnderWay:
    """A run that has begun: from whose knowledge, why, and what served then."""

    now: datetime
    triggers: tuple[Trigger, ...]
    served: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "now": self.now.isoformat(),
            "triggers": [vars(one) for one in self.triggers],
            "served": self.served,
        }

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> UnderWay:
        """What `to_json` gave."""
        triggers = tuple(Trigger(**one) for one in plain["triggers"])
        return cls(datetime.fromisoformat(plain["now"]), triggers, plain["served"])


@dataclass(frozen=True)
class Retraining:
    """What a run did; without `checkpoint` and `report` there was no reason to do anything."""

    seen: Watch | None
    checkpoint: Checkpoint | None = None
    report: Report | None = None
    resumed: bool = False


def retrain(
    store: Store,
    home: Path,
    *,
    now: datetime,
    always: bool = False,
    plan: TrainingPlan | None = None,
    policy: WatchPolicy | None = None,
    told: Told = silent,
) -> Retraining:
    """Train on all horizons closed at `now` if something calls for it, or `always`.

    The settings are those of `plan`, else of the newest checkpoint, else the defaults. What it
    makes becomes champion or stays a challenger as the gate and the promotion rules decide.
    Raises what `train_checkpoint` raises; the run then stays open and is taken up again.
    """
    run, seen = _under_way(home), None
    resumed = run is not None
    if run is None:
        seen = watch(store, now, policy, told)
        if not (seen.triggers or always):
            return Retraining(seen)
        triggers = seen.triggers or (Trigger("asked_for", "a person asked for it"),)
        run = UnderWay(now, triggers, seen.checkpoint)
        _write_whole(home / UNDER_WAY, json.dumps(run.to_json(), indent=1))
    made = train_checkpoint(
        store,
        home / "checkpoints",
        plan or _settings(store),
        now=run.now,
        by=BY,
        state=home / STATE,
        told=told,
    )
    report = report_of(store, made, served=run.served, triggers=run.triggers, now=run.now)
    report.write(home / REPORTS / f"{run.now:%Y-%m-%dT%H%M%S}Z")
    (home / UNDER_WAY).unlink()
    return Retraining(seen, made, report, resumed)


def _under_way(home: Path) -> UnderWay | None:
    try:
        return UnderWay.from_json(json.loads((home / UNDER_WAY).read_text()))
    except FileNotFoundError:
        return None


def _settings(store: Store) -> TrainingPlan:
    """The plan of the newest checkpoint, so that nothing but the data changes."""
    with store.writing() as connection:
        newest = next(iter(checkpoints(connection)), None)
    if newest is None:
        return TrainingPlan()
    manifest = read_checkpoint(Path(newest.folder)).manifest
    return replace(
        TrainingPlan(),
        network=manifest.network,
        training=manifest.training,
        seed=manifest.seed,
    )


def _write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_text(text)
    os.replace(beside, path)
