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
    AS_OF_DAYS,
    LEARNED_UNTIL,
    METHOD,
    RECORDS,
    Parts,
    Truth,
    by_time,
    check_untouched,
    compare,
)
from edupulse.pipeline.leakage import (
    WHAT,
    Canary,
    check_features,
    check_horizons,
    check_learned,
    check_outcomes,
    check_scaler,
)
from edupulse.pipeline.material import Material, Told, material, past_as_of_days, silent
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
    check_leakage(store, which, rows, parts, now, told)
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


def check_leakage(
    store: Store, which: Checkpoint, rows: Material, parts: Parts, now: datetime, told: Told
) -> tuple[Canary, ...]:
    """Ask everything about leakage that the artefacts allow; raises Leakage with the reason."""
    provenance = which.manifest.provenance
    definition = OutcomeDefinition.from_json(provenance.outcome)
    learned, days = provenance.data[LEARNED_UNTIL], provenance.data.get(AS_OF_DAYS)
    corrected = rows.seen is not None and bool(rows.seen.any())
    unchanged = provenance.data.get(RECORDS) == store.fingerprint() and not corrected
    check_untouched(parts.test, learned)
    found = (
        check_horizons(vars(parts), definition),
        check_learned(rows, days, learned),
        check_scaler(rows, which.manifest.scaler, days, unchanged),
        *check_features(store, rows, now, told),
        check_outcomes(store, rows, definition, now, told),
    )
    told(WHAT, 1.0)
    return found
