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
RANKING = {
    "auroc": "AUROC",
    "average_precision": "AP",
    "precision_5": "P@5%",
    "recall_5": "R@5%",
    "precision_10": "P@10%",
    "recall_10": "R@10%",
    "balanced_accuracy": "BA",
}
LEADS = {
    "in_time_high": "in time",
    "lead_days_high": "days before",
    "in_time_10": "in time @10%",
    "lead_days_10": "days before @10%",
}
RISKS = {
    "brier": "Brier",
    "calibration_error": "ECE",
    "calibration_slope": "slope",
    "mean_error": "mean error",
    "interval_width": "width",
    "coverage_on_track": "cover on",
    "coverage_off_track": "cover off",
    "undecided": "undecided",
}
_DAYS = ("lead_days_high", "lead_days_10")
_LEGEND = (
    "AP: average precision. P@ and R@: precision and recall in the top 5 and 10 % of each school "
    "and as-of day. BA: balanced accuracy of one flag or more. In time: share of the off-track "
    "students named before their outcome, by a risk in the band high (rules: one flag or more) or "
    "on the top 10 %; days: the median of instructional days from then to the outcome. ECE: "
    "expected calibration error. Slope: 1 is right, below is overconfident. Width: mean "
    "Venn-Abers interval. Cover: share of on-track and off-track rows whose prediction set holds "
    "what came true; undecided: sets of both or neither. Below each: 95 % bootstrap interval over "
    "students."
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
            yield from results_tables(title, results)
    yield Text(_LEGEND, style="dim")


def results_tables(title: str, results: list[Result]) -> Iterator[RenderableType]:
    """One population: how students are ranked, how early they are named, what the risks mean."""
    for name, columns in (("", RANKING), (": how early", LEADS), (": the risks", RISKS)):
        if any(columns.keys() & line.metrics.keys() for line in results):
            yield _table(f"{title}{name}", results, columns)


def _table(title: str, every: list[Result], columns: Mapping[str, str]) -> Table:
    first = every[0]
    results = [line for line in every if columns.keys() & line.metrics.keys()]
    shown = {
        name: said for name, said in columns.items() if any(name in one.metrics for one in results)
    }
    table = Table(
        title=f"{escape(title)}: {first.rows:,} windows of {first.students:,} students, "
        f"{first.base_rate:.1%} off track",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("method", no_wrap=True)
    for column in shown.values():
        table.add_column(column, justify="right", no_wrap=True)
    for line in results:
        table.add_row(line.method, *(_cell(line.metrics, name) for name in shown))
    return table


def _cell(metrics: Mapping[str, Estimate], name: str) -> str:
    found = metrics.get(name)
    if found is None:
        return ""
    if name in _DAYS:
        return f"{found.value:.0f}\n[dim]{found.low:.0f}–{found.high:.0f}[/]"
    low, high = (_short(end) for end in (found.low, found.high))
    return f"{found.value:.3f}\n[dim]{low}–{high}[/]"


def _short(value: float) -> str:
    """Three places, without the zero before the point."""
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"
