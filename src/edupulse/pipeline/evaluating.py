"""Evaluates a checkpoint anew, on the records as they are known now, beside fresh contenders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from edupulse import __version__
from edupulse.model.baselines.contender import Contender
from edupulse.model.checkpoint import Checkpoint, Manifest, read_checkpoint
from edupulse.model.contest import standard_contenders
from edupulse.model.curves import Array
from edupulse.model.evaluation import Evaluation
from edupulse.model.gate import decide
from edupulse.model.leads import Timing
from edupulse.model.profiles import (
    Rows,
    Shapes,
    capacities,
    coverages,
    leads,
    reliability,
    widths,
)
from edupulse.model.rows import Labels, OutcomeRows, WindowRows
from edupulse.model.track_record import FORMAT, TrackRecord
from edupulse.panel.definition import OutcomeDefinition
from edupulse.panel.windows import Windows
from edupulse.pipeline.judging import METHOD, REPLICATES, Judged, Parts, Truth, by_time, compare
from edupulse.pipeline.leakage import check_leakage
from edupulse.pipeline.material import Told, days_of, material, past_as_of_days, silent
from edupulse.pipeline.subgroups import subgroups
from edupulse.pipeline.timing import timing_of
from edupulse.pipeline.unseen import FOLDS, unseen_schools
from edupulse.risk.bands import Policy
from edupulse.risk.scoring import Scorer
from edupulse.school.errors import NotReady
from edupulse.store.checkpoints import checkpoint, checkpoints
from edupulse.store.store import Store

GRADE_BANDS = {"elementary": (-1, 5), "middle": (6, 8), "high": (9, 12)}
"""First and last grade level of each."""


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


@dataclass(frozen=True)
class Protocol:
    """How a checkpoint is judged: in so many folds of schools never seen (0: not at all)."""

    folds: int = FOLDS
    replicates: int = REPLICATES


def evaluate_checkpoint(
    store: Store,
    which: Checkpoint,
    *,
    now: datetime,
    protocol: Protocol | None = None,
    truth: Callable[[Parts], Truth | None] | None = None,
    told: Told = silent,
) -> TrackRecord:
    """The checkpoint beside contenders fitted anew, on all horizons closed at `now`.

    Raises Leakage, before anything is judged, where something would have seen the future.
    """
    asked, manifest = protocol or Protocol(), which.manifest
    definition = OutcomeDefinition.from_json(manifest.provenance.outcome)
    rows = material(store, past_as_of_days(store, now), definition, now, told=told)
    parts = by_time(rows, now)
    canaries = check_leakage(store, which, rows, parts, now, told)
    policy = Policy.from_json(manifest.provenance.policy)
    bench = _Bench(parts, timing_of(store, parts.test, now), policy, asked, manifest.seed, told)
    groups = subgroups(store, parts.test.windows)
    judged = compare(
        (*_others(manifest), Serving(Scorer(which.network, which.calibration))),
        parts,
        own=which.calibration,
        truth=truth(parts) if truth else None,
        groups=groups,
        timing=bench.timing,
        policy=policy,
        replicates=asked.replicates,
        seed=manifest.seed,
        told=told,
    )
    unseen, because = _unseen(bench, manifest, judged)
    return TrackRecord(
        format=FORMAT,
        package_version=__version__,
        checkpoint=which.version,
        method=METHOD,
        as_of=now,
        trained_on=manifest.provenance.trained_on,
        outcome=manifest.provenance.outcome,
        policy=manifest.provenance.policy,
        canaries=canaries,
        gate=decide(judged.evaluation, METHOD),
        evaluation=judged.evaluation,
        unseen=unseen,
        unseen_because=because,
        shapes=_shapes(bench, judged, _places(groups, parts.test.windows)),
    )


@dataclass(frozen=True, eq=False)
class _Bench:
    """On what and how all of one evaluation is judged."""

    parts: Parts
    timing: Timing
    policy: Policy
    protocol: Protocol
    seed: int
    told: Told


def _others(manifest: Manifest) -> tuple[Contender, ...]:
    """Everything beside the network, not yet fitted."""
    # Imported here: torch takes seconds to load, and a stored evaluation needs none.
    from edupulse.model.gru_contender import gru_last_week

    alone = gru_last_week(manifest.network, manifest.training, manifest.seed)
    return (*standard_contenders(manifest.seed), alone)


def _unseen(bench: _Bench, manifest: Manifest, judged: Judged) -> tuple[Evaluation | None, str]:
    """The second test, or why it was left out."""
    from edupulse.model.gru_contender import GruContender

    def contenders() -> tuple[Contender, ...]:
        network = GruContender(METHOD, True, manifest.network, manifest.training, manifest.seed)
        return (*_others(manifest), network)

    if not bench.protocol.folds:
        return None, "it was not asked for"
    try:
        found = unseen_schools(
            contenders,
            bench.parts,
            judged.predictions[-1],
            folds=bench.protocol.folds,
            timing=bench.timing,
            high=bench.policy.high,
            replicates=bench.protocol.replicates,
            seed=bench.seed,
            told=bench.told,
        )
    except NotReady as error:
        return None, error.problem.rstrip(".")
    return found, ""


def _shapes(bench: _Bench, judged: Judged, places: Labels) -> Shapes:
    """What the plots show: of every method, and of the checkpoint's own intervals and sets."""
    what, test, said = "Drawing its shapes", bench.parts.test, judged.predictions
    bench.told(what, 0.0)
    rows = Rows.of(test.windows, test.outcomes, bench.protocol.replicates, bench.seed)
    risk = said[-1].risk
    bands = bench.policy.bands(np.zeros(len(test)) if risk is None else risk)
    shapes = Shapes(
        reliability=tuple(reliability(rows, said)),
        capacity=tuple(capacities(rows, said)),
        ahead=tuple(leads(rows, said, bench.timing, bench.policy.high)),
        widths=tuple(widths(rows, said[-1], np.array(bands, np.str_))),
        coverage=tuple(coverages(rows, said[-1], places)),
    )
    bench.told(what, 1.0)
    return shapes


def _places(groups: Labels, windows: Windows) -> Labels:
    """Of each row the grade band, the school and the as-of day."""
    level = windows.grade_level
    band = np.select(
        [(low <= level) & (level <= high) for low, high in GRADE_BANDS.values()],
        list(GRADE_BANDS),
        "",
    )
    day = days_of(windows.as_of).astype(np.str_)
    return {"grade band": band, "school": groups["school"], "as-of day": day}
