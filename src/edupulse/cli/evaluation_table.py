"""An evaluation and a gate's decision as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edupulse.model.evaluation import (
    EVERYONE,
    NEW_ONSET,
    TRUTH_KNOWN,
    Estimate,
    Evaluation,
    Result,
)
from edupulse.model.gate import Decision

_TITLES = {
    EVERYONE: "Everyone",
    NEW_ONSET: "New onset: no ABC flag on the as-of day",
    TRUTH_KNOWN: "Rows whose true probability the simulator knows",
}
_COLUMNS = {
    "auroc": "AUROC",
    "average_precision": "avg. precision",
    "precision_5": "precision 5 %",
    "precision_10": "precision 10 %",
    "brier": "Brier",
    "calibration_error": "ECE",
    "balanced_accuracy": "bal. accuracy",
}


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


def _table(title: str, results: list[Result]) -> Table:
    first = results[0]
    table = Table(
        title=f"{escape(title)}: {first.rows:,} windows of {first.students:,} students, "
        f"{first.base_rate:.1%} off track",
        title_justify="left",
        caption="95 % bootstrap intervals over students",
        caption_justify="left",
    )
    table.add_column("method", no_wrap=True)
    for column in _COLUMNS.values():
        table.add_column(column, justify="right", no_wrap=True)
    for line in results:
        table.add_row(line.method, *(_cell(line.metrics, name) for name in _COLUMNS))
    return table


def _cell(metrics: Mapping[str, Estimate], name: str) -> str:
    found = metrics.get(name)
    return "" if found is None else f"{found.value:.3f}\n[dim]{found.low:.3f}–{found.high:.3f}[/]"
