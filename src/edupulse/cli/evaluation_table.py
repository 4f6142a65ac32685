"""An evaluation and a gate's decision as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edupulse.model.bootstrap import Estimate
from edupulse.model.evaluation import (
    EVERYONE,
    NEW_ONSET,
    TRUTH_KNOWN,
    WITHOUT_GRADES,
    Evaluation,
    Result,
)
from edupulse.model.gate import Decision

_TITLES = {
    EVERYONE: "Everyone",
    NEW_ONSET: "New onset: no ABC flag on the as-of day",
    WITHOUT_GRADES: "No term ends in the horizon: no failed course can be part of the outcome",
    TRUTH_KNOWN: "Rows whose true probability the simulator knows",
}
_COLUMNS = {
    "auroc": "AUROC",
    "average_precision": "AP",
    "precision_5": "P@5%",
    "precision_10": "P@10%",
    "brier": "Brier",
    "calibration_error": "ECE",
    "balanced_accuracy": "BA",
}
_LEGEND = (
    "AP: average precision. P@5%, P@10%: precision in the top 5 and 10 % of each school and as-of "
    "day. ECE: expected calibration error. BA: balanced accuracy of one flag or more. "
    "Below each: 95 % bootstrap interval over students."
)


def evaluation_tables(evaluation: Evaluation) -> RenderableType:
    """Every population as a table, with 95 % bootstrap intervals over students."""
    return Group(*_tables(evaluation))


def decision_text(decision: Decision) -> RenderableType:
    """The gate's answer, and each of its questions."""
    verdict = (
        f"The checklist gate: {decision.method} serves."
        if decision.serves
        else f"The checklist gate: {decision.method} does not serve; {decision.instead} do."
    )
    lines = [
        Text(f"  {'passed' if check.passed else 'FAILED'}  {check.name}: {check.reason}")
        for check in decision.checks
    ]
    return Group(Text(verdict, style="bold green" if decision.serves else "bold red"), *lines)


def _tables(evaluation: Evaluation) -> Iterator[RenderableType]:
    for name, value in evaluation.about.items():
        yield Text(f"{name}: {value}")
    for population, title in _TITLES.items():
        results = [line for line in evaluation.results if line.population == population]
        if results:
            yield _table(title, results)
    yield Text(_LEGEND, style="dim")


def _table(title: str, results: list[Result]) -> Table:
    first = results[0]
    table = Table(
        title=f"{escape(title)}: {first.rows:,} windows of {first.students:,} students, "
        f"{first.base_rate:.1%} off track",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("method", no_wrap=True)
    for column in _COLUMNS.values():
        table.add_column(column, justify="right", no_wrap=True)
    for line in results:
        table.add_row(line.method, *(_cell(line.metrics, name) for name in _COLUMNS))
    return table


def _cell(metrics: Mapping[str, Estimate], name: str) -> str:
    found = metrics.get(name)
    if found is None:
        return ""
    low, high = (f"{end:.3f}".removeprefix("0") for end in (found.low, found.high))
    return f"{found.value:.3f}\n[dim]{low}–{high}[/]"
