"""The report of one retraining: why it ran, what entered, what came out, what was decided."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edupulse.model.bootstrap import Estimate
from edupulse.model.checkpoint import Checkpoint, read_checkpoint
from edupulse.pipeline.judging import METHOD
from edupulse.pipeline.monitoring import Trigger
from edupulse.school.errors import EduPulseError
from edupulse.store.checkpoints import Decided, Registered, checkpoint, decisions
from edupulse.store.corrections import corrected
from edupulse.store.feedback import disagreements
from edupulse.store.store import Store

SHOWN = ("auroc", "average_precision", "precision_10", "calibration_error", "calibration_slope")
ALWAYS = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Report:
    """What one run did. `before` is of the checkpoint that served, empty where none did.

    `figures` are by metric before and now, each on its own test period: the decision's checks, not
    these, compare both on the same rows.
    """

    checkpoint: str
    now: datetime
    triggers: tuple[Trigger, ...]
    served: str | None
    data: Mapping[str, Any]
    data_before: Mapping[str, Any]
    corrected: Mapping[str, int]
    disagreements: int
    figures: Mapping[str, tuple[Estimate | None, Estimate | None]]
    status: str
    decision: Decided | None

    def write(self, folder: Path) -> None:
        """As `report.json` and `report.md` in a folder of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        plain = json.dumps(asdict(self), indent=1, default=str)
        (folder / "report.json").write_text(plain)
        (folder / "report.md").write_text(self.text())

    def text(self) -> str:
        """In Markdown, for people."""
        return "\n".join([*_why(self), *_what(self), *_figures(self), *_decision(self), ""])


def report_of(
    store: Store,
    made: Checkpoint,
    *,
    served: str | None,
    triggers: tuple[Trigger, ...],
    now: datetime,
) -> Report:
    """The report of a run whose checkpoint is registered and decided on."""
    with store.writing() as connection:
        mine = checkpoint(connection, made.version)
        before = None if served is None else checkpoint(connection, served)
        since = ALWAYS if before is None else before.created
        about_it = [one for one in decisions(connection) if one.checkpoint == made.version]
        changed = corrected(connection, since, now)
        unlike = disagreements(connection, since, now)
    old = _opened(before)
    return Report(
        checkpoint=made.version,
        now=now,
        triggers=triggers,
        served=served,
        data=made.manifest.provenance.data,
        data_before={} if old is None else old.manifest.provenance.data,
        corrected=changed,
        disagreements=unlike,
        figures={name: (_figure(old, name), _figure(made, name)) for name in SHOWN},
        status=mine.status,
        decision=about_it[0] if about_it else None,
    )


def _opened(registered: Registered | None) -> Checkpoint | None:
    try:
        return None if registered is None else read_checkpoint(Path(registered.folder))
    except EduPulseError:
        return None


def _figure(checkpoint: Checkpoint | None, metric: str) -> Estimate | None:
    return None if checkpoint is None else checkpoint.evaluation.result(METHOD).metrics.get(metric)


def _why(report: Report) -> Iterator[str]:
    yield f"# Retraining of {report.now:%Y-%m-%d %H:%M} UTC"
    yield ""
    yield "## Why"
    yield ""
    yield from (f"- {one.name.replace('_', ' ')}: {one.reason}" for one in report.triggers)
    yield ""


def _what(report: Report) -> Iterator[str]:
    yield "## What it learned from"
    yield ""
    for name, now in report.data.items():
        before = report.data_before.get(name)
        yield f"- {name.replace('_', ' ')}: {now}" + (f" (before: {before})" if before else "")
    for kind, count in report.corrected.items():
        yield f"- {count:,} records of {kind} were corrected or taken back since"
    yield f"- educators disagreed {report.disagreements:,} times without naming an outcome"
    yield ""


def _figures(report: Report) -> Iterator[str]:
    yield "## How good it is, each on its own test period"
    yield ""
    yield "| figure | what served | this one |"
    yield "|---|---|---|"
    for name, (before, now) in report.figures.items():
        yield f"| {name.replace('_', ' ')} | {_told(before)} | {_told(now)} |"
    yield ""


def _decision(report: Report) -> Iterator[str]:
    yield "## What was decided"
    yield ""
    yield f"{report.checkpoint} is {report.status}."
    if report.decision is None:
        return
    yield f"It was {report.decision.action.replace('_', ' ')}: {report.decision.because}."
    yield ""
    for check in report.decision.grounds.get("checks", ()):
        said = "passed" if check["passed"] else "**failed**"
        yield f"- {said}: {check['name']} ({check['reason']})"


def _told(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
