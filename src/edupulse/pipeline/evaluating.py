"""Evaluates a checkpoint anew, on the records as they are known now, beside fresh contenders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from edupulse.model.baselines.contender import Contender
from edupulse.model.checkpoint import Checkpoint, read_checkpoint
from edupulse.model.contest import standard_contenders
from edupulse.model.curves import Array
from edupulse.model.evaluation import Evaluation
from edupulse.model.rows import OutcomeRows, WindowRows
from edupulse.panel.definition import OutcomeDefinition
from edupulse.pipeline.judging import (
    LEARNED_UNTIL,
    METHOD,
    Parts,
    Truth,
    by_time,
    check_untouched,
    compare,
)
from edupulse.pipeline.material import Told, material, past_as_of_days, silent
from edupulse.pipeline.subgroups import subgroups
from edupulse.pipeline.timing import timing_of
from edupulse.risk.bands import Policy
from edupulse.risk.scoring import Scorer
from edupulse.school.errors import NotReady
from edupulse.store.checkpoints import checkpoint, checkpoints
from edupulse.store.store import Store


@dataclass(frozen=True)
class Serving:
    """A checkpoint as a contender: already trained, asked through ONNX Runtime."""

    scorer: Scorer
    name: str = METHOD
    logit: bool = True

    def fit(self, windows: WindowRows, outcomes: OutcomeRows) -> None:
        """It learned when its checkpoint was made."""

    def score(self, windows: WindowRows) -> Array:
        """The log odds of the outcome, before calibration."""
        logits = self.scorer.logits(windows.values, windows.observed, windows.held)
        return np.asarray(logits, np.float64)


def find_checkpoint(store: Store, version: str | None = None) -> Checkpoint:
    """The checkpoint of that hash (or its beginning), else the champion, else the newest.

    Raises NotFound for a hash that is not there, NotReady where nothing was trained yet.
    """
    champion = store.champion()
    with store.writing() as connection:
        if version is not None:
            return read_checkpoint(Path(checkpoint(connection, version).folder))
        found = champion or next(iter(checkpoints(connection)), None)
    if found is None:
        raise NotReady("No checkpoint was trained yet.", "Train one with `edupulse train`.")
    return read_checkpoint(Path(found.folder))


def evaluate_checkpoint(
    store: Store,
    which: Checkpoint,
    *,
    now: datetime,
    truth: Callable[[Parts], Truth | None] | None = None,
    told: Told = silent,
) -> Evaluation:
    """The checkpoint beside contenders fitted anew, on all horizons closed at `now`.

    Raises Leakage where the test period touches what the checkpoint learned from.
    """
    # Imported here: torch takes seconds to load, and a stored evaluation needs none.
    from edupulse.model.gru_contender import gru_last_week

    manifest = which.manifest
    definition = OutcomeDefinition.from_json(manifest.provenance.outcome)
    rows = material(store, past_as_of_days(store, now), definition, now, told=told)
    parts = by_time(rows, now)
    check_untouched(parts.test, manifest.provenance.data[LEARNED_UNTIL])
    alone: Contender = gru_last_week(manifest.network, manifest.training, manifest.seed)
    serving: Contender = Serving(Scorer(which.network, which.calibration))
    return compare(
        (*standard_contenders(manifest.seed), alone, serving),
        parts,
        own=which.calibration,
        truth=truth(parts) if truth else None,
        groups=subgroups(store, parts.test.windows),
        timing=timing_of(store, parts.test, now),
        policy=Policy.from_json(manifest.provenance.policy),
        seed=manifest.seed,
        told=told,
    ).evaluation
