"""The model card, made from a checkpoint's own manifest and evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edupulse.model.card_fairness import fairness_section
from edupulse.model.checkpoint import Manifest
from edupulse.model.evaluation import EVERYONE, NEW_ONSET, TRUTH_KNOWN, Evaluation

_COLUMNS = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "precision_5": "precision at 5 %",
    "precision_10": "precision at 10 %",
    "brier": "Brier",
    "calibration_error": "calibration error",
    "coverage_on_track": "sets right, on track",
    "coverage_off_track": "sets right, off track",
}
_POPULATIONS = {
    EVERYONE: "Everyone",
    NEW_ONSET: "New onset: students without any ABC flag on the as-of day",
    TRUTH_KNOWN: "Rows whose true probability the simulator gives",
}


def model_card(manifest: Manifest, evaluation: Evaluation) -> str:
    """The card in Markdown, from the manifest and the evaluation alone."""
    return "\n".join(
        [
            f"# Model card: {manifest.method}",
            "",
            *_purpose(manifest),
            *_making(manifest),
            *_gate(manifest),
            *_results(evaluation),
            *fairness_section(evaluation.fairness),
            *_not_for(),
            "## Limits",
            "",
            (
                "- A risk is a probability of the outcome above, not a judgement of a student, and"
                " no cause is claimed."
            ),
            "- No demographic attribute is an input.",
            *_sets(manifest, evaluation),
            (
                "- Intervals are 95 % bootstrap intervals over students of this evaluation alone;"
                " another district or year may differ."
            ),
            *_simulated(manifest),
            "",
        ]
    )


def _purpose(manifest: Manifest) -> list[str]:
    return [
        (
            "Ranks students by the calibrated probability of the outcome below, so that staff"
            " see early who may need support."
        ),
        "",
        "## Outcome",
        "",
        *_listed(manifest.provenance.outcome),
        "",
    ]


def _making(manifest: Manifest) -> list[str]:
    network, calibration = manifest.network, manifest.calibration
    return [
        "## How it was made",
        "",
        (
            f"- Trained on: **{manifest.provenance.trained_on}** data, {manifest.rows} windows of"
            f" {network.weeks} weeks"
        ),
        f"- Features: {len(manifest.features)}, catalog {manifest.catalog_version}",
        (
            f"- Network: hidden size {network.hidden}, {network.heads} heads, ensemble of"
            f" {manifest.training.ensemble}, {manifest.epochs} epochs, seed {manifest.seed}"
        ),
        (
            f"- Calibration: {calibration.method} on {calibration.rows} rows,"
            f" {calibration.positives} of them off track"
        ),
        f"- Export: differs from the trained network by {manifest.export_difference:.1e} at most",
        f"- Package: edupulse {manifest.package_version}",
        *_listed(_in_words(manifest.provenance.data)),
        "",
    ]


def _gate(manifest: Manifest) -> list[str]:
    gate = manifest.gate
    verdict = "it may serve" if gate.serves else f"it may not serve; {gate.instead} do"
    checks = [
        f"- {'passed' if check.passed else '**failed**'}: {check.name} ({check.reason})"
        for check in gate.checks
    ]
    return ["## Checklist gate", "", f"Verdict: {verdict}.", "", *checks, ""]


def _results(evaluation: Evaluation) -> list[str]:
    lines = ["## Evaluation", "", *_listed(evaluation.about), ""]
    for population, title in _POPULATIONS.items():
        results = [line for line in evaluation.results if line.population == population]
        if not results:
            continue
        first = results[0]
        lines += [
            f"### {title}",
            "",
            f"{first.rows} rows of {first.students} students, {first.base_rate:.1%} off track.",
            "",
            _row(["method", *_COLUMNS.values()]),
            _row(["---"] * (1 + len(_COLUMNS))),
            *(_row([line.method, *(_cell(line.metrics, name) for name in _COLUMNS)])
              for line in results),
            "",
        ]  # fmt: skip
    return lines


def _not_for() -> list[str]:
    return [
        "## Who should use it, and for what not",
        "",
        (
            "For staff who know the students and can offer support: to decide whom to look at"
            " first. Look at the facts and strengths first, at the score second."
        ),
        "",
        "- Not for discipline, placement, tracking, retention, admission, or rating teachers.",
        "- Not for cutting anyone off from support: a low risk is no proof that none is needed.",
        "- Not as the only ground of any decision, and not without a person who answers for it.",
        "- Not for students of another district or another outcome than it learned from.",
        "- Not to tell causes: a factor that raised the score need not be what to change.",
        "",
    ]


def _sets(manifest: Manifest, evaluation: Evaluation) -> list[str]:
    """How far the promise of the prediction sets is from new onset, where that was judged."""
    shown = [
        line.metrics["coverage_off_track"]
        for line in evaluation.results
        if (line.method, line.population) == (manifest.method, NEW_ONSET)
        and "coverage_off_track" in line.metrics
    ]
    return [
        "- Prediction sets are set to hold 90 % of each class as a whole, not of each kind of"
        f" student: of the off-track rows of new onset they held {found.value:.0%}"
        f" ({found.low:.0%}–{found.high:.0%})."
        for found in shown
    ]


def _simulated(manifest: Manifest) -> list[str]:
    if manifest.provenance.trained_on == "real":
        return []
    return ["- **It learned from simulated students: it says nothing about real ones.**"]


def _cell(metrics: Mapping[str, Any], name: str) -> str:
    found = metrics.get(name)
    return "" if found is None else f"{found.value:.3f} ({found.low:.3f}–{found.high:.3f})"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _in_words(facts: Mapping[str, Any]) -> dict[str, str]:
    """The facts that are one word or sentence; lists are for machines."""
    return {name: fact for name, fact in facts.items() if isinstance(fact, str)}


def _listed(facts: Mapping[str, Any]) -> list[str]:
    return [f"- {name.replace('_', ' ')}: {fact}" for name, fact in facts.items()]
