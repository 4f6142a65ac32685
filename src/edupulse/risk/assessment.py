"""From a panel to what is said of each of its students: the one way, for one and for a million."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from edupulse.features.catalog import FAMILIES
from edupulse.model.baselines.rules import AbcRules, LevelRules
from edupulse.model.checkpoint import Checkpoint
from edupulse.model.peers import PeerProfiles
from edupulse.panel.definition import OutcomeDefinition
from edupulse.panel.panel import Panel
from edupulse.panel.windows import Flags, Times, Windows
from edupulse.risk.bands import Band, Policy
from edupulse.risk.explanation import EVALUATIONS, explain, typical
from edupulse.risk.factors import factors_of, strengths_of, stretches_of
from edupulse.risk.risk import Diagnostics, Factor, Indicator, Risk, RulesResult, Stretch
from edupulse.risk.scoring import Scorer, Scores
from edupulse.risk.views import by_family_and_stretch
from edupulse.risk.wording import RULES_IN_WORDS

CLASSES = ("on_track", "off_track")
SEVERITIES = ("none", "one", "both", "withdrawal")
RULE_SETS = {rules.name: rules for rules in (AbcRules(), LevelRules())}


@dataclass(frozen=True, eq=False)
class Assessor:
    """A checkpoint opened for scoring: its network, bands, outcome and peers.

    `caveats` go with every risk.
    """

    scorer: Scorer
    policy: Policy
    outcome: OutcomeDefinition
    peers: PeerProfiles
    version: str
    method: str
    caveats: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, checkpoint: Checkpoint, threads: int = 1, caveats: tuple[str, ...] = ()
    ) -> Assessor:
        """Open a checkpoint that was read and verified. Raises BadInput for one of old format."""
        manifest = checkpoint.manifest
        return cls(
            Scorer(checkpoint.network, checkpoint.calibration, threads),
            Policy.from_json(manifest.provenance.policy),
            OutcomeDefinition.from_json(manifest.provenance.outcome),
            checkpoint.peers,
            checkpoint.version,
            manifest.method,
            caveats,
        )

    def assess(
        self,
        panel: Panel,
        student_ids: Sequence[str],
        horizon: tuple[Times, Times],
        explained: npt.ArrayLike = (),
        evaluations: int = EVALUATIONS,
        *,
        stretches: bool = False,
    ) -> tuple[Risk, ...]:
        """The risk of each row of the panel, in order.

        `horizon` is the first and last day datetime64[D][N] of `outcome` (NaT without one);
        `explained` are the numbers of the rows that get factors and strengths, and with `stretches`
        also those, at as many evaluations again. Rows out of season or with too little data get no
        number at all.
        """
        states = panel.states()
        rows = np.flatnonzero([state == "scored" for state in states])
        windows = panel.windows.take(rows)
        scores = self.scorer.score(windows)
        bands = self.policy.bands(scores.risk)
        asked = set(np.asarray(explained).tolist())
        wanted = np.array([row in asked for row in rows.tolist()], np.bool_)
        reasons = self.reasons(windows, wanted, evaluations, stretches=stretches)
        numbers = {
            row: {**_numbers(scores, bands, at), **reasons.get(at, {})}
            for at, row in enumerate(rows.tolist())
        }
        covered = coverage(panel.windows)
        return tuple(
            Risk(
                student_id=student_ids[row],
                as_of=panel.as_of,
                horizon=_span(horizon, row),
                state=state,
                method=self.method,
                model_version=self.version,
                policy_version=self.policy.version,
                coverage=covered[row],
                caveats=self.caveats,
                **numbers.get(row, {}),
            )
            for row, state in enumerate(states)
        )

    def reasons(
        self, windows: Windows, wanted: Flags, evaluations: int = EVALUATIONS, *, stretches: bool
    ) -> dict[int, dict[str, tuple[Factor, ...] | tuple[Stretch, ...]]]:
        """Factors, strengths and (if asked for) stretches of the wanted rows bool[N], by row."""
        rows = np.flatnonzero(wanted)
        if not rows.size:
            return {}
        chosen = windows.take(rows)
        reference = typical(chosen, self.peers)
        tracks = explain(self.scorer, chosen, reference, evaluations=evaluations)
        view = by_family_and_stretch() if stretches else None
        when = None if view is None else explain(self.scorer, chosen, reference, view, evaluations)
        return {
            row: {
                "factors": factors_of(chosen, reference, tracks, at),
                "strengths": strengths_of(chosen, reference, tracks, at),
                "stretches": () if when is None else stretches_of(chosen, when, at),
            }
            for at, row in enumerate(rows.tolist())
        }


def by_rules(
    panel: Panel, method: str, student_ids: Sequence[str], horizon: tuple[Times, Times]
) -> tuple[RulesResult, ...]:
    """What a rule set says of each row of the panel: the indicators that fired, and no score."""
    found = RULE_SETS[method].indicators(panel.windows)
    covered = coverage(panel.windows)
    names = np.array(found.names)
    return tuple(
        RulesResult(
            student_id=student_ids[row],
            as_of=panel.as_of,
            horizon=_span(horizon, row),
            state=state,
            method=method,
            indicators=tuple(
                Indicator(name, RULES_IN_WORDS[name]) for name in names[found.flagged[row]].tolist()
            ),
            not_observed=tuple(names[~found.observed[row]].tolist()),
            coverage=covered[row],
        )
        for row, state in enumerate(panel.states())
    )


def coverage(windows: Windows) -> list[dict[str, float]]:
    """Of each row, by modality: the part of its weeks in which anything was observed."""
    weeks = np.maximum(windows.held.sum(1), 1)
    parts = {
        family: (windows.observed[:, :, columns].any(2) & windows.held).sum(1) / weeks
        for family, columns in FAMILIES.items()
    }
    return [
        {family: round(float(part[row]), 3) for family, part in parts.items()}
        for row in range(len(windows))
    ]


def _span(horizon: tuple[Times, Times], row: int) -> tuple[date, date] | None:
    first, last = (days[row] for days in horizon)
    return None if np.isnat(first) else (first.item(), last.item())


def _numbers(scores: Scores, bands: tuple[Band, ...], at: int) -> dict[str, Any]:
    severity = dict(zip(SEVERITIES, scores.severity[at].tolist(), strict=True))
    return {
        "risk_score": float(scores.risk[at]),
        "interval": (float(scores.low[at]), float(scores.high[at])),
        "prediction_set": tuple(
            name for name, inside in zip(CLASSES, scores.in_set[at], strict=True) if inside
        ),
        "risk_category": bands[at],
        "diagnostics": Diagnostics(severity, tuple(scores.attention[at].tolist())),
    }
